//! Classes in a database in a browser: a student on one server, the board and the teacher
//! on another, and the entrance.
#![cfg(target_os = "linux")]

use fantoccini::key::Key;
use tcp_classroom::Rooms;

use crate::ADD;
use crate::board::{self, PROJECTOR};
use crate::classroom::TestServer;
use crate::classroom::browser::{Browser, CHINESE, ENGLISH};
use crate::classroom::postgres::Postgres;

/// Two servers of a database with one room: its code and its teacher's token.
async fn two_servers() -> Option<([TestServer; 2], String, String)> {
    let url = Postgres::shared()?.database().await;
    let rooms = Rooms::connect(&url).await.unwrap();
    let room = rooms.create("Class 3b", 1_000).await.unwrap();
    let one = TestServer::with_rooms(rooms).await;
    let two = TestServer::with_rooms(Rooms::connect(&url).await.unwrap()).await;
    Some(([one, two], room.code, room.token.as_str().to_owned()))
}

#[tokio::test]
async fn a_student_on_one_server_is_seen_and_held_from_another() {
    let Some(([one, two], code, token)) = two_servers().await else { return };
    let Some(browser) = Browser::start(CHINESE).await else { return };
    browser.go(&format!("http://{}/r/{code}/", one.http)).await;
    browser.await_state("open").await;
    browser.send(ADD).await;
    browser.expect("received", "zhangsan added!").await;
    let student = browser.window().await;

    browser.open_beside(PROJECTOR, &format!("http://{}/r/{code}/board", two.http)).await;
    board::await_state(&browser, "live").await;
    for (id, count) in [("pages", 1), ("clients", 0), ("contacts-count", 1)] {
        browser.until(&format!("document.getElementById('{id}').innerText === '{count}'")).await;
    }
    let teacher = format!("http://{}/r/{code}/teacher#{token}", two.http);
    browser.open_beside(CHINESE, &teacher).await;
    browser.until("document.documentElement.dataset.access === 'granted'").await;
    browser.until("document.querySelectorAll('#people > [data-state=fine]').length === 1").await;
    browser.click("[data-action=pause]").await;
    browser.turn_to(&student).await;
    browser.until("document.getElementById('say').dataset.paused === 'true'").await;
    browser.finish().await;
}

#[tokio::test]
async fn a_wrong_code_is_told_and_the_right_one_opens_the_class() {
    let Some(([one, _two], code, _)) = two_servers().await else { return };
    let Some(browser) = Browser::start(ENGLISH).await else { return };
    browser.go(&format!("http://{}/r/2345-6789-abcd/", one.http)).await;
    let told = "document.querySelector('[role=status]').innerText";
    browser.until(&format!("{told}.includes('There is no class with this code')")).await;
    browser.click("a[lang=zh-CN]").await;
    browser.until(&format!("{told}.includes('没有使用这个代码的课堂')")).await;
    browser.until("document.activeElement.name === 'code'").await;
    let typed = format!("{}{}", code.to_uppercase(), char::from(Key::Enter));
    browser.type_into("[name=code]", &typed).await;
    browser.await_state("open").await;
    browser.until(&format!("location.pathname === '/r/{code}/'")).await;
    browser.send(ADD).await;
    browser.expect("received", "zhangsan added!").await;
    // The browser notes the page of the wrong code.
    browser.finish_but_for("404").await;
}
