//! Where the page is opened from, and what becomes of its connection.

use crate::ADD;
use crate::classroom::TestServer;
use crate::classroom::binary::Program;
use crate::classroom::browser::{Browser, CHINESE, ENGLISH, PHONE, Visitor};
use crate::classroom::port::ReservedPort;
use crate::classroom::relay::Relay;
use crate::classroom::static_host::StaticHost;
use serde_json::json;

#[tokio::test]
async fn it_reconnects_after_a_server_restart_and_keeps_what_was_typed() {
    let port = ReservedPort::new();
    let server = TestServer::with(|config| config.http = port.address).await;
    let Some(browser) = Browser::open(CHINESE, port.address).await else { return };
    browser.keys("add;wangwu;1").await;
    server.stop().await;
    browser.until("document.getElementById('connection').dataset.state !== 'open'").await;
    browser.screenshot("closed-zh-light").await;
    // Enter now must neither lose the line nor send it anywhere.
    browser.send("").await;
    assert_eq!(browser.typed().await, "add;wangwu;1");
    let server = TestServer::with(|config| config.http = port.address).await;
    browser.await_state("open").await;
    assert_eq!(browser.typed().await, "add;wangwu;1");
    browser.send("").await;
    browser.expect("received", "wangwu added!").await;
    drop(server);
    browser.finish_after_a_loss().await;
}

#[tokio::test]
async fn a_message_that_was_never_answered_says_so_and_can_be_taken_back() {
    // A server that dies before it answers, as a laptop does.
    let mut program = Program::start(&["--pause", "30s"]);
    let Some(browser) = Browser::open(ENGLISH, program.http).await else { return };
    browser.send("add;lisi;7").await;
    browser.expect("sent", "add;lisi;7").await;
    program.child.kill().unwrap();
    program.exit();
    let last = "document.querySelector('#conversation > :last-child')";
    browser.until(&format!("{last}.innerText.includes('No answer')")).await;
    browser.click("#conversation > :last-child [data-take-back]").await;
    assert_eq!(browser.typed().await, "add;lisi;7");
    browser.finish_after_a_loss().await;
}

/// What says that the network is back.
const ONLINE: &str = "dispatchEvent(new Event('online'))";

/// Hides the page, and brings it to the front again so many milliseconds later
/// by the wall clock, which alone goes on while a phone sleeps.
fn away_for(millis: u64) -> String {
    format!(
        "const looked = hidden => {{ \
           Object.defineProperty(document, 'hidden', {{ configurable: true, value: hidden }}); \
           document.dispatchEvent(new Event('visibilitychange')); \
         }}; \
         looked(true); \
         const now = Date.now; \
         Date.now = () => now() + {millis}; \
         looked(false); \
         Date.now = now;"
    )
}

#[tokio::test]
async fn a_half_open_connection_is_noticed_and_nothing_typed_is_lost() {
    for (event, visitor) in [(ONLINE.to_owned(), ENGLISH), (away_for(31_000), PHONE)] {
        let server = TestServer::start().await;
        let relay = Relay::start(server.http).await;
        let Some(browser) = Browser::open(visitor, relay.address).await else { return };
        browser.send(ADD).await;
        browser.expect("received", "zhangsan added!").await;
        relay.swallow_everything();
        browser.send("add;lisi;7").await;
        browser.keys("find;li").await;
        browser.script(&event).await;
        // The fresh request is not answered either.
        browser.await_state("closed").await;
        relay.swallow_open_connections();
        let sent = "document.getElementById('message-3').innerText";
        browser.until(&format!("/No answer: |没有回答：/.test({sent})")).await;
        assert_eq!(browser.typed().await, "find;li");
        browser.await_state("open").await;
        browser.expect("received", "Welcome!").await;

        if visitor.phone {
            browser.show("talk").await;
        }
        browser.click("#message-3 [data-take-back]").await;
        assert_eq!(browser.typed().await, "add;lisi;7");
        browser.send("").await;
        browser.expect("received", "lisi added!").await;
        browser.finish_after_a_loss().await;
    }
}

#[tokio::test]
async fn a_connection_that_is_well_survives_a_change_of_network() {
    let server = TestServer::start().await;
    let relay = Relay::start(server.http).await;
    let Some(browser) = Browser::open(ENGLISH, relay.address).await else { return };
    let checked = async |times: usize| {
        let checks = "performance.getEntriesByType('resource')\
                      .filter(each => each.name.endsWith('/healthz') && each.responseEnd).length";
        browser.until(&format!("{checks} === {times}")).await;
    };
    browser.script(ONLINE).await;
    checked(1).await;
    browser.script(&away_for(29_000)).await;
    browser.script(&away_for(31_000)).await;
    checked(2).await;
    browser.send(ADD).await;
    browser.expect("received", "zhangsan added!").await;
    assert_eq!(browser.messages().await.len(), 3, "it is the same conversation");
    assert_eq!(relay.asked().iter().filter(|path| *path == "/healthz").count(), 2);
    browser.finish().await;
}

#[tokio::test]
async fn it_works_in_a_folder_of_a_proxy() {
    let server = TestServer::start().await;
    let relay = Relay::under("/classroom", server.http).await;
    let Some(browser) = Browser::start(CHINESE).await else { return };
    browser.go(&format!("http://{}/classroom/?from=here#plan", relay.address)).await;
    browser.await_state("open").await;
    browser.send(ADD).await;
    browser.expect("received", "zhangsan added!").await;
    browser.click("#language").await;
    browser.until("document.title === 'TCP classroom'").await;

    // The class's book, as it is and as it changes.
    browser.show("contacts").await;
    browser.until("document.getElementById('rows').innerText.includes('zhangsan')").await;
    let mut other = server.tcp().await;
    other.send(b"add;lisi;1\n").await;
    browser.until("document.getElementById('rows').innerText.includes('lisi')").await;
    // Where raw TCP is.
    browser.show("python").await;
    let code = "document.getElementById('python-code').textContent";
    browser.until(&format!("{code}.includes('{}')", server.tcp.port())).await;
    browser.script(ONLINE).await;
    browser
        .until(
            "performance.getEntriesByType('resource').some(each => each.name.endsWith('/healthz'))",
        )
        .await;

    let asked = relay.asked();
    for path in ["/ws", "/api/events", "/api/contacts", "/api/classroom", "/healthz", "/en.html"] {
        let path = format!("/classroom{path}");
        assert!(asked.iter().any(|asked| asked.starts_with(&path)), "{path}: {asked:?}");
    }
    let strays: Vec<_> = asked.iter().filter(|path| !path.starts_with("/classroom/")).collect();
    assert!(strays.is_empty(), "{strays:?}");
    browser.finish().await;
}

#[tokio::test]
async fn it_works_where_the_browser_does_not_trust_the_address() {
    let server = TestServer::start().await;
    let Some(browser) = Browser::start(PHONE).await else { return };
    browser.go(&format!("http://classroom.test:{}/", server.http.port())).await;
    browser.await_state("open").await;
    assert_eq!(browser.script("return window.isSecureContext").await, false);
    browser.send(ADD).await;
    browser.expect("received", "zhangsan added!").await;
    browser.finish().await;
}

#[tokio::test]
async fn on_a_static_host_the_page_says_so_and_answers_by_itself() {
    let phone = Visitor { language: ENGLISH.language, ..PHONE };
    for (visitor, says) in [(CHINESE, "没有服务器回答"), (phone, "No server answers")] {
        let Some(host) = StaticHost::start() else { return };
        let Some(browser) = Browser::start(visitor).await else { return };
        browser.go(&host.address).await;
        browser.until("document.getElementById('mode').dataset.mode === 'page'").await;
        browser.expect("received", "Welcome!").await;
        browser.await_state("offline").await;
        let first = "document.querySelector('#conversation .note').innerText";
        browser.until(&format!("{first}.includes('{says}')")).await;
        browser.send(ADD).await;
        browser.expect("received", "zhangsan added!").await;
        browser.keys("find；zhangsan").await;
        let shape = if visitor.phone { "phone" } else { visitor.language };
        browser.screenshot(&format!("page-mode-{shape}")).await;
        browser.click("#fix").await;
        browser.click("#send").await;
        browser.expect("received", "13800138000").await;
        browser.send("exit").await;
        browser.await_state("closed").await;
        browser.click("#reconnect").await;
        browser.expect("received", "Welcome!").await;
        browser.send("find;zhangsan").await;
        browser.expect("received", "13800138000").await;

        // The server is tried again, and is still not there.
        browser.click("#mode").await;
        browser.until("document.getElementById('mode').dataset.mode === 'server'").await;
        browser.until("document.getElementById('mode').dataset.mode === 'page'").await;
        browser.expect("received", "Welcome!").await;
        browser.finish_after_a_loss().await;
    }
}

#[tokio::test]
async fn the_switch_leads_from_the_server_to_the_page_and_back() {
    let (server, browser) = open!(ENGLISH);
    browser.send(ADD).await;
    browser.expect("received", "zhangsan added!").await;
    browser.click("#mode").await;
    browser.await_state("offline").await;
    browser.send("find;zhangsan").await;
    browser.expect("received", "Not Found!").await;
    browser.send("add;only-here;1").await;
    browser.expect("received", "only-here added!").await;
    browser.click("#mode").await;
    browser.await_state("open").await;
    browser.send("find;zhangsan").await;
    browser.expect("received", "13800138000").await;
    browser.send("find;only-here").await;
    browser.expect("received", "Not Found!").await;

    // Where the server is gone, practice is one press away.
    server.stop().await;
    browser.click("#practise").await;
    browser.await_state("offline").await;
    browser.send("find;only-here").await;
    browser.expect("received", "1").await;
    // And a language that cannot be fetched costs nothing but a sentence.
    browser.click("#language").await;
    browser.until("document.getElementById('hint').textContent.includes('stays in English')").await;
    browser.finish_but_for("ERR_CONNECTION_REFUSED").await;
}

#[tokio::test]
async fn a_page_without_its_words_says_that_it_is_broken() {
    let Some(host) = StaticHost::start() else { return };
    let Some(browser) = Browser::start(ENGLISH).await else { return };
    let block = json!({ "urls": ["*/en.html"] });
    browser.devtools("Network.enable", json!({})).await;
    browser.devtools("Network.setBlockedURLs", block).await;
    browser.go(&host.address).await;
    browser.until("document.documentElement.hasAttribute('data-broken')").await;
    let seen = browser.script("return document.querySelector('.late').innerText").await;
    assert!(seen.as_str().unwrap().contains("could not start"), "{seen}");
    browser.finish_but_for("ERR_BLOCKED_BY_CLIENT").await;
}
