//! The panel of the student's own program: Python in the page.

use std::process::Command;

use crate::classroom::TestServer;
use crate::classroom::browser::{Browser, CHINESE, ENGLISH, PHONE, Visitor};
use crate::classroom::needs;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A page with the panel open, or nothing where the test is skipped: there is no
/// browser, or the server was built without Python.
async fn open(visitor: Visitor) -> Option<(TestServer, Browser)> {
    let server = TestServer::start().await;
    let browser = Browser::open(visitor, server.http).await?;
    browser.show("program").await;
    browser.until("document.getElementById('program-state')?.textContent").await;
    Some((server, browser))
}

/// Puts a program into the editor, as a paste does, and runs it.
async fn run(browser: &Browser, source: &str) {
    write(browser, source).await;
    browser.script("document.getElementById('run').click()").await;
}

async fn write(browser: &Browser, source: &str) {
    let script = "const editor = document.getElementById('editor'); editor.value = arguments[0]; \
                  editor.dispatchEvent(new Event('input', { bubbles: true }))";
    browser.client.execute(script, vec![json!(source)]).await.unwrap();
}

async fn choose(browser: &Browser, file: &str) {
    let script = "const file = document.getElementById('program-file'); file.value = arguments[0]; \
                  file.dispatchEvent(new Event('change', { bubbles: true }))";
    browser.client.execute(script, vec![json!(file)]).await.unwrap();
    browser.until("document.getElementById('editor').value").await;
}

async fn until_state(browser: &Browser, state: &str) {
    browser.until(&format!("document.getElementById('program').dataset.state === '{state}'")).await;
}

/// What the console shows: each line with its stream.
async fn output(browser: &Browser) -> Vec<(String, String)> {
    let script = "return [...document.getElementById('output').children].map(line => \
                  [line.dataset.stream, line.textContent])";
    serde_json::from_value(browser.script(script).await).unwrap()
}

async fn out(browser: &Browser) -> String {
    let lines = output(browser).await.into_iter().filter(|(stream, _)| stream == "out");
    lines.map(|(_, text)| text + "\n").collect()
}

async fn address(browser: &Browser) -> String {
    browser.until("document.getElementById('program').dataset.address").await;
    let address = browser.script("return document.getElementById('program').dataset.address").await;
    address.as_str().unwrap().to_owned()
}

/// What a raw TCP client hears up to some text, or to the end.
async fn hear(stream: &mut TcpStream, end: &str) -> String {
    let mut heard = Vec::new();
    let mut byte = [0];
    while !heard.ends_with(end.as_bytes()) && stream.read(&mut byte).await.unwrap() == 1 {
        heard.push(byte[0]);
    }
    String::from_utf8(heard).unwrap()
}

#[tokio::test]
async fn a_program_prints_fails_and_is_explained() {
    let Some((_server, browser)) = open(ENGLISH).await else { return };
    run(
        &browser,
        "print({'zhangsan': '13800138000', '张三': '1'})\n\ncontacts = {}\ncontacts['a']\n",
    )
    .await;
    until_state(&browser, "failed").await;
    let expected = [
        ("out", "{'zhangsan': '13800138000', '张三': '1'}"),
        ("err", "Traceback (most recent call last):"),
        ("err", "  File \"program.py\", line 4, in <module>"),
        ("err", "    contacts['a']"),
        ("err", "KeyError: 'a'"),
    ];
    let lines = output(&browser).await;
    let lines: Vec<_> = lines.iter().map(|(stream, text)| (&**stream, &**text)).collect();
    assert_eq!(lines, expected);
    browser
        .until("document.getElementById('program-why').textContent.startsWith('Line 4 The dict')")
        .await;
    let marked = "return document.querySelector('#program-lines .wrong').textContent";
    assert_eq!(browser.script(marked).await, "4");
    browser.screenshot("program-error").await;
    browser.finish().await;
}

#[tokio::test]
async fn a_client_in_the_page_talks_to_the_classroom() {
    let Some((_server, browser)) = open(CHINESE).await else { return };
    choose(&browser, "client2.py").await;
    let arguments = "const field = document.getElementById('arguments'); \
                     field.value = 'add 张三 13800138000'";
    browser.script(arguments).await;
    browser.script("document.getElementById('run').click()").await;
    until_state(&browser, "ended").await;
    assert_eq!(out(&browser).await, "张三 added!\n");
    choose(&browser, "client.py").await;
    browser.script("document.getElementById('run').click()").await;
    browser.until("document.getElementById('output').children.length >= 6").await;
    until_state(&browser, "ended").await;
    let expected = "Welcome!\nReceived message1;\nReceived message2;\nReceived message3;\n\
                    Received message4;\nReceived message5;\n";
    assert_eq!(out(&browser).await, expected);
    browser.screenshot("program-client").await;
    browser.finish().await;
}

#[tokio::test]
async fn a_server_in_the_page_is_reached_from_outside_until_it_is_stopped() {
    let Some((_server, browser)) = open(ENGLISH).await else { return };
    choose(&browser, "server2.py").await;
    browser.script("document.getElementById('run').click()").await;
    let address = address(&browser).await;
    let mut first = TcpStream::connect(&*address).await.unwrap();
    assert_eq!(hear(&mut first, "Welcome!").await, "Welcome!");
    first.write_all("add;张三;1".as_bytes()).await.unwrap();
    assert_eq!(hear(&mut first, "added!").await, "张三 added!");
    first.write_all(b"exit").await.unwrap();
    assert_eq!(hear(&mut first, "\0").await, "");
    let port = first.local_addr().unwrap().port();
    browser.until("document.getElementById('output').children.length === 3").await;
    let expected = format!(
        "Waiting for connection...\nAccept new connection from 127.0.0.1:{port}...\n\
         Connection from 127.0.0.1:{port} closed.\n"
    );
    assert_eq!(out(&browser).await, expected);
    browser.screenshot("program-server").await;
    browser.script("document.getElementById('stop').click()").await;
    until_state(&browser, "ended").await;
    // Its port is free again: the next one gets the same.
    browser.script("document.getElementById('run').click()").await;
    assert_eq!(self::address(&browser).await, address);
    browser.finish().await;
}

#[tokio::test]
async fn a_raw_python_client_hears_the_same_from_the_page_and_from_python3() {
    if !needs::program("python3", "--version") {
        return;
    }
    let Some((_server, browser)) = open(ENGLISH).await else { return };
    choose(&browser, "server.py").await;
    browser.script("document.getElementById('run').click()").await;
    let address = address(&browser).await;
    let (_, port) = address.split_once(':').unwrap();
    let client = "import socket, sys\ns = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n\
                  print(s.recv(1024))\nfor m in ['hello', '张三']:\n    s.sendall(m.encode())\n    \
                  print(s.recv(1024))\ns.sendall(b'exit')\nprint(s.recv(1024))\n";
    let mut command = Command::new("python3");
    command.args(["-c", client, port]);
    let heard = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let expected = "b'Welcome!'\nb'Received hello;'\n\
                    b'Received \\xe5\\xbc\\xa0\\xe4\\xb8\\x89;'\nb''\n";
    assert_eq!(String::from_utf8(heard.stdout).unwrap(), expected);
    browser.finish().await;
}

#[tokio::test]
async fn an_endless_loop_and_a_flood_are_stopped_and_the_page_answers_meanwhile() {
    let Some((_server, browser)) = open(ENGLISH).await else { return };
    run(&browser, "print('begun')\nwhile True:\n    pass\n").await;
    browser.until("document.getElementById('output').textContent === 'begun'").await;
    assert_eq!(
        browser.script("return document.getElementById('program').dataset.state").await,
        "running"
    );
    browser.script("document.getElementById('stop').click()").await;
    until_state(&browser, "ended").await;

    run(&browser, "for i in range(100000):\n    print(i)\n").await;
    // How long the page answers to nothing.
    browser
        .script(
            "window.longest = 0; let last = performance.now(); (function look() { \
             const now = performance.now(); window.longest = Math.max(window.longest, now - last); \
             last = now; setTimeout(look, 5); })()",
        )
        .await;
    until_state(&browser, "ended").await;
    let lines = output(&browser).await;
    assert_eq!(lines.last().unwrap().1, "99999");
    assert!(lines.len() <= 1_000);
    let longest = browser.script("return window.longest").await.as_f64().unwrap();
    println!("100,000 prints: the page answered after {longest:.0} ms at the latest");
    assert!(longest < 5_000.0, "{longest} ms");
    browser.finish().await;
}

#[tokio::test]
async fn a_line_is_typed_for_a_program_that_asks() {
    let Some((_server, browser)) = open(ENGLISH).await else { return };
    run(&browser, "name = input('Your name: ')\nprint('Hello', name)\n").await;
    browser.until("!document.getElementById('program-ask').hidden").await;
    let line = browser.element("#program-line").await;
    line.send_keys("张三").await.unwrap();
    line.send_keys(&char::from(fantoccini::key::Key::Enter).to_string()).await.unwrap();
    until_state(&browser, "ended").await;
    assert_eq!(out(&browser).await, "Your name: 张三\nHello 张三\n");
    browser.finish().await;
}

#[tokio::test]
async fn what_is_typed_survives_a_reload_and_keys_indent() {
    let Some((_server, browser)) = open(ENGLISH).await else { return };
    let editor = browser.element("#editor").await;
    editor.click().await.unwrap();
    let (enter, tab) =
        (char::from(fantoccini::key::Key::Enter), char::from(fantoccini::key::Key::Tab));
    editor.send_keys(&format!("while True:{enter}print(1){enter}{tab}x")).await.unwrap();
    let typed = "while True:\n    print(1)\n        x";
    let value = "return document.getElementById('editor').value";
    assert_eq!(browser.script(value).await, typed);
    let lines = "return document.getElementById('program-lines').children.length";
    assert_eq!(browser.script(lines).await, 3);
    // The browser's own undo takes it back.
    let undone = browser
        .script("document.execCommand('undo'); return document.getElementById('editor').value")
        .await;
    assert_ne!(undone, typed);
    browser.script("document.execCommand('redo')").await;
    browser.client.refresh().await.unwrap();
    browser.until("document.getElementById('editor')?.value").await;
    assert_eq!(browser.script(value).await, typed);
    browser.finish().await;
}

#[tokio::test]
async fn the_homework_is_checked_in_the_page_on_a_phone() {
    let Some((_server, browser)) = open(PHONE).await else { return };
    choose(&browser, "server2.py").await;
    let check = "document.getElementById('program-check').click()";
    browser.script(check).await;
    until_state(&browser, "failed").await;
    let failed = "return [...document.querySelectorAll('#program-checks > [data-state=failed]')]\
                  .map(each => each.dataset.check)";
    let failures = browser.script(failed).await;
    assert!(failures.as_array().unwrap().contains(&json!("find")), "{failures}");
    browser.screenshot("program-homework-red").await;
    // As the student completes it.
    let source = browser.script("return document.getElementById('editor').value").await;
    let source = source
        .as_str()
        .unwrap()
        .replace("return \"find ____\"", "return contacts.get(arg[1], \"Not Found!\")")
        .replace(
            "return \"remove ____\"",
            "if arg[1] not in contacts:\n            return \"Not Found!\"\n        \
             del contacts[arg[1]]\n        return arg[1] + \" removed!\"",
        );
    write(&browser, &source).await;
    browser.script(check).await;
    until_state(&browser, "ended").await;
    // What is beyond the homework may still fail.
    let failures = browser.script(failed).await;
    assert_eq!(failures, json!(["short-command", "garbage", "reset"]));
    let passed = "return document.querySelectorAll('#program-checks > [data-state=passed]').length";
    assert!(browser.script(passed).await.as_u64().unwrap() >= 13);
    browser.screenshot("program-homework-green").await;
    browser.finish().await;
}

#[tokio::test]
async fn a_page_serves_another_page() {
    let Some((server, one)) = open(ENGLISH).await else { return };
    choose(&one, "server2.py").await;
    one.script("document.getElementById('run').click()").await;
    let address = address(&one).await;
    let (_, port) = address.split_once(':').unwrap();
    // Another tab of the same browser: a page of its own.
    let other = format!("window.open('http://{}/')", server.http);
    let before = one.client.windows().await.unwrap();
    one.script(&other).await;
    let windows = one.client.windows().await.unwrap();
    let first = one.client.window().await.unwrap();
    let second = windows.into_iter().find(|window| !before.contains(window)).unwrap();
    one.client.switch_to_window(second).await.unwrap();
    one.await_state("open").await;
    one.show("program").await;
    one.until("document.getElementById('program-state')?.textContent").await;
    run(
        &one,
        &format!(
            "import socket\ns = socket.create_connection(('127.0.0.1', {port}))\n\
             print(s.recv(1024))\ns.sendall(b'add;a;1')\nprint(s.recv(1024))\n\
             socket.create_connection(('192.0.2.1', 80))\n"
        ),
    )
    .await;
    until_state(&one, "failed").await;
    assert_eq!(out(&one).await, "b'Welcome!'\nb'a added!'\n");
    let lines = output(&one).await;
    assert!(lines.last().unwrap().1.contains("Network is unreachable"), "{lines:?}");
    // The tab is closed.
    one.client.close_window().await.unwrap();
    one.client.switch_to_window(first).await.unwrap();
    one.finish().await;
}
