//! The conversation of a page with a server that runs in a page: its own, and another's.

use std::net::SocketAddr;

use crate::classroom::TestServer;
use crate::classroom::browser::{Browser, CHINESE, ENGLISH, PHONE, Visitor};
use crate::classroom::teacher::Teacher;
use crate::program::{address, choose, open, open_panel, out, press, until_state};
use fantoccini::key::Key;
use serde_json::json;
use tcp_classroom::PortRange;

/// What stands above the newest greeting.
async fn opening(browser: &Browser) -> String {
    let script = "return [...document.querySelectorAll('#conversation .note')].pop().innerText";
    browser.script(script).await.as_str().unwrap().to_owned()
}

/// Waits until the page talks to the server that is called so.
async fn until_with(browser: &Browser, server: &str) {
    let notes = "document.querySelectorAll('#conversation .note')";
    browser.until(&format!("[...{notes}].pop()?.innerText.includes('{server}')")).await;
    browser.await_state("open").await;
}

const IS_WITH_CLASS: &str = "!document.documentElement.hasAttribute('data-own')";

/// Sends some lines, and waits for the answer to each.
async fn exchange(browser: &Browser, lines: &[(&str, &str)]) {
    for (line, answer) in lines {
        browser.send(line).await;
        browser.expect("received", answer).await;
    }
}

#[tokio::test]
async fn a_page_talks_to_the_server_that_it_runs_and_is_back_with_the_class_when_that_ends() {
    for (visitor, here, back) in [
        (CHINESE, "这台电脑上的程序可以连接", "那台服务器停了"),
        (ENGLISH, "Programs on this computer can connect", "That server has stopped"),
    ] {
        let visitor = Visitor { width: 1280, height: 720, ..visitor };
        let Some((server, browser)) = open(visitor).await else { return };
        choose(&browser, "server2.py").await;
        press(&browser, "run").await;
        let address = address(&browser).await;
        let says = "return document.getElementById('program-address').innerText";
        let says = browser.script(says).await.as_str().unwrap().to_owned();
        assert!(says.starts_with(here) && says.contains("--lan"), "{says}");
        let seen = "return document.querySelector('.other').offsetParent !== null";
        assert_eq!(browser.script(seen).await, json!(false));

        press(&browser, "program-talk").await;
        until_with(&browser, &address).await;
        exchange(&browser, &[("add;张三;138", "张三 added!")]).await;
        let told = "document.getElementById('output').textContent";
        browser.until(&format!("{told}.includes('Accept new connection from 127.0.0.1:')")).await;
        // Its bytes and its arrows are seen as the class's server's.
        browser.show("wire").await;
        browser.until("document.getElementById('wire-received').textContent.includes('张')").await;
        browser.show("sequence").await;
        browser
            .until("document.getElementById('arrows').textContent.includes('张三 added!')")
            .await;
        browser.show("program").await;
        browser.screenshot(&format!("program-talk-{}", visitor.language)).await;
        // The way back, and to it once more.
        let bar = browser.script("return document.getElementById('other-server').innerText").await;
        assert_eq!(bar, json!(address));
        browser.click(".other > button").await;
        until_with(&browser, &server.http.to_string()).await;
        assert_eq!(browser.script(seen).await, json!(false));
        exchange(&browser, &[("find;张三", "Not Found!")]).await;
        press(&browser, "program-talk").await;
        until_with(&browser, &address).await;
        press(&browser, "stop").await;
        browser.until(IS_WITH_CLASS).await;
        until_with(&browser, back).await;
        let note = opening(&browser).await;
        assert!(note.contains(&server.http.to_string()), "{note}");
        exchange(&browser, &[("find;张三", "Not Found!")]).await;
        browser.screenshot(&format!("program-talk-ended-{}", visitor.language)).await;
        browser.finish().await;
    }
}

#[tokio::test]
async fn the_homework_s_switch_leads_to_the_program_that_runs_and_a_crash_leads_back() {
    let Some((_server, browser)) = open(ENGLISH).await else { return };
    browser.click("[data-step=homework] .step").await;
    let shown = "return ['.with-relay', '#check-again', '.to-own', '.to-class'].map(css => \
                 document.querySelector(css).offsetParent !== null)";
    assert_eq!(browser.script(shown).await, json!([false, false, false, false]));
    // The server greets, answers once and fails.
    let source = "import socket\ns = socket.socket()\ns.bind(('127.0.0.1', 9999))\ns.listen(5)\n\
                  c, a = s.accept()\nc.send(b'Welcome!')\nprint(c.recv(1024))\nc.send(b'Not Found!')\n\
                  print(c.recv(1024))\n{}['a']\n";
    crate::program::run(&browser, source).await;
    address(&browser).await;
    assert_eq!(browser.script(shown).await, json!([true, false, true, false]));
    browser.script("document.querySelector('.to-own').click()").await;
    until_with(&browser, "127.0.0.1").await;
    assert_eq!(browser.script(shown).await, json!([true, false, false, true]));
    exchange(&browser, &[("find;a", "Not Found!")]).await;
    browser.send("find;b").await;
    until_state(&browser, "failed").await;
    browser.until(IS_WITH_CLASS).await;
    until_with(&browser, "That server has stopped").await;
    assert_eq!(out(&browser).await, "b'find;a'\nb'find;b'\n");
    assert_eq!(browser.script(shown).await, json!([false, false, false, false]));
    browser.finish().await;
}

#[tokio::test]
async fn a_phone_talks_to_a_classmate_s_server_by_name_until_it_stops() {
    let Some((server, browser)) = open(CHINESE).await else { return };
    let first = browser.window().await;
    let named = "const name = document.querySelector('[data-name]'); name.value = arguments[0]; \
                 name.dispatchEvent(new Event('input', { bubbles: true }))";
    browser.call(named, &[json!("wei1")]).await;
    choose(&browser, "server2.py").await;
    press(&browser, "run").await;
    let address = address(&browser).await;
    // Its own page has no neighbours.
    let is_alone = "return document.getElementById('program-servers').hidden";
    assert_eq!(browser.script(is_alone).await, json!(true));

    // Another page for the server: what a browser keeps is kept for each address.
    let phone = Visitor { language: "en-US", ..PHONE };
    let page = format!("http://classroom.test:{}/", server.http.port());
    let second = browser.open_beside(phone, &page).await;
    browser.await_state("open").await;
    open_panel(&browser).await;
    browser.until("document.getElementById('program-servers').innerText.includes('1')").await;
    browser.click("#program-servers > summary").await;
    let name = "document.querySelector('#program-servers li b')?.innerText === 'wei1'";
    browser.until(name).await;
    browser.screenshot("program-neighbours-phone").await;
    browser.click("#program-servers li button").await;
    // The phone has turned to the conversation.
    browser.until("!document.getElementById('talk').hidden").await;
    until_with(&browser, &format!("wei1 {address}")).await;
    exchange(&browser, &[("add;李四;1", "李四 added!")]).await;
    browser.screenshot("program-neighbour-talk-phone").await;
    // The way back is above the conversation, for a keyboard as well.
    let bar = browser.script("return document.querySelector('.other').innerText").await;
    let expected = format!("wei1 {address}\nBack to the class’s server");
    assert_eq!(bar.as_str().unwrap().replace("\n\n", "\n"), expected);
    browser.script("document.getElementById('conversation').focus()").await;
    let (shift, tab) = (char::from(Key::Shift), char::from(Key::Tab));
    browser.element("#conversation").await.send_keys(&format!("{shift}{tab}")).await.unwrap();
    browser.until("document.activeElement.matches('.other > button')").await;
    let enter = String::from(char::from(Key::Enter));
    browser.element(".other > button").await.send_keys(&enter).await.unwrap();
    browser.until(IS_WITH_CLASS).await;
    browser.until("document.activeElement.id === 'command'").await;
    exchange(&browser, &[("find;李四", "Not Found!")]).await;
    browser.show("program").await;
    browser.click("#program-servers li button").await;
    until_with(&browser, &format!("wei1 {address}")).await;
    browser.turn_to(&first).await;
    assert_eq!(browser.script(is_alone).await, json!(true));
    press(&browser, "stop").await;
    browser.turn_to(&second).await;
    browser.until(IS_WITH_CLASS).await;
    until_with(&browser, "That server has stopped").await;
    browser.show("program").await;
    browser.until("document.getElementById('program-servers').hidden").await;
    browser.finish().await;
}

#[tokio::test]
async fn on_the_network_a_page_is_told_who_reaches_its_server_as_the_teacher_switches() {
    let ports = PortRange { first: 10_280, last: 10_283 };
    let server = TestServer::with(|config| {
        config.tcp = SocketAddr::from(([0, 0, 0, 0], 0));
        config.http = config.tcp;
        config.limits.student_ports = ports;
    })
    .await;
    let http = SocketAddr::from(([127, 0, 0, 1], server.http.port()));
    let mut teacher = Teacher::of(&server);
    teacher.host = http.to_string();
    let Some(browser) = Browser::start(CHINESE).await else { return };
    // As from another computer.
    browser.go(&format!("http://classroom.test:{}/", http.port())).await;
    browser.await_state("open").await;
    open_panel(&browser).await;
    choose(&browser, "server2.py").await;
    press(&browser, "run").await;
    let says = "document.getElementById('program-address').innerText";
    browser.until(&format!("{says}.startsWith('现在只有你自己能和它对话')")).await;
    browser.screenshot("program-closed").await;
    let alone = address(&browser).await;
    press(&browser, "program-talk").await;
    until_with(&browser, &alone).await;
    let first = browser.window().await;

    let second = browser.open_beside(ENGLISH, &format!("http://{http}/")).await;
    browser.await_state("open").await;
    open_panel(&browser).await;
    let listed = "!document.getElementById('program-servers').hidden";
    // It has asked, and is told of none.
    browser
        .until("performance.getEntriesByType('resource').some(e => e.name.includes('/servers'))")
        .await;
    assert_eq!(browser.script(&format!("return {listed}")).await, json!(false));
    teacher.does("open-servers").await;
    browser.until(listed).await;
    browser.turn_to(&first).await;
    browser.until(&format!("{says}.startsWith('同学可以在自己的网页里和它对话')")).await;
    press(&browser, "stop").await;
    browser.until(IS_WITH_CLASS).await;
    press(&browser, "run").await;
    browser.until(&format!("{says}.startsWith('同学可以连接')")).await;
    let open = address(&browser).await;
    assert_eq!(open, alone.replace("127.0.0.1", "classroom.test"), "the same port");
    browser.screenshot("program-open").await;
    browser.turn_to(&second).await;
    let port = open.rsplit_once(':').unwrap().1;
    let told = "document.querySelector('#program-servers code')?.textContent";
    browser.until(&format!("{told}.endsWith(':{port}')")).await;
    teacher.does("close-servers").await;
    browser.until(&format!("!({listed})")).await;
    browser.finish().await;
}

#[tokio::test]
async fn a_program_and_what_it_prints_are_in_sight_on_small_screens() {
    let server = TestServer::start().await;
    for (width, height, phone) in
        [(1280, 720, false), (1024, 600, false), (390, 844, true), (360, 640, true)]
    {
        let visitor = Visitor { width, height, phone, ..CHINESE };
        let Some(browser) = Browser::open(visitor, server.http).await else { return };
        open_panel(&browser).await;
        choose(&browser, "server2.py").await;
        press(&browser, "run").await;
        address(&browser).await;
        browser.until("document.getElementById('output').children.length === 1").await;
        for (dark, theme) in [(false, "light"), (true, "dark")] {
            browser.set_dark(dark).await;
            browser.screenshot(&format!("program-{width}-{theme}")).await;
        }
        let ends = "return ['program-file', 'run', 'stop', 'program-check', 'program-talk', 'output', \
                    'editor'].map(id => {\
                    const box = document.getElementById(id).getBoundingClientRect(); \
                    const panel = document.getElementById('program').getBoundingClientRect(); \
                    return [box.top, box.bottom, box.right, panel.bottom, innerWidth] })";
        let ends: Vec<[f64; 5]> = serde_json::from_value(browser.script(ends).await).unwrap();
        let [ways @ .., output, editor] = &ends[..] else { panic!("{ends:?}") };
        for [top, bottom, right, panel, width] in ways {
            assert!(*top >= 0.0 && bottom <= panel && right <= width, "{ends:?}");
        }
        // Some lines of the program as well, and six of the console.
        assert!(editor[0] + 92.0 <= editor[3], "{ends:?}");
        let line =
            "return parseFloat(getComputedStyle(document.getElementById('output')).lineHeight)";
        let line = browser.script(line).await.as_f64().unwrap();
        if height > 640 || !phone {
            assert!(editor[1] <= output[0] && output[1] <= output[3], "{ends:?}");
            assert!(output[1] - output[0] >= 6.0 * line, "{ends:?}");
        }
        browser.finish().await;
    }
}

#[tokio::test]
async fn a_page_talks_to_a_program_that_does_not_greet() {
    for (visitor, says) in [(CHINESE, "它还没有说 Welcome!"), (ENGLISH, "it has not said Welcome!")]
    {
        let Some((_server, browser)) = open(visitor).await else { return };
        let source = "import socket\ns = socket.socket()\ns.bind(('127.0.0.1', 9999))\ns.listen(5)\n\
                      c, a = s.accept()\nwhile True:\n    d = c.recv(1024)\n    if not d:\n        break\n    \
                      c.send(b'Received ' + d + b';')\n";
        crate::program::run(&browser, source).await;
        address(&browser).await;
        press(&browser, "program-talk").await;
        until_with(&browser, says).await;
        // The panels show an arrow and a frame without a text.
        for panel in ["wire", "python", "sequence"] {
            browser.show(panel).await;
        }
        browser.screenshot(&format!("program-silent-{}", visitor.language)).await;
        exchange(&browser, &[("hello", "Received hello;"), ("张三", "Received 张三;")]).await;
        browser.screenshot(&format!("program-silent-answers-{}", visitor.language)).await;
        browser.finish().await;
    }
}
