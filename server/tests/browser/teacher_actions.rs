//! What becomes of each click on the teacher's page: for a student's page, for a raw
//! TCP client and on the board, and how it is undone.

use std::time::{Duration, Instant};

use fantoccini::key::Key;
use serde_json::json;
use tokio::io::AsyncReadExt;

use crate::classroom::browser::Browser;
use crate::classroom::must;
use crate::classroom::student::press;
use crate::teacher::{Class, PAGE, RAW, tcp_from_elsewhere};

/// Waits until an element is shown, or is not.
async fn is_shown(browser: &Browser, id: &str, shown: bool) {
    browser.until(&format!("document.getElementById('{id}').hidden === {}", !shown)).await;
}

/// What the next read of the raw TCP client brings.
async fn one_read(class: &mut Class) -> String {
    let mut bytes = vec![0; 1024];
    let length = must("bytes", class.tcp.stream.read(&mut bytes)).await.unwrap();
    String::from_utf8(bytes[..length].to_vec()).unwrap()
}

/// Asks for the contact that the class has, and reads once. Returns how long that took.
async fn one_find(class: &mut Class) -> (String, Duration) {
    let start = Instant::now();
    class.tcp.send(b"find;wei\n").await;
    (one_read(class).await, start.elapsed())
}

#[tokio::test]
async fn what_the_teacher_switches_holds_for_pages_and_raw_tcp_until_it_is_switched_back() {
    let Some(mut class) = Class::open().await else { return };
    eyes_on_me(&class).await;
    stage(&mut class).await;
    pause_before_replies(&mut class).await;
    frozen_book(&mut class).await;
    announcement(&class).await;
    raised_hand(&class).await;
    sticky_replies(&mut class).await;
    class.browser.finish().await;
}

/// Input is held, what is written stays, and goes out afterwards.
async fn eyes_on_me(class: &Class) {
    let student = class.at_student().await;
    student.keys("add;wei;13800138000").await;
    class.does("pause").await;
    let left = "document.getElementById('held-for').innerText";
    class.at_teacher().await.until(&format!("/^[45]:/.test({left})")).await;
    let student = class.at_student().await;
    student.until("document.getElementById('say').dataset.paused === 'true'").await;
    is_shown(student, "held", true).await;
    let before = student.messages().await;
    student.keys(&char::from(Key::Enter).to_string()).await;
    student.until("document.querySelector('[data-said=held-paused]')?.offsetParent").await;
    assert_eq!(student.typed().await, "add;wei;13800138000");
    class.does("resume").await;
    let student = class.at_student().await;
    student.until("document.getElementById('say').dataset.paused === 'false'").await;
    is_shown(student, "held", false).await;
    assert_eq!(student.typed().await, "add;wei;13800138000");
    assert_eq!(student.messages().await, before);
    student.keys(&char::from(Key::Enter).to_string()).await;
    student.expect("received", "wei added!").await;
}

async fn stage(class: &mut Class) {
    class.does("stage-echo").await;
    class.at_student().await.until("document.documentElement.dataset.stage === 'echo'").await;
    class.tcp.send(b"find;wei\n").await;
    class.tcp.expect(b"Received find;wei;\n").await;
    class.does("stage-contacts").await;
    class.at_student().await.until("document.documentElement.dataset.stage === 'contacts'").await;
    class.tcp.send(b"find;wei\n").await;
    class.tcp.expect(b"13800138000\n").await;
}

async fn pause_before_replies(class: &mut Class) {
    class.presses("#lead [data-millis='500'][data-action=slow]").await;
    assert_eq!(class.concerned().await, "0.5 s");
    let (reply, took) = one_find(class).await;
    assert_eq!(reply, "13800138000\n");
    assert!(took >= Duration::from_millis(500), "{took:?}");
    class.presses("#lead [data-millis='0'][data-action=slow]").await;
    let (reply, took) = one_find(class).await;
    assert_eq!(reply, "13800138000\n");
    assert!(took < Duration::from_millis(500), "{took:?}");
}

async fn frozen_book(class: &mut Class) {
    class.does("freeze").await;
    is_shown(class.at_student().await, "frozen", true).await;
    class.tcp.send(b"add;b;2\n").await;
    let told = class.tcp.line().await;
    assert!(told.starts_with("Error: nothing was changed, your teacher has frozen"), "{told}");
    class.tcp.send(b"find;wei\n").await;
    class.tcp.expect(b"13800138000\n").await;
    class.does("thaw").await;
    is_shown(class.at_student().await, "frozen", false).await;
    class.tcp.send(b"add;b;2\n").await;
    class.tcp.expect(b"b added!\n").await;
}

async fn announcement(class: &Class) {
    const LINE: &str = "看黑板 <b>now</b>";
    class.writes("#announcement", LINE).await;
    class.does("announce").await;
    assert_eq!(class.concerned().await, LINE);
    let line = json!(LINE);
    let student = class.at_student().await;
    is_shown(student, "announcement", true).await;
    let text = "document.querySelector('#announcement [data-slot=text]').innerText";
    student.until(&format!("{text} === {line}")).await;
    let board = class.at_board().await;
    board.until(&format!("document.getElementById('announcement').innerText === {line}")).await;
    class.does("unannounce").await;
    is_shown(class.at_student().await, "announcement", false).await;
    is_shown(class.at_board().await, "announcement", false).await;
}

async fn raised_hand(class: &Class) {
    press(class.at_student().await, "#hand").await;
    let teacher = class.at_teacher().await;
    teacher.element(&format!("{PAGE}[data-hand]")).await;
    teacher.until("document.getElementById('hands-count').innerText === '1'").await;
    // The filter shows that row alone.
    press(teacher, "button[data-filter=hands]").await;
    teacher.until(&format!("!document.querySelector('{RAW}').offsetParent")).await;
    class.presses(&format!("{PAGE} [data-action=lower-hand]")).await;
    teacher.element(&format!("{PAGE}:not([data-hand])")).await;
    press(teacher, "button[data-filter=all]").await;
    let hand = "document.getElementById('hand').ariaPressed";
    class.at_student().await.until(&format!("{hand} === 'false'")).await;
}

/// For all, and for one.
async fn sticky_replies(class: &mut Class) {
    let all = "#lead";
    for whose in [all, RAW] {
        class.presses(&format!("{whose} [data-action=sticky-join]")).await;
        // Alone a reply waits a second for another one.
        let (reply, took) = one_find(class).await;
        assert_eq!(reply, "13800138000\n");
        assert!(took >= Duration::from_secs(1), "{took:?}");
        class.presses(&format!("{whose} [data-action=sticky-split]")).await;
        let (first, _) = one_find(class).await;
        assert_ne!(first, "13800138000\n");
        assert_eq!(first + &one_read(class).await, "13800138000\n");
        class.presses(&format!("{whose} [data-action=sticky-off]")).await;
        let (reply, took) = one_find(class).await;
        assert_eq!(reply, "13800138000\n");
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
}

#[tokio::test]
async fn what_the_teacher_shows_removes_and_ends_is_seen_on_the_board_and_the_student_s_page() {
    let Some(mut class) = Class::open().await else { return };
    class.tcp.send(b"add;wei;13800138000\nadd;rude <img>;2\n").await;
    class.tcp.expect(b"wei added!\nrude <img> added!\n").await;
    let student = class.at_student().await;
    press(student, "#me summary").await;
    student.element("#me [data-name]").await.send_keys("小明").await.unwrap();
    named(&class).await;
    lines_on_the_board(&mut class).await;
    one_on_the_board(&class).await;
    contacts(&class).await;
    door(&class).await;
    rows(&mut class).await;
    end(&class).await;
    class.browser.finish().await;
}

/// The name is in the student's row.
async fn named(class: &Class) {
    let name = format!("document.querySelector('{PAGE} [data-slot=name]').innerText === '小明'");
    class.at_teacher().await.until(&name).await;
}

const VIEW: &str = "document.documentElement.dataset.view";
const TALK: &str = "document.querySelector('.talk').offsetParent";

async fn lines_on_the_board(class: &mut Class) {
    assert_eq!(class.at_board().await.script(&format!("return {VIEW}")).await, "join");
    class.does("show").await;
    let board = class.at_board().await;
    board.until(&format!("{VIEW} === 'class' && {TALK}")).await;
    class.tcp.send(b"find;wei\n").await;
    class.tcp.expect(b"13800138000\n").await;
    let lines = "[...document.querySelectorAll('#lines > li > code')].map(it => it.innerText)";
    let board = class.at_board().await;
    board.until(&format!("{lines}.join() === 'find;wei,138****8000'")).await;
    class.does("hide").await;
    class.at_board().await.until(&format!("{VIEW} === 'join' && !{TALK}")).await;
}

async fn one_on_the_board(class: &Class) {
    let student = class.at_student().await;
    student.send("find;wei").await;
    student.expect("received", "13800138000").await;
    class.presses(&format!("{PAGE} [data-action=show-one]")).await;
    assert_eq!(class.concerned().await, "小明");
    is_shown(class.at_student().await, "on-board", true).await;
    let board = class.at_board().await;
    board.until(&format!("{VIEW} === 'class' && {TALK}")).await;
    board.until("document.getElementById('talk-title').innerText.includes('小明')").await;
    let bytes = "document.querySelector('#lines > .sent:nth-last-child(2) > small').innerText";
    board.until(&format!("{bytes} === '66 69 6E 64 3B 77 65 69'")).await;
    let reply = "document.querySelector('#lines > .recv:last-child > code').innerText";
    board.until(&format!("{reply} === '13800138000'")).await;
    board.screenshot("board-shows-one").await;
    class.does("hide").await;
    is_shown(class.at_student().await, "on-board", false).await;
    class.at_board().await.until(&format!("{VIEW} === 'join' && !{TALK}")).await;
}

async fn contacts(class: &Class) {
    let count = async |expected: u32| {
        let count = "document.getElementById('contacts-count').innerText";
        class.at_board().await.until(&format!("{count} === '{expected}'")).await;
    };
    count(2).await;
    class.writes("#contact", "rude <img>").await;
    let teacher = class.at_teacher().await;
    press(teacher, "#ask-author").await;
    teacher.until("document.getElementById('author').innerText.includes('127.0.0.3')").await;
    class.does("delete").await;
    assert_eq!(class.concerned().await, "rude <img>");
    count(1).await;
    class.does("reset").await;
    count(0).await;
    class.does("undo").await;
    count(1).await;
    class.does("undo").await;
    count(2).await;
    let disabled = "document.querySelector('[data-action=undo]').disabled";
    class.at_teacher().await.until(disabled).await;
}

async fn door(class: &Class) {
    class.does("close-door").await;
    let told = tcp_from_elsewhere(&class.server).await.rest().await;
    assert!(told.starts_with("Error: your teacher lets nobody in"), "{told}");
    class.does("open-door").await;
    tcp_from_elsewhere(&class.server).await.expect(b"Welcome!").await;
}

/// A student who is disconnected can come back, one who is blocked cannot until that is
/// undone.
async fn rows(class: &mut Class) {
    // Its row, and no more one of a client that has left.
    let mut last = String::new();
    let mut row = async |class: &Class| {
        let rows = format!("document.querySelectorAll(\"{RAW}\")");
        let is_new = format!("{rows}.length === 1 && {rows}[0].dataset.person !== '{last}'");
        let teacher = class.at_teacher().await;
        teacher.until(&is_new).await;
        let id = teacher.script(&format!("return {rows}[0].dataset.person")).await;
        id.as_str().unwrap().clone_into(&mut last);
    };
    let come_back = async |class: &mut Class| {
        class.tcp = tcp_from_elsewhere(&class.server).await;
        class.tcp.expect(b"Welcome!").await;
        class.tcp.send(b"find;wei\n").await;
        class.tcp.expect(b"13800138000\n").await;
    };
    row(class).await;
    class.presses(&format!("{RAW} [data-action=disconnect]")).await;
    class.tcp.expect_end().await;
    come_back(class).await;
    row(class).await;
    class.presses(&format!("{RAW} [data-action=block]")).await;
    class.tcp.expect_end().await;
    let told = tcp_from_elsewhere(&class.server).await.rest().await;
    assert!(told.starts_with("Error: your teacher has blocked"), "{told}");
    class.presses("#blocked [data-text='127.0.0.3'][data-action=unblock]").await;
    is_shown(class.at_teacher().await, "blocked", false).await;
    come_back(class).await;

    class.presses(&format!("{PAGE} [data-action=disconnect]")).await;
    let student = class.at_student().await;
    student.await_state("closed").await;
    student.click("#reconnect").await;
    student.await_state("open").await;
    named(class).await;
}

/// Asks once, and forgets everybody's name.
async fn end(class: &Class) {
    let teacher = class.at_teacher().await;
    press(teacher, "[data-action=end]").await;
    is_shown(teacher, "confirm", true).await;
    let entries = "[...document.querySelectorAll('#journal .did')].map(it => it.dataset.said)";
    assert_ne!(teacher.script(&format!("return {entries}")).await, json!([]));
    press(teacher, "[data-action=end]").await;
    teacher.until(&format!("{entries}.join() === 'did-end'")).await;
    let student = class.at_student().await;
    student.until("document.querySelector('#me [data-name]').value === ''").await;
    let rows = "[...document.querySelectorAll('#people [data-slot=name]')]";
    class.at_teacher().await.until(&format!("{rows}.every(it => it.innerText !== '小明')")).await;
}
