//! How long the page takes for a keystroke when a lesson is at its largest:
//! 10,000 contacts in the book and 2,000 lines in the conversation. Needs
//! Chromium; `cargo xtask bench typing` runs it.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement may panic, and what it prints is its result"
)]

#[path = "../tests/classroom/mod.rs"]
mod classroom;

use classroom::TestServer;
use classroom::browser::{Browser, CHINESE, Visitor, end_idle};
use serde_json::json;

/// What the lesson promises to bear.
const CONTACTS: usize = 10_000;
const LINES: usize = 2_000;

/// A frame at 60 a second: what is done within it is seen with no delay.
const TARGET_MS: f64 = 16.0;

/// What is typed, 200 keys: commands, and a line with everything a line may be
/// marked for.
const TYPED: [&str; 6] = [
    "add;zhangsan;13800138000",
    "find;zhangsan",
    "add;张三；13800138000",
    "remove;zhangsan",
    "add;lisi;13900139000;and;more;than;fits",
    "a message that is no command at all, and long enough to fill the line and to scroll it a little bit more",
];

/// Notes for every key, in milliseconds: how long the page's handlers of its two
/// events ran, forced layout included; the main thread's part of the next frame;
/// and the whole time from the key to a free main thread. Only in the last one
/// lies what the browser does between the two events, and the drawing of a frame
/// that comes before the thread is free. The event timing of the browser itself,
/// from the key press to the end of the handlers, is the check on the first; it
/// has only what took long.
const WATCH: &str = "
const keys = window.keys = [];
const channel = new MessageChannel();
let pressed = 0, start, handled, then;
channel.port1.onmessage = () => then();
const after = next => { then = next; channel.port2.postMessage(0); };
const begin = () => { start = performance.now(); };
addEventListener('keydown', () => { begin(); pressed = start; handled = 0; }, true);
addEventListener('keydown', () => { handled = performance.now() - start; });
addEventListener('input', begin, true);
addEventListener('input', () => {
  if (!pressed) return;
  handled += performance.now() - start;
  after(() => {
    const whole = performance.now() - pressed;
    pressed = 0;
    requestAnimationFrame(() => {
      const frame = performance.now();
      after(() => keys.push([handled, performance.now() - frame, whole]));
    });
  });
});
window.slow = [];
new PerformanceObserver(list => {
  for (const entry of list.getEntries())
    if (entry.name === 'keydown' || entry.name === 'input')
      slow.push(entry.processingEnd - entry.startTime);
}).observe({ type: 'event', durationThreshold: 16 });";

/// Has the page send what makes the conversation long.
const TALK: &str = "
const [lines] = arguments;
const command = document.getElementById('command');
for (let line = 0; line < lines; line++) {
  command.value = 'find;n' + line;
  command.dispatchEvent(new Event('input', { bubbles: true }));
  command.form.requestSubmit();
}";

#[tokio::main]
async fn main() {
    println!(
        "| panel | processor | keys | handlers p50 | p95 | max | and next frame p50 | p95 | max | until free p50 | p95 | max | events over 16 ms | slowest | handlers p95 below {TARGET_MS} ms |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for (panel, slower) in
        [("contacts", 1), ("wire", 1), ("sequence", 1), ("python", 1), ("wire", 4)]
    {
        if !measure(panel, slower).await {
            return;
        }
    }
}

/// Types with this panel open, the processor so many times slower. Says `false`
/// when there is no browser.
async fn measure(panel: &str, slower: u32) -> bool {
    let server = TestServer::start().await;
    let mut client = server.tcp().await;
    // No more at once than the connection holds on both sides.
    for thousand in (0..CONTACTS).collect::<Vec<_>>().chunks(1_000) {
        let each =
            |text: fn(usize) -> String| thousand.iter().copied().map(text).collect::<String>();
        client.send(each(|number| format!("add;n{number};138{number:08}\n")).as_bytes()).await;
        client.expect(each(|number| format!("n{number} added!\n")).as_bytes()).await;
    }
    let visitor = Visitor { width: 1280, height: 720, ..CHINESE };
    let Some(browser) = Browser::open(visitor, server.http).await else { return false };
    browser.call(TALK, &[json!(LINES / 2)]).await;
    browser
        .until(&format!("document.getElementById('conversation').children.length > {LINES}"))
        .await;
    browser.show(panel).await;
    if panel == "contacts" {
        let rows = CONTACTS + 1;
        browser.until(&format!("document.getElementById('book').ariaRowCount === '{rows}'")).await;
    }
    browser.until("document.getAnimations().every(each => each.playState === 'finished')").await;
    browser.script(WATCH).await;
    browser.devtools("Emulation.setCPUThrottlingRate", json!({ "rate": slower })).await;

    let mut typed = 0;
    for line in TYPED {
        browser.click("#command").await;
        for key in line.chars() {
            let key = json!({ "type": "keyDown", "text": key.to_string(), "key": key.to_string() });
            browser.devtools("Input.dispatchKeyEvent", key).await;
            browser.devtools("Input.dispatchKeyEvent", json!({ "type": "keyUp" })).await;
            typed += 1;
            browser.until(&format!("keys.length === {typed}")).await;
        }
        assert_eq!(browser.typed().await, line);
        browser.clear("#command").await;
    }
    let keys: Vec<(f64, f64, f64)> =
        serde_json::from_value(browser.script("return keys").await).unwrap();
    let slow: Vec<f64> = serde_json::from_value(browser.script("return slow").await).unwrap();
    let handled = Spread::of(keys.iter().map(|key| key.0));
    let framed = Spread::of(keys.iter().map(|key| key.0 + key.1));
    let whole = Spread::of(keys.iter().map(|key| key.2));
    let met = if handled.p95 < TARGET_MS { "yes" } else { "**no**" };
    let late = slow.iter().filter(|&&event| event >= TARGET_MS).count();
    let slowest = slow.iter().copied().fold(0.0, f64::max);
    println!(
        "| {panel} | 1/{slower} | {typed} | {handled} | {framed} | {whole} | {late} | {slowest:.1} | {met} |"
    );
    browser.finish().await;
    end_idle();
    true
}

/// Of many durations.
struct Spread {
    p50: f64,
    p95: f64,
    max: f64,
}

impl Spread {
    fn of(durations: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = durations.collect();
        sorted.sort_by(f64::total_cmp);
        let at = |percent: usize| sorted[(sorted.len() - 1) * percent / 100];
        Spread { p50: at(50), p95: at(95), max: at(100) }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:.1} | {:.1} | {:.1}", self.p50, self.p95, self.max)
    }
}
