//! What becomes of a click in somebody's row on the teacher's page: for that one, and
//! that the other page and the Python program are left alone.

use std::time::{Duration, Instant};

use crate::class::{Class, NAMES, is_shown};
use crate::classroom::python::PythonClient;
use crate::teacher::{ELSEWHERE, RAW};

#[tokio::test]
async fn a_click_in_a_row_concerns_that_one_alone() {
    let Some(mut class) = Class::open().await else { return };
    class.python.send("add;wei;13800138000\n").await;
    class.python.expect("wei added!\n").await;
    raised_hand(&class).await;
    on_the_board(&mut class).await;
    sticky_replies_of_python(&mut class).await;
    sticky_replies_of_a_page(&mut class).await;
    disconnect_python(&mut class).await;
    disconnect_a_page(&mut class).await;
    class.finish().await;
}

/// Two raise a hand, and one is lowered.
async fn raised_hand(class: &Class) {
    for which in 0..NAMES.len() {
        class.at_student(which).await.click("#hand").await;
    }
    let [first, second] = [class.row(NAMES[0]).await, class.row(NAMES[1]).await];
    let teacher = class.at_teacher().await;
    teacher.await_element(&format!("{second}[data-hand]")).await;
    teacher.until("document.getElementById('hands-count').innerText === '2'").await;
    // The filter shows those rows alone.
    teacher.click("button[data-filter=hands]").await;
    teacher.until(&format!("!document.querySelector('{RAW}').offsetParent")).await;
    class.does_to(&first, "lower-hand").await;
    assert_eq!(class.concerned().await, NAMES[0]);
    teacher.await_element(&format!("{first}:not([data-hand])")).await;
    teacher.until("document.getElementById('hands-count').innerText === '1'").await;
    teacher.click("button[data-filter=all]").await;
    for (which, raised) in [(0, "false"), (1, "true")] {
        let hand = "document.getElementById('hand').ariaPressed";
        class.at_student(which).await.until(&format!("{hand} === '{raised}'")).await;
    }
}

const VIEW: &str = "document.documentElement.dataset.view";
const TALK: &str = "document.querySelector('.talk').offsetParent";

/// All lines, then those of one student, with their bytes; the other one's never.
async fn on_the_board(class: &mut Class) {
    assert_eq!(class.at_board().await.script(&format!("return {VIEW}")).await, "join");
    class.does("show").await;
    class.at_board().await.until(&format!("{VIEW} === 'class' && {TALK}")).await;
    class.python.send("find;wei\n").await;
    class.python.expect("13800138000\n").await;
    let lines = "[...document.querySelectorAll('#lines > li > code')].map(it => it.innerText)";
    class.at_board().await.until(&format!("{lines}.join() === 'find;wei,138****8000'")).await;
    class.does("hide").await;
    class.at_board().await.until(&format!("{VIEW} === 'join' && !{TALK}")).await;

    let row = class.row(NAMES[0]).await;
    class.does_to(&row, "show-one").await;
    assert_eq!(class.concerned().await, NAMES[0]);
    class.sees(0, "on-board", true).await;
    let board = class.at_board().await;
    board.until(&format!("{VIEW} === 'class' && {TALK}")).await;
    let named = format!("document.getElementById('talk-title').innerText.includes('{}')", NAMES[0]);
    board.until(&named).await;
    // The others first, so that their lines would be there by then.
    class.python_goes_on().await;
    class.goes_on(1).await;
    class.sees(1, "on-board", false).await;
    let student = class.at_student(0).await;
    student.send("find;wei").await;
    student.expect("received", "13800138000").await;
    let board = class.at_board().await;
    let bytes = "document.querySelector('#lines > .sent:nth-last-child(2) > small')?.innerText";
    board.until(&format!("{bytes} === '66 69 6E 64 3B 77 65 69'")).await;
    let reply = "document.querySelector('#lines > .recv:last-child > code').innerText";
    board.until(&format!("{reply} === '13800138000'")).await;
    assert_eq!(board.script(&format!("return {lines}.join().includes('nobody')")).await, false);
    board.screenshot("board-shows-one").await;
    class.does("hide").await;
    class.sees(0, "on-board", false).await;
    class.at_board().await.until(&format!("{VIEW} === 'join' && !{TALK}")).await;
}

/// How long a student's page waits for a reply: the least of some tries if that is to be
/// little, since a browser takes its time as well.
async fn page_waits(class: &Class, which: usize, tries: usize) -> Duration {
    let student = class.at_student(which).await;
    let mut least = Duration::MAX;
    for _ in 0..tries {
        let start = Instant::now();
        student.send("find;wei").await;
        student.expect("received", "13800138000").await;
        least = least.min(start.elapsed());
        if least < Duration::from_secs(1) {
            break;
        }
    }
    least
}

async fn python_waits(class: &mut Class) -> Duration {
    let (reply, took) = class.python.ask("find;wei\n").await;
    assert_eq!(reply, "13800138000\n");
    took
}

/// A reply that waits for another one waits a second.
const JOINED: Duration = Duration::from_secs(1);

async fn sticky_replies_of_python(class: &mut Class) {
    class.does_to(RAW, "sticky-join").await;
    assert_eq!(class.concerned().await, "127.0.0.3");
    assert!(python_waits(class).await >= JOINED);
    for (which, name) in NAMES.iter().enumerate() {
        assert!(page_waits(class, which, 5).await < JOINED, "{name}");
    }
    class.does_to(RAW, "sticky-split").await;
    let (first, _) = class.python.ask("find;wei\n").await;
    assert_ne!(first, "13800138000\n");
    assert_eq!(first + &class.python.recv().await, "13800138000\n");
    class.does_to(RAW, "sticky-off").await;
    assert!(python_waits(class).await < JOINED);
}

async fn sticky_replies_of_a_page(class: &mut Class) {
    let row = class.row(NAMES[1]).await;
    class.does_to(&row, "sticky-join").await;
    assert!(page_waits(class, 1, 2).await >= JOINED);
    assert!(page_waits(class, 0, 5).await < JOINED);
    assert!(python_waits(class).await < JOINED);
    class.does_to(&row, "sticky-off").await;
    assert!(page_waits(class, 1, 5).await < JOINED);
}

async fn disconnect_python(class: &mut Class) {
    let row = class.new_python_row("p").await;
    class.does_to(&row, "disconnect").await;
    class.python.expect_end().await;
    class.goes_on(0).await;
    class.goes_on(1).await;
    class.python_comes_back().await;
    class.python_goes_on().await;
    class.new_python_row(&row).await;
}

/// It comes back when the student asks for it.
async fn disconnect_a_page(class: &mut Class) {
    let row = class.row(NAMES[0]).await;
    class.does_to(&row, "disconnect").await;
    class.at_student(0).await.await_state("closed").await;
    class.is_told(0, "status-removed").await;
    class.goes_on(1).await;
    class.python_goes_on().await;
    let student = class.at_student(0).await;
    student.click("#reconnect").await;
    student.await_state("open").await;
    assert_eq!(class.row(NAMES[0]).await, row);
}

#[tokio::test]
async fn a_block_keeps_one_address_out_until_it_is_taken_back() {
    let Some(mut class) = Class::open().await else { return };
    let row = class.new_python_row("p").await;
    class.does_to(&row, "block").await;
    class.python.expect_end().await;
    let mut blocked = PythonClient::start(class.server.tcp, ELSEWHERE);
    let told = blocked.recv().await;
    assert!(told.starts_with("Error: your teacher has blocked"), "{told}");
    blocked.expect_end().await;
    class.goes_on(0).await;
    class.goes_on(1).await;
    class.presses("#blocked [data-text='127.0.0.3'][data-action=unblock]").await;
    is_shown(class.at_teacher().await, "blocked", false).await;
    class.python_comes_back().await;
    class.python_goes_on().await;

    let row = class.row(NAMES[1]).await;
    class.does_to(&row, "block").await;
    assert_eq!(class.concerned().await, format!("{} (127.0.0.4)", NAMES[1]));
    let student = class.at_student(1).await;
    student.await_state("closed").await;
    class.is_told(1, "status-removed").await;
    student.click("#reconnect").await;
    class.is_told(1, "status-blocked").await;
    class.goes_on(0).await;
    class.python_goes_on().await;
    class.presses("#blocked [data-text='127.0.0.4'][data-action=unblock]").await;
    let student = class.at_student(1).await;
    student.click("#reconnect").await;
    student.await_state("open").await;
    class.row(NAMES[1]).await;
    class.finish().await;
}
