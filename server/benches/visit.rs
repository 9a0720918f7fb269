//! How long a phone waits for the page: from opening the address to `Welcome!`,
//! at a fiftieth of a classroom's Wi-Fi and with a slow processor. Needs Chromium;
//! `cargo xtask bench visit` runs it.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement may panic, and what it prints is its result"
)]

#[path = "../tests/classroom/mod.rs"]
mod classroom;

use classroom::TestServer;
use classroom::browser::{Browser, PHONE, end_idle};
use serde_json::json;

/// 50 phones that share 20 Mbit/s have 400 kbit/s each, in bytes a second.
const BANDWIDTH: u32 = 400_000 / 8;

/// Milliseconds to the server and back.
const LATENCY: u32 = 40;

/// How many times slower than this machine's the processor is.
const SLOWER: u32 = 4;

/// What a student may wait, in milliseconds.
const TARGET: f64 = 3_500.0;

/// Visits, each by a browser of its own, so that nothing is cached.
const VISITS: usize = 5;

/// Notes when the greeting is on the page, in milliseconds since it was opened.
const WATCH: &str = "
new MutationObserver(() => {
  if (!window.welcomed && document.querySelector('#conversation code'))
    window.welcomed = performance.now();
}).observe(document, { childList: true, subtree: true });";

#[tokio::main]
async fn main() {
    let mut waits = Vec::new();
    for _ in 0..VISITS {
        let server = TestServer::start().await;
        let Some(browser) = Browser::start(PHONE).await else { return };
        browser.devtools("Network.enable", json!({})).await;
        let network = json!({
            "offline": false, "latency": LATENCY,
            "downloadThroughput": BANDWIDTH, "uploadThroughput": BANDWIDTH,
        });
        browser.devtools("Network.emulateNetworkConditions", network).await;
        browser.devtools("Emulation.setCPUThrottlingRate", json!({ "rate": SLOWER })).await;
        let watch = json!({ "source": WATCH });
        browser.devtools("Page.addScriptToEvaluateOnNewDocument", watch).await;
        // Not 127.0.0.1: a browser asks for brotli there.
        browser.go(&format!("http://classroom.test:{}/", server.http.port())).await;
        browser.until("window.welcomed").await;
        browser.expect("received", "Welcome!").await;
        waits.push(browser.script("return window.welcomed").await.as_f64().unwrap());
        browser.finish().await;
        end_idle();
    }
    waits.sort_by(f64::total_cmp);
    let median = waits[VISITS / 2];
    let met = if median <= TARGET { "yes" } else { "**no**" };
    println!("| visits | to Welcome! p50 | min | max | at most {TARGET} ms |");
    println!("|---|---|---|---|---|");
    println!("| {VISITS} | {median:.0} ms | {:.0} | {:.0} | {met} |", waits[0], waits[VISITS - 1]);
}
