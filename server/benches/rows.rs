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

use classroom::TestServer;
use classroom::browser::{Browser, CHINESE, Visitor, end_idle};
use tokio::time::{Instant, interval};

/// As many rows as the page is to bear.
const PEOPLE: usize = 300;

/// Between two messages: a class of 300 where each sends one in three seconds.
const PAUSE: Duration = Duration::from_millis(10);

const LASTING: Duration = Duration::from_secs(20);

/// A task from which on the browser itself calls it long, in milliseconds: what delays a
/// frame so that it is seen.
const TARGET_MS: f64 = 50.0;

/// Notes each frame, and what the browser calls a long task. The list is scrolled
/// meanwhile, so that rows are laid out that were not in sight.
const WATCH: &str = "
window.frames = []; window.long = [];
let before = performance.now();
(function frame(now) {
  frames.push(now - before); before = now;
  document.querySelector('.col').scrollTop += 3;
  requestAnimationFrame(frame);
})(before);
new PerformanceObserver(list => long.push(...list.getEntries().map(it => it.duration)))
  .observe({ type: 'longtask' });";

const SEEN: &str = "
frames.sort((one, other) => one - other);
return [frames.length, frames[Math.floor(frames.length * .99)], frames[frames.length - 1], long.length, Math.max(0, ...long)];";

#[tokio::main]
async fn main() {
    let server = TestServer::start().await;
    let visitor = Visitor { width: 1280, height: 720, ..CHINESE };
    let Some(browser) = Browser::start(visitor).await else { return };
    browser.go(&format!("http://{}/teacher", server.http)).await;
    let mut clients = server.tcp_clients(PEOPLE).await;
    let rows = format!("document.querySelectorAll('#people > li').length === {PEOPLE}");
    browser.until(&rows).await;

    browser.script(WATCH).await;
    let (end, mut tick, mut sent) = (Instant::now() + LASTING, interval(PAUSE), 0);
    while Instant::now() < end {
        tick.tick().await;
        let client = &mut clients[sent % PEOPLE];
        // Every other one is a mistake, so that states and order change, too.
        let message = if sent % 2 == 0 { "find；zhangsan\n" } else { "find;zhangsan\n" };
        client.send(message.as_bytes()).await;
        client.line().await;
        sent += 1;
    }
    let seen: (usize, f64, f64, usize, f64) =
        serde_json::from_value(browser.script(SEEN).await).unwrap();
    let (frames, p99, longest_frame, long, longest_task) = seen;
    let met = if longest_task <= TARGET_MS { "yes" } else { "**no**" };
    println!("| rows | messages | frames | p99 ms | longest ms | long tasks | met |");
    println!("|---|---|---|---|---|---|---|");
    println!("| {PEOPLE} | {sent} | {frames} | {p99:.1} | {longest_frame:.1} | {long} | {met} |");
    browser.finish().await;
    end_idle();
}
