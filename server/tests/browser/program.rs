//! The panel of the student's own program: Python in the page.

use crate::classroom::browser::{Browser, CHINESE, ENGLISH, Visitor};
use crate::classroom::{TestServer, get};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A page with the panel open, or nothing where the test is skipped because there is no
/// browser.
pub async fn open(visitor: Visitor) -> Option<(TestServer, Browser)> {
    open_at(visitor, TestServer::start().await).await
}

/// The same, of a server that runs already.
pub async fn open_at(visitor: Visitor, server: TestServer) -> Option<(TestServer, Browser)> {
    let told = get(server.http, api::PYTHON, "").await.text();
    let python: api::Python = serde_json::from_str(&told).unwrap();
    assert!(python.program.is_some(), "there is no Python; `cargo xtask page` builds it");
    let browser = Browser::open(visitor, server.http).await?;
    open_panel(&browser).await;
    Some((server, browser))
}

/// Opens the panel and waits for its texts.
pub async fn open_panel(browser: &Browser) {
    browser.show("program").await;
    browser.until("document.getElementById('program-state')?.textContent").await;
}

/// Presses one of the panel's buttons, as a finger or a mouse does.
pub async fn press(browser: &Browser, button: &str) {
    browser.click(&format!("#{button}")).await;
}

/// Puts a program into the editor, as a paste does, and runs it.
pub async fn run(browser: &Browser, source: &str) {
    write(browser, source).await;
    press(browser, "run").await;
}

/// Puts a text into the editor, as a paste does.
pub async fn write(browser: &Browser, source: &str) {
    let script = "const editor = document.getElementById('editor'); editor.value = arguments[0]; \
                  editor.dispatchEvent(new Event('input', { bubbles: true }))";
    browser.call(script, &[json!(source)]).await;
}

/// Opens one of the files, with the text that the server has for it.
pub async fn choose(browser: &Browser, file: &str) {
    let script = "const file = document.getElementById('program-file'); file.value = arguments[0]; \
                  file.dispatchEvent(new Event('change', { bubbles: true }))";
    browser.call(script, &[json!(file)]).await;
    browser.until("document.getElementById('editor').value").await;
}

/// Waits until the panel says so of the program.
pub async fn until_state(browser: &Browser, state: &str) {
    browser.until(&format!("document.getElementById('program').dataset.state === '{state}'")).await;
}

/// What the console shows: each line with its stream.
pub async fn output(browser: &Browser) -> Vec<(String, String)> {
    let script = "return [...document.getElementById('output').children].map(line => \
                  [line.dataset.stream, line.textContent])";
    serde_json::from_value(browser.script(script).await).unwrap()
}

/// What the program printed on standard output.
pub async fn out(browser: &Browser) -> String {
    let lines = output(browser).await.into_iter().filter(|(stream, _)| stream == "out");
    lines.map(|(_, text)| text + "\n").collect()
}

/// Where the program is reached, once it listens.
pub async fn address(browser: &Browser) -> String {
    browser.until("document.getElementById('program').dataset.address").await;
    let address = browser.script("return document.getElementById('program').dataset.address").await;
    address.as_str().unwrap().to_owned()
}

/// What a raw TCP client hears up to some text, or to the end.
pub async fn hear(stream: &mut TcpStream, end: &str) -> String {
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
    press(&browser, "run").await;
    until_state(&browser, "ended").await;
    assert_eq!(out(&browser).await, "张三 added!\n");
    choose(&browser, "client.py").await;
    press(&browser, "run").await;
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
    press(&browser, "run").await;
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
    press(&browser, "stop").await;
    until_state(&browser, "ended").await;
    // Its port is free again: the next one gets the same.
    press(&browser, "run").await;
    assert_eq!(self::address(&browser).await, address);
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
    press(&browser, "stop").await;
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
    // In stages, each of which has its time: a busy machine needs half a minute for all.
    let last = "Number(document.getElementById('output').lastElementChild?.textContent)";
    for stage in [25_000, 50_000, 75_000] {
        browser.until(&format!("{last} > {stage}")).await;
    }
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
    browser.type_into("#program-line", "张三").await;
    browser.type_into("#program-line", &char::from(fantoccini::key::Key::Enter).to_string()).await;
    until_state(&browser, "ended").await;
    assert_eq!(out(&browser).await, "Your name: 张三\nHello 张三\n");
    browser.finish().await;
}

#[tokio::test]
async fn what_is_typed_survives_a_reload_and_keys_indent() {
    let Some((_server, browser)) = open(ENGLISH).await else { return };
    browser.click("#editor").await;
    let (enter, tab) =
        (char::from(fantoccini::key::Key::Enter), char::from(fantoccini::key::Key::Tab));
    browser.type_into("#editor", &format!("while True:{enter}print(1){enter}{tab}x")).await;
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
    // Each program has a text of its own.
    choose(&browser, "client.py").await;
    write(&browser, "print('another')\n").await;
    choose(&browser, "program.py").await;
    assert_eq!(browser.script(value).await, typed);
    choose(&browser, "client.py").await;
    assert_eq!(browser.script(value).await, "print('another')\n");
    // What the server has for it, once more.
    press(&browser, "program-restore").await;
    browser.until("document.getElementById('editor').value.includes('import socket')").await;
    browser.finish().await;
}

#[tokio::test]
async fn python_is_downloaded_when_a_program_first_runs_and_kept_for_good() {
    let Some((_server, browser)) = open(ENGLISH).await else { return };
    let files =
        "performance.getEntriesByType('resource').filter(each => each.name.includes('python-'))";
    let bytes = format!("return {files}.map(each => each.transferSize)");
    assert_eq!(browser.script(&bytes).await, json!([]), "nothing before");
    // As over a network of 40 Mbit/s, on which it takes half a second.
    let slow = json!({
        "offline": false, "latency": 0, "downloadThroughput": 5_000_000, "uploadThroughput": -1,
    });
    browser.devtools("Network.enable", json!({})).await;
    browser.devtools("Network.emulateNetworkConditions", slow).await;
    let watch = "const bar = document.getElementById('program-progress'); window.seen = []; \
                 new MutationObserver(() => window.seen.push(bar.hidden ? -1 : Number(bar.value)))\
                 .observe(bar, { attributes: true })";
    browser.script(watch).await;
    run(&browser, "print('here')\n").await;
    until_state(&browser, "ended").await;
    let seen = browser.script("return window.seen").await;
    let seen: Vec<f64> = serde_json::from_value(seen).unwrap();
    assert!(seen.iter().any(|part| 0.0 < *part && *part < 1.0), "{seen:?}");
    assert_eq!(seen.last(), Some(&-1.0), "it is hidden again");
    // The program itself; its script is the worker's.
    let downloaded: Vec<u64> = serde_json::from_value(browser.script(&bytes).await).unwrap();
    assert!(downloaded.iter().sum::<u64>() > 1_000_000, "{downloaded:?}");
    run(&browser, "print('here again')\n").await;
    browser.until("document.getElementById('output').textContent === 'here again'").await;
    let programs = format!("return {files}.filter(each => each.name.endsWith('.wasm')).length");
    assert_eq!(browser.script(&programs).await, json!(1), "not once more");
    browser.client.refresh().await.unwrap();
    browser.until("document.getElementById('program-state')?.textContent").await;
    run(&browser, "print('here')\n").await;
    until_state(&browser, "ended").await;
    let again: Vec<u64> = serde_json::from_value(browser.script(&bytes).await).unwrap();
    assert!(!again.is_empty() && again.iter().all(|bytes| *bytes == 0), "{again:?}");
    browser.finish().await;
}
