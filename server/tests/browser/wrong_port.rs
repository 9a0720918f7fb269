//! What a browser shows and does on the lesson's port, and a page of another origin
//! in it.

use serde_json::json;

use crate::classroom::browser::{Browser, ENGLISH};
use crate::classroom::intruder::{LINES, assert_unchanged, with_zhangsan};
use crate::classroom::static_host::StaticHost;
use crate::classroom::{DEADLINE, TestServer};

/// A page of another origin that tries every way a page has to send lines
/// without being asked to read an answer.
fn evil_page(tcp: std::net::SocketAddr) -> String {
    let (target, lines) = (json!(format!("http://{tcp}/")), json!(LINES));
    format!(
        "<!doctype html><meta charset=utf-8><link rel=icon href='data:,'><title>evil</title>
        <form method=post enctype=text/plain action={target}>
        <textarea name=x></textarea><button>go</button></form>
        <script>
        const target = {target}, lines = {lines};
        document.querySelector('textarea').value = '\\n' + lines;
        async function attack() {{
            const post = {{ method: 'POST', mode: 'no-cors', body: lines }};
            await fetch(target, post).catch(() => 0);
            await new Promise(done => {{
                const request = new XMLHttpRequest();
                request.onloadend = done;
                request.open('POST', target);
                request.setRequestHeader('Content-Type', 'text/plain');
                request.send(lines);
            }});
            if (!navigator.sendBeacon(target, lines)) throw 'no beacon';
            const sent = () => performance.getEntriesByType('resource')
                .filter(entry => entry.name == target).length;
            while (sent() < 3) await new Promise(done => setTimeout(done, 10));
        }}
        attack().then(() => document.title = 'done', error => document.title = error);
        </script>"
    )
}

#[tokio::test]
async fn a_browser_on_the_lesson_s_port_reads_where_the_page_is() {
    let server = with_zhangsan().await;
    let Some(browser) = Browser::start(ENGLISH).await else { return };
    browser.go(&format!("http://{}/", server.tcp)).await;
    let link = browser.element("a[href]").await;
    assert_eq!(link.text().await.unwrap(), format!("http://{}/", server.http));
    let text = browser.script("return document.body.innerText").await;
    let text = text.as_str().unwrap();
    assert!(text.contains("The page is at") && text.contains("网页在"), "{text}");
    browser.screenshot("the-lesson-s-port-in-a-browser").await;
    browser.click("a").await;
    browser.await_state("open").await;
    browser.finish_but_for(&server.tcp.to_string()).await;
}

/// Chromium keeps a connection that it opened ahead of need, with the 408 in it.
#[tokio::test]
async fn a_connection_that_a_browser_opened_ahead_of_need_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start().await;
    let links: String = ["", " crossorigin"]
        .map(|kind| format!("<link rel=preconnect href='http://{}/'{kind}>", server.http))
        .concat();
    let page = format!("<!doctype html><link rel=icon href='data:,'>{links}<title>a</title>");
    std::fs::write(folder.path().join("preconnect.html"), page).unwrap();
    let (Some(browser), Some(host)) =
        (Browser::start(ENGLISH).await, StaticHost::serving(folder.path()))
    else {
        return;
    };
    browser.go(&format!("{}/preconnect.html", host.origin)).await;
    browser.until("performance.now() > 3500").await;
    browser.go(&format!("http://{}/", server.http)).await;
    browser.await_state("open").await;
    browser.finish().await;
}

#[tokio::test]
async fn no_page_of_another_origin_changes_the_book() {
    let folder = tempfile::tempdir().unwrap();
    let server = with_zhangsan().await;
    std::fs::write(folder.path().join("evil.html"), evil_page(server.tcp)).unwrap();
    let (Some(browser), Some(host)) =
        (Browser::start(ENGLISH).await, StaticHost::serving(folder.path()))
    else {
        return;
    };
    browser.go(&format!("{}/evil.html", host.origin)).await;
    browser.until("document.title !== 'evil'").await;
    assert_eq!(browser.script("return document.title").await, "done");
    assert_unchanged(&server, "fetch, XMLHttpRequest, sendBeacon").await;

    browser.click("button").await;
    // Chromium sometimes takes a connection for it that it opened ahead of need,
    // and that was welcomed meanwhile: then it shows an error page.
    let there = url::Url::parse(&format!("http://{}/", server.tcp)).unwrap();
    let wait = browser.client.wait().at_most(DEADLINE);
    wait.for_url(&there).await.unwrap();
    assert_unchanged(&server, "a form").await;
    browser.finish_but_for(&server.tcp.to_string()).await;
}
