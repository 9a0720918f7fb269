//! The student's journey: the whole lesson on the page, from the welcome to the
//! homework, and a server of the student's own in it, in the browser engine of this run;
//! see [`classroom::engine`].

use std::net::SocketAddr;

use crate::classroom::browser::{Browser, CHINESE, ENGLISH, Visitor};
use crate::classroom::engine::Engine;
use crate::classroom::homework::{RealCheck, right_server};
use crate::classroom::port::student_port;
use crate::classroom::student::{Hand, OPEN, done, expect_open, walk};
use crate::classroom::{TestServer, needs};
use crate::program::{address, choose, hear, open, out, press, run, until_state};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// Goes through the lesson, looks at every panel and comes back later.
async fn journey(visitor: Visitor, hand: Hand) {
    let server = TestServer::start().await;
    let Some(browser) = Browser::open(visitor, server.http).await else { return };
    let is_chinese = visitor.language.starts_with("zh");
    let language = if is_chinese { "zh" } else { "en" };
    let speaks = format!("document.documentElement.lang.startsWith('{language}')");
    // WebKit takes its language from the system's locales, of which there may be
    // no Chinese one.
    if browser.script(&format!("return {speaks}")).await == json!(false) {
        assert_eq!(browser.engine(), Engine::WebKit);
        browser.click("#language").await;
        browser.until(&speaks).await;
    }

    walk(&browser, hand).await;
    let _check = do_homework(&browser, server.http).await;

    // Bytes, arrows, the lab, the class's book and the program.
    browser.send("add;张三;12345").await;
    browser.expect("received", "张三 added!").await;
    for (panel, shows) in [
        ("wire", "E5 BC A0"),
        ("sequence", "add;张三;12345"),
        ("sticky", "recv"),
        ("contacts", "12345"),
        ("python", "add;张三;12345"),
    ] {
        browser.show(panel).await;
        let shows = json!(shows);
        // Not `textContent`: what is not drawn does not count. The driver's own
        // text of a table is empty in WebKit.
        browser
            .until(&format!(
                "document.getElementById('{panel}').innerText.replace(/\\s+/g, ' ').includes({shows})"
            ))
            .await;
    }
    let mut other = server.tcp().await;
    other.send("add;李四;7\n".as_bytes()).await;
    browser.show("contacts").await;
    browser.until("document.getElementById('rows').innerText.includes('李四')").await;

    // A mistake is underlined, mended with one press, and explained when sent.
    browser.keys("find；张三").await;
    browser.click("#fix").await;
    assert_eq!(browser.typed().await, "find;张三");
    browser.send("").await;
    browser.expect("received", "12345").await;
    browser.send("Add;x;1").await;
    let says = if is_chinese { "小写" } else { "lower case" };
    let last = "document.querySelector('#conversation > :last-child').innerText";
    browser.until(&format!("{last}.includes('{says}')")).await;

    let before = done(&browser).await;
    browser.screenshot(&format!("journey-{:?}-{}", browser.engine(), visitor.language)).await;
    browser.go(&format!("http://{}/", server.http)).await;
    browser.await_state("open").await;
    assert_eq!(done(&browser).await, before);
    browser.until(&speaks).await;
    browser.finish().await;
}

/// Has a right server of the student's own checked, which ends the last step. The check
/// goes on until what is returned is dropped.
async fn do_homework(browser: &Browser, http: SocketAddr) -> Option<(RealCheck, TempDir)> {
    if !needs::program("python3", "--version") {
        return None;
    }
    let code = "document.getElementById('pairing')?.textContent";
    browser.until(&format!("{code}?.length === 6")).await;
    let code = browser.script(&format!("return {code}")).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("server.py"), right_server(student_port())).unwrap();
    let check = RealCheck::start(http, folder.path(), "server.py", code.as_str().unwrap()).await;
    browser
        .until(
            "(required => required.length > 10 \
             && required.every(each => each.dataset.state.match(/passed|note/)))\
             ([...document.querySelectorAll('#homework > :not([data-extra])')])",
        )
        .await;
    expect_open(browser, "homework").await;
    browser.until(&format!("document.querySelector('{OPEN}').dataset.done === 'true'")).await;
    Some((check, folder))
}

#[tokio::test]
async fn a_student_finishes_the_lesson_in_chinese() {
    journey(CHINESE, Hand::Presses).await;
}

#[tokio::test]
async fn a_student_finishes_the_lesson_in_english() {
    journey(ENGLISH, Hand::Types).await;
}

#[tokio::test]
async fn a_server_of_the_student_s_own_runs_in_the_page_until_it_is_stopped() {
    let Some((_server, browser)) = open(CHINESE).await else { return };
    choose(&browser, "server2.py").await;
    press(&browser, "run").await;
    let address = address(&browser).await;
    let mut raw = TcpStream::connect(&*address).await.unwrap();
    assert_eq!(hear(&mut raw, "Welcome!").await, "Welcome!");
    raw.write_all("add;张三;1".as_bytes()).await.unwrap();
    assert_eq!(hear(&mut raw, "added!").await, "张三 added!");
    raw.write_all(b"exit").await.unwrap();
    assert_eq!(hear(&mut raw, "\0").await, "");
    browser.until("document.getElementById('output').children.length === 3").await;
    press(&browser, "stop").await;
    until_state(&browser, "ended").await;
    browser.screenshot(&format!("journey-program-{:?}", browser.engine())).await;

    run(&browser, "print('begun')\nwhile True:\n    pass\n").await;
    browser.until("document.getElementById('output').textContent === 'begun'").await;
    press(&browser, "stop").await;
    until_state(&browser, "ended").await;
    choose(&browser, "client.py").await;
    press(&browser, "run").await;
    browser.until("document.getElementById('output').children.length === 6").await;
    until_state(&browser, "ended").await;
    assert_eq!(out(&browser).await.lines().count(), 6);

    choose(&browser, "server2.py").await;
    press(&browser, "program-restore").await;
    browser.until("document.getElementById('editor').value.includes('find ____')").await;
    press(&browser, "program-check").await;
    until_state(&browser, "failed").await;
    let checks = "return document.querySelectorAll('#program-checks > [data-state=passed]').length";
    assert!(browser.script(checks).await.as_u64().unwrap() > 3);
    browser.finish().await;
}
