//! What becomes of each click on the teacher's page that concerns everybody: for the
//! pages of two students, for a Python program and on the board, and how it is undone.

use std::time::Duration;

use fantoccini::key::Key;
use serde_json::json;
use tcp_classroom::Book;

use crate::class::{Class, NAMES, is_in, is_shown};
use crate::classroom::browser::CHINESE;
use crate::classroom::python::PythonClient;
use crate::teacher::ELSEWHERE;

#[tokio::test]
async fn what_the_teacher_switches_holds_for_pages_and_python_until_it_is_switched_back() {
    let Some(mut class) = Class::open().await else { return };
    eyes_on_me(&mut class).await;
    stage(&mut class).await;
    pause_before_replies(&mut class).await;
    frozen_book(&mut class).await;
    announcement(&class).await;
    sticky_replies_of_all(&mut class).await;
    class.finish().await;
}

/// Input is held, what is written stays, and goes out afterwards.
async fn eyes_on_me(class: &mut Class) {
    class.at_student(0).await.keys("add;wei;13800138000").await;
    class.does("pause").await;
    let left = "document.getElementById('held-for').innerText";
    class.at_teacher().await.until(&format!("/^[45]:/.test({left})")).await;
    class.both_see("held", true).await;
    let student = class.at_student(1).await;
    student.until("document.getElementById('say').dataset.paused === 'true'").await;
    let student = class.at_student(0).await;
    student.until("document.getElementById('say').dataset.paused === 'true'").await;
    let before = student.messages().await;
    student.keys(&char::from(Key::Enter).to_string()).await;
    student.until("document.querySelector('[data-said=held-paused]')?.offsetParent").await;
    assert_eq!(student.typed().await, "add;wei;13800138000");
    // A program has no input that could be held.
    class.python_goes_on().await;
    class.does("resume").await;
    class.both_see("held", false).await;
    let student = class.at_student(0).await;
    student.until("document.getElementById('say').dataset.paused === 'false'").await;
    assert_eq!(student.typed().await, "add;wei;13800138000");
    assert_eq!(student.messages().await, before);
    student.keys(&char::from(Key::Enter).to_string()).await;
    student.expect("received", "wei added!").await;
}

async fn stage(class: &mut Class) {
    for (stage, reply) in [("echo", "Received find;wei;"), ("contacts", "13800138000")] {
        class.does(&format!("stage-{stage}")).await;
        for which in 0..NAMES.len() {
            let student = class.at_student(which).await;
            student.until(&format!("document.documentElement.dataset.stage === '{stage}'")).await;
            student.send("find;wei").await;
            student.expect("received", reply).await;
        }
        class.python.send("find;wei\n").await;
        class.python.expect(&format!("{reply}\n")).await;
    }
}

/// Asks for the contact that the class has. Returns how long the reply took.
async fn one_find(class: &mut Class) -> Duration {
    let (reply, took) = class.python.ask("find;wei\n").await;
    assert_eq!(reply, "13800138000\n");
    took
}

async fn pause_before_replies(class: &mut Class) {
    class.presses("#lead [data-millis='500'][data-action=slow]").await;
    assert_eq!(class.concerned().await, "0.5 s");
    let took = one_find(class).await;
    assert!(took >= Duration::from_millis(500), "{took:?}");
    for which in 0..NAMES.len() {
        let start = std::time::Instant::now();
        let student = class.at_student(which).await;
        student.send("find;wei").await;
        student.expect("received", "13800138000").await;
        assert!(start.elapsed() >= Duration::from_millis(500), "{:?}", start.elapsed());
    }
    class.presses("#lead [data-millis='0'][data-action=slow]").await;
    let took = one_find(class).await;
    assert!(took < Duration::from_millis(500), "{took:?}");
}

async fn frozen_book(class: &mut Class) {
    class.does("freeze").await;
    class.both_see("frozen", true).await;
    class.python.send("add;b;2\n").await;
    let told = class.python.recv().await;
    assert!(told.starts_with("Error: nothing was changed, your teacher has frozen"), "{told}");
    class.python.send("find;wei\n").await;
    class.python.expect("13800138000\n").await;
    class.does("thaw").await;
    class.both_see("frozen", false).await;
    class.python.send("add;b;2\n").await;
    class.python.expect("b added!\n").await;
}

async fn announcement(class: &Class) {
    const LINE: &str = "看黑板 <b>now</b>";
    class.writes("#announcement", LINE).await;
    class.does("announce").await;
    assert_eq!(class.concerned().await, LINE);
    let line = json!(LINE);
    for which in 0..NAMES.len() {
        let student = class.at_student(which).await;
        is_shown(student, "announcement", true).await;
        let text = "document.querySelector('#announcement [data-slot=text]').innerText";
        student.until(&format!("{text} === {line}")).await;
    }
    let board = class.at_board().await;
    board.until(&format!("document.getElementById('announcement').innerText === {line}")).await;
    class.does("unannounce").await;
    class.both_see("announcement", false).await;
    is_shown(class.at_board().await, "announcement", false).await;
}

/// Two replies leave in one packet, and one reply in two.
async fn sticky_replies_of_all(class: &mut Class) {
    class.does("sticky-join").await;
    // Alone a reply waits a second for another one.
    let took = one_find(class).await;
    assert!(took >= Duration::from_secs(1), "{took:?}");
    class.does("sticky-split").await;
    let (first, _) = class.python.ask("find;wei\n").await;
    assert_ne!(first, "13800138000\n");
    assert_eq!(first + &class.python.recv().await, "13800138000\n");
    class.does("sticky-off").await;
    let took = one_find(class).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test]
async fn what_the_teacher_does_with_the_contacts_is_seen_by_everybody_and_undone() {
    let folder = tempfile::tempdir().unwrap();
    let book = Book::open(&folder.path().join("contacts.db"), 100).unwrap();
    let Some(mut class) = Class::with_book(book).await else { return };
    class.at_student(1).await.show("contacts").await;
    class.python.send("add;wei;13800138000\nadd;rude <img>;2\n").await;
    class.python.expect("wei added!\nrude <img> added!\n").await;
    delete_and_empty(&class).await;
    export(&class).await;
    new_book(&mut class, folder.path()).await;
    class.finish_but_for("409").await;
}

/// Waits until everybody sees so many contacts.
async fn count(class: &Class, contacts: u32) {
    class.until_board_counts(contacts).await;
    let rows = format!("document.querySelectorAll('#rows > *').length === {contacts}");
    class.at_student(1).await.until(&rows).await;
}

async fn delete_and_empty(class: &Class) {
    count(class, 2).await;
    class.writes("#contact", "rude <img>").await;
    let teacher = class.at_teacher().await;
    teacher.click("#ask-author").await;
    teacher.until("document.getElementById('author').innerText.includes('127.0.0.3')").await;
    class.does("delete").await;
    assert_eq!(class.concerned().await, "rude <img>");
    count(class, 1).await;
    class.does("reset").await;
    count(class, 0).await;
    class.does("undo").await;
    count(class, 1).await;
    class.does("undo").await;
    count(class, 2).await;
    let disabled = "document.querySelector('[data-action=undo]').disabled";
    class.at_teacher().await.until(disabled).await;
}

/// What a link of the teacher's downloads.
async fn export(class: &Class) {
    let teacher = class.at_teacher().await;
    for (link, expected) in
        [("contacts", "wei,13800138000"), ("progress", NAMES[0]), ("progress", NAMES[1])]
    {
        let csv = format!(
            "const [tell] = arguments; \
             fetch(document.querySelector('[data-said=export-{link}]').href)\
             .then(answer => answer.text()).then(tell)"
        );
        let csv = teacher.call_async(&csv, &[]).await;
        assert!(csv.as_str().unwrap().contains(expected), "{link}: {csv}");
    }
}

/// The next class begins with an empty book while the server goes on, and the old one
/// is a file.
async fn new_book(class: &mut Class, folder: &std::path::Path) {
    class.writes("#book-name", "7班").await;
    class.does("new-book").await;
    assert_eq!(class.concerned().await, "7班");
    count(class, 0).await;
    assert_eq!(Book::open(&folder.join("7班.db"), 100).unwrap().len(), 2);
    class.python.send("find;wei\nadd;next;3\n").await;
    class.python.expect("Not Found!\nnext added!\n").await;
    count(class, 1).await;
    let student = class.at_student(0).await;
    student.send("find;next").await;
    student.expect("received", "3").await;
    // A name that is taken is refused, in the teacher's language, and changes nothing.
    class.writes("#book-name", "7班").await;
    let teacher = class.at_teacher().await;
    teacher.click("[data-action=new-book]").await;
    let refusal = "document.getElementById('refusal').innerText";
    teacher.until(&format!("{refusal}.includes('7班.db')")).await;
    let refusal = teacher.script(&format!("return {refusal}")).await;
    let refusal = refusal.as_str().unwrap().replace('班', "");
    is_in(CHINESE, &refusal);
    count(class, 1).await;
    class.does("undo").await;
    count(class, 3).await;
    class.python.send("find;wei\n").await;
    class.python.expect("13800138000\n").await;
}

#[tokio::test]
async fn the_door_and_the_end_of_the_lesson_hold_for_everybody() {
    let Some(mut class) = Class::open().await else { return };
    door(&mut class).await;
    students_servers(&class).await;
    class.journal_is_in_both_languages().await;
    end(&mut class).await;
    class.finish().await;
}

/// Those who are inside stay.
async fn door(class: &mut Class) {
    class.does("close-door").await;
    let mut late = PythonClient::start(class.server.tcp, ELSEWHERE);
    let told = late.recv().await;
    assert!(told.starts_with("Error: your teacher lets nobody in"), "{told}");
    late.expect_end().await;
    class.goes_on(0).await;
    class.goes_on(1).await;
    class.python_goes_on().await;
    // A page that is opened now says why it is not let in, and does not take the server
    // for gone.
    let student = class.at_student(1).await;
    student.client.refresh().await.unwrap();
    class.is_told(1, "status-door").await;
    let student = class.at_student(1).await;
    student.client.refresh().await.unwrap();
    class.is_told(1, "status-door").await;
    student.screenshot("student-at-the-door").await;
    class.does("open-door").await;
    PythonClient::start(class.server.tcp, ELSEWHERE).expect("Welcome!").await;
    let student = class.at_student(1).await;
    student.click("#reconnect").await;
    student.await_state("open").await;
}

/// What it does is shown by the tests of students' servers.
async fn students_servers(class: &Class) {
    class.does("open-servers").await;
    class.does("close-servers").await;
}

/// Asks once, and forgets everybody's name; the conversations go on.
async fn end(class: &mut Class) {
    let teacher = class.at_teacher().await;
    teacher.click("[data-action=end]").await;
    is_shown(teacher, "confirm", true).await;
    let entries = "[...document.querySelectorAll('#journal .did')].map(it => it.dataset.said)";
    assert_ne!(teacher.script(&format!("return {entries}")).await, json!([]));
    teacher.click("[data-action=end]").await;
    teacher.until(&format!("{entries}.join() === 'did-end'")).await;
    for which in 0..NAMES.len() {
        let student = class.at_student(which).await;
        student.until("document.querySelector('#me [data-name]').value === ''").await;
        class.goes_on(which).await;
    }
    class.python_goes_on().await;
    let rows = "[...document.querySelectorAll('#people [data-slot=name]')]";
    let is_gone = format!("{rows}.every(it => !{}.includes(it.innerText))", json!(NAMES));
    class.at_teacher().await.until(&is_gone).await;
}
