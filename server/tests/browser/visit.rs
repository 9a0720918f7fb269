//! What a visit of the page downloads.

use crate::ADD;
use crate::classroom::TestServer;
use crate::classroom::browser::{Browser, CHINESE, ENGLISH, PHONE, Visitor};

/// All that a student's visit may download, in the language it is in: fifty phones
/// on one Wi-Fi pay for each kilobyte fifty times.
const BUDGET: u64 = 120 * 1024;

/// What has been downloaded since the page was opened: bytes as they came, and
/// requests. Without the reports of how far the student is: those are sent, and their
/// answers are empty.
const DOWNLOADED: &str = "
const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .filter(each => !each.name.includes('/api/student'));
return [all.reduce((sum, each) => sum + each.transferSize, 0), all.length]";

async fn downloaded(browser: &Browser) -> (u64, u64) {
    serde_json::from_value(browser.script(DOWNLOADED).await).unwrap()
}

#[tokio::test]
async fn a_visit_weighs_at_most_120_kb_on_a_phone_and_on_a_desktop() {
    let english_phone = Visitor { language: "en-US", ..PHONE };
    for (visitor, host) in [
        // An address that Chromium does not trust, as a laptop's in a classroom: it
        // does not ask for brotli there.
        (PHONE, "classroom.test"),
        (english_phone, "classroom.test"),
        (CHINESE, "classroom.test"),
        (CHINESE, "127.0.0.1"),
        (ENGLISH, "127.0.0.1"),
    ] {
        let server = TestServer::start().await;
        let Some(browser) = Browser::start(visitor).await else { return };
        browser.go(&format!("http://{host}:{}/", server.http.port())).await;
        browser.await_state("open").await;
        browser.send(ADD).await;
        browser.expect("received", "zhangsan added!").await;
        let files = downloaded(&browser).await.1;
        if visitor.phone {
            browser.show("plan").await;
        }
        browser.click("[aria-current] [data-answer=right]").await;
        browser.click("#next").await;
        browser.until("document.querySelector('[aria-current]').dataset.step === 'address'").await;
        for panel in ["wire", "sequence", "sticky", "python"] {
            browser.show(panel).await;
        }
        assert_eq!(downloaded(&browser).await.1, files, "a panel needs nothing more");
        browser.show("contacts").await;
        browser.until("document.getElementById('rows').innerText.includes('zhangsan')").await;

        let (bytes, requests) = downloaded(&browser).await;
        println!("{bytes} bytes in {requests} requests from {host}, {visitor:?}");
        assert!(bytes > BUDGET / 2 && bytes <= BUDGET, "{bytes} bytes");
        browser.finish().await;
    }
}
