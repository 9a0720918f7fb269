//! How smoothly the teacher's page shows a large class: 300 people who send 100 messages
//! a second between them. Needs Chromium; `cargo xtask bench rows` runs it.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement may panic, and what it prints is its result"
)]

#[path = "../tests/classroom/mod.rs"]
mod classroom;

use std::time::Duration;

use classroom::browser::{Browser, CHINESE, Visitor, end_idle};
use classroom::{TcpClient, TestServer};
use tokio::time::{Instant, interval};

/// The longest frame while the list stands, in milliseconds: what is answered faster is
/// taken for immediate (RAIL). While it is scrolled there must be no long task that there
/// is not without changes either.
const STANDING_MS: f64 = 100.0;

/// As many rows as the page is to bear.
const PEOPLE: usize = 300;

/// Between two messages: a class of 300 where each sends one in three seconds.
const PAUSE: Duration = Duration::from_millis(10);

/// Of each measurement.
const LASTING: Duration = Duration::from_secs(20);

/// Notes each frame, and what the browser calls a long task: 50 ms and more, which delays a
/// frame so that it is seen. In each the list is scrolled by so many pixels, so that rows are
/// laid out that were not in sight.
const WATCH: &str = "
const [pixels, list, seen] = [arguments[0], document.querySelector('.col'), { frames: [], long: [] }];
window.seen = seen;
list.scrollTop = 0;
let before = performance.now();
(function frame(now) {
  seen.frames.push(now - before); before = now;
  if (pixels) list.scrollTop += pixels;
  if (window.seen === seen) requestAnimationFrame(frame);
})(before);
new PerformanceObserver(list => seen.long.push(...list.getEntries().map(it => it.duration)))
  .observe({ type: 'longtask' });";

const SEEN: &str = "
const { frames, long } = window.seen;
frames.sort((one, other) => one - other);
return [frames.length, frames[Math.floor(frames.length * .99)], frames[frames.length - 1], long.length, Math.max(0, ...long)];";

/// A page's markup put into a page without a program.
const STANDING_STILL: &str = "document.documentElement.innerHTML = arguments[0];";

/// Scrolls the list by so many pixels a frame while its people send, every other one
/// nothing but mistakes, so that states and order change, too. Prints what was seen, and
/// returns how many long tasks there were and how long the longest frame was.
async fn measure(
    what: &str,
    pixels: u32,
    mistaken: usize,
    browser: &Browser,
    clients: &mut [TcpClient],
) -> (usize, f64) {
    browser.call(WATCH, &[pixels.into()]).await;
    let (end, mut tick, mut sent) = (Instant::now() + LASTING, interval(PAUSE), 0);
    while Instant::now() < end {
        tick.tick().await;
        let client = &mut clients[sent % PEOPLE];
        let message = if sent % 2 == mistaken { "find；zhangsan\n" } else { "find;zhangsan\n" };
        client.send(message.as_bytes()).await;
        client.line().await;
        sent += 1;
    }
    let seen: (usize, f64, f64, usize, f64) =
        serde_json::from_value(browser.script(SEEN).await).unwrap();
    let (frames, p99, longest_frame, long, longest_task) = seen;
    println!(
        "| {what} | {sent} | {frames} | {p99:.1} | {longest_frame:.1} | {long} | {longest_task:.0} |"
    );
    (long, longest_frame)
}

#[tokio::main]
async fn main() {
    let server = TestServer::start().await;
    let visitor = Visitor { width: 1280, height: 720, ..CHINESE };
    let Some(browser) = Browser::start(visitor).await else { return };
    browser.go(&format!("http://{}/teacher", server.http)).await;
    let mut clients = server.tcp_clients(PEOPLE).await;
    let rows = format!("document.querySelectorAll('#people > li').length === {PEOPLE}");
    browser.until(&rows).await;

    println!(
        "| {PEOPLE} rows | messages | frames | p99 ms | longest ms | long tasks | longest task ms |"
    );
    println!("|---|---|---|---|---|---|---|");
    let (long, _) = measure("scrolled", 3, 0, &browser, &mut clients).await;
    let (_, standing) = measure("standing", 0, 1, &browser, &mut clients).await;
    // The yardstick: what the machine, which serves 300 clients beside it, makes of a list
    // that is only scrolled.
    let markup = browser.script("return document.documentElement.outerHTML").await;
    browser.go(&format!("http://{}/healthz", server.http)).await;
    browser.call(STANDING_STILL, &[markup]).await;
    browser.until(&format!("{rows} && document.styleSheets.length > 0")).await;
    let (yardstick, _) = measure("scrolled without changes", 3, 0, &browser, &mut clients).await;
    let met = if long <= yardstick && standing <= STANDING_MS { "yes" } else { "**no**" };
    println!(
        "\nScrolled, no more long tasks than without changes, and standing no frame over \
         {STANDING_MS} ms: {met}."
    );
    browser.finish().await;
    end_idle();
}
