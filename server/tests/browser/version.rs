//! A page that is older than the server, out of a cache or because it stayed open
//! while the server was replaced.

use crate::ADD;
use std::time::Duration;

use crate::classroom::browser::{Browser, CHINESE, ENGLISH};
use crate::classroom::old_page::{Kind, OldPage};
use crate::classroom::{DEADLINE, TestServer};

/// Waits until the browser is at an address. A script that waits within the page
/// would be lost with it.
async fn await_address(browser: &Browser, address: &str) {
    let wait = browser.client.wait().at_most(DEADLINE).every(Duration::from_millis(20));
    let address = address.parse().unwrap();
    wait.for_url(&address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
}

#[tokio::test]
async fn an_old_page_out_of_a_cache_becomes_the_server_s_page() {
    let server = TestServer::start().await;
    let cache = OldPage::of(&server, "student", Kind::Usual).await;
    let Some(browser) = Browser::start(ENGLISH).await else { return };
    browser.go(&format!("http://{}/", cache.address)).await;
    let anew = format!("/?{}", cache.new_program);
    await_address(&browser, &format!("http://{}{anew}", cache.address)).await;
    browser.await_state("open").await;
    browser.send(ADD).await;
    browser.expect("received", "zhangsan added!").await;
    assert_eq!(cache.asked(), ["/", &anew]);
    browser.finish().await;
}

#[tokio::test]
async fn a_page_that_was_open_while_the_server_was_replaced_keeps_what_was_typed() {
    let server = TestServer::start().await;
    let http = server.http;
    let cache = OldPage::of(&server, "student", Kind::Usual).await;
    cache.set_old_server(true);
    let Some(browser) = Browser::start(CHINESE).await else { return };
    browser.go(&format!("http://{}/", cache.address)).await;
    browser.await_state("open").await;
    browser.send(ADD).await;
    browser.expect("received", "zhangsan added!").await;
    browser.keys("add;李四;13").await;
    assert_eq!(cache.asked(), ["/"], "page and server are of one version");

    server.stop().await;
    cache.set_old_server(false);
    let _server = TestServer::with(|config| config.http = http).await;
    let anew = format!("/?{}", cache.new_program);
    await_address(&browser, &format!("http://{}{anew}", cache.address)).await;
    browser.await_state("open").await;
    assert_eq!(browser.typed().await, "add;李四;13");
    browser.keys("9\u{e007}").await;
    browser.expect("received", "李四 added!").await;
    assert_eq!(cache.asked(), ["/", &anew]);
    browser.finish_but_for("ERR_").await;
}

#[tokio::test]
async fn a_cache_that_gives_the_old_page_again_is_told_and_the_page_goes_on() {
    let server = TestServer::start().await;
    for (visitor, told) in [(CHINESE, "不是同一个版本"), (ENGLISH, "not the server’s version")]
    {
        let cache = OldPage::of(&server, "student", Kind::IgnoresQuery).await;
        let Some(browser) = Browser::start(visitor).await else { return };
        browser.go(&format!("http://{}/", cache.address)).await;
        let anew = format!("/?{}", cache.new_program);
        await_address(&browser, &format!("http://{}{anew}", cache.address)).await;
        let note = "document.querySelector('#conversation > :first-child .below')";
        browser.until(&format!("{note}?.innerText.includes('{told}')")).await;
        browser.screenshot(&format!("stale-{}", visitor.language)).await;
        browser.send("find;nobody").await;
        browser.expect("received", "Not Found!").await;
        assert_eq!(cache.asked(), ["/", &anew]);
        browser.finish().await;
    }
}

#[tokio::test]
async fn an_old_board_is_opened_anew_and_says_so_if_that_is_in_vain() {
    let server = TestServer::start().await;
    for (kind, is_in_vain) in [(Kind::Usual, false), (Kind::IgnoresQuery, true)] {
        let cache = OldPage::of(&server, "board", kind).await;
        let Some(browser) = Browser::start(CHINESE).await else { return };
        browser.go(&format!("http://{}/board", cache.address)).await;
        let anew = format!("/board?{}", cache.new_program);
        await_address(&browser, &format!("http://{}{anew}", cache.address)).await;
        browser.until("document.documentElement.dataset.state === 'live'").await;
        let is_told =
            format!("document.getElementById('stale').checkVisibility() === {is_in_vain}");
        browser.until(&is_told).await;
        browser.screenshot(&format!("board-stale-{is_in_vain}")).await;
        assert_eq!(cache.asked(), ["/board", &anew]);
        browser.finish().await;
    }
}

#[tokio::test]
async fn a_page_whose_files_are_gone_is_asked_for_once_more_past_the_cache() {
    let server = TestServer::start().await;
    let cache = OldPage::of(&server, "student", Kind::MarkupOnly).await;
    let Some(browser) = Browser::start(ENGLISH).await else { return };
    browser.go(&format!("http://{}/", cache.address)).await;
    await_address(&browser, &format!("http://{}/?again", cache.address)).await;
    browser.await_state("open").await;
    assert_eq!(cache.asked(), ["/", "/?again"]);
    browser.finish_but_for("student-0").await;
}
