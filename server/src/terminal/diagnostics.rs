//! Everything that goes to standard error: the banner, warnings, errors, panics.
//!
//! It goes through one bounded, lossy queue (a `Printer`), so that a standard error
//! that is stuck, closed or full can neither block, fail nor panic a caller. Nothing
//! else in the server writes there.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::collections::HashMap;
use std::fmt::{self, Display, Write as _};
use std::hash::Hash;
use std::io::{self, IsTerminal as _};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::language::localized;
use crate::terminal::printer::Printer;

/// The capacity of the queue while standard error is stuck: a minute of
/// warnings of every kind there is, and some hundred KB.
const QUEUE: usize = 1_000;

/// Least time between two warnings of one kind. A flood of refused connections
/// would otherwise push the address of the page off the screen.
const PACE: Duration = Duration::from_secs(1);

/// How long a program that ends waits until everything is printed. A
/// terminal takes milliseconds; with a stopped one the program must still end
/// within three seconds.
pub const FINAL_FLUSH: Duration = Duration::from_secs(1);

/// Exit code after a panic: a runtime error.
const PANICKED: i32 = 1;

/// Standard error belongs to the process, and so does this.
static STDERR: LazyLock<Printer<String>> = LazyLock::new(|| Printer::new(QUEUE, io::stderr()));

/// Queues a text for standard error, with a line end behind it. Never waits, fails
/// or panics.
pub fn say(text: impl Display) {
    STDERR.print(text.to_string());
}

/// Waits until everything queued is printed, at most for `bound`.
pub fn flush(bound: Duration) {
    STDERR.flush(bound);
}

/// Prints the program's own events up to `level` to standard error, warnings at
/// most once a second a kind.
pub fn start(level: LevelFilter) {
    let started = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(io::stderr().is_terminal())
        // They would be printed with `eprintln!`, which panics where that fails.
        .log_internal_errors(false)
        .event_format(RateLimitedFormat {
            inner: Format::default().without_time().with_target(false),
            limit: Mutex::default(),
        })
        .with_writer(|| PrinterWriter)
        .try_init();
    if started.is_err() {
        // Another caller in this process, a test, has started them already.
        tracing::debug!("diagnostics had been started before");
    }
}

/// The writer of formatted events: each becomes one message of the printer.
struct PrinterWriter;

impl io::Write for PrinterWriter {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        if !text.is_empty() {
            say(text.trim_end_matches('\n'));
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Formats events with a rate limit on warnings: of each kind one every [`PACE`].
struct RateLimitedFormat {
    inner: Format<Full, ()>,
    limit: Mutex<RateLimit<Identifier>>,
}

impl<S, N> FormatEvent<S, N> for RateLimitedFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let about = event.metadata();
        // A warning for each connection that broke. Whether the database answers is told
        // by those who ask it.
        if about.target() == "deadpool.postgres" && *about.level() == Level::WARN {
            return Ok(());
        }
        // What is only printed on request (`--verbose`) is printed whole.
        if *about.level() <= Level::WARN {
            let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
            match limit.admit(about.callsite(), Instant::now()) {
                None => return Ok(()),
                Some(0) => {}
                Some(left_out) => writeln!(
                    writer,
                    "{}",
                    localized!(
                        "（同样的警告还有 {left_out} 条，没有显示）",
                        "({left_out} more warnings like the next one not shown)"
                    )
                )?,
            }
        }
        self.inner.format_event(context, writer, event)
    }
}

/// A rate limit by kind: one event of each is admitted every [`PACE`], the others are
/// counted.
#[derive(Debug)]
struct RateLimit<K>(HashMap<K, Kind>);

#[derive(Debug)]
struct Kind {
    admitted: Instant,
    left_out: u64,
}

impl<K: Eq + Hash> RateLimit<K> {
    /// Admits one of a kind, and returns how many were left out before it; or
    /// leaves this one out, too.
    fn admit(&mut self, kind: K, now: Instant) -> Option<u64> {
        match self.0.get_mut(&kind) {
            Some(kind) if now.duration_since(kind.admitted) < PACE => {
                kind.left_out += 1;
                None
            }
            Some(kind) => {
                kind.admitted = now;
                Some(std::mem::take(&mut kind.left_out))
            }
            None => {
                self.0.insert(kind, Kind { admitted: now, left_out: 0 });
                Some(0)
            }
        }
    }
}

impl<K> Default for RateLimit<K> {
    fn default() -> Self {
        RateLimit(HashMap::new())
    }
}

/// Sets the panic hook: panics in any thread or task are printed as everything else
/// is, instead of written straight to standard error.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| say(describe(panic))));
}

fn describe(panic: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("?");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let what = panic.payload_as_str().unwrap_or("?");
    let mut text = localized!(
        "tcp-classroom: 程序内部错误，请报告：线程 {thread}，{place}：{what}",
        "tcp-classroom: internal error, please report it: thread {thread}, {place}: {what}"
    );
    // Taken only where RUST_BACKTRACE asks for it.
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        // A `String` takes everything.
        let _ = write!(text, "\n{backtrace}");
    }
    text
}

/// Runs a critical task: if it panics, the program exits with an error instead of
/// running on without answering any client.
///
/// The panic itself has been [reported](report_panics) by then.
pub fn exit_on_panic<T>(body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_: Box<dyn Any + Send>| {
        say(localized!(
            "tcp-classroom: 这个错误之后程序无法继续，已经停止",
            "tcp-classroom: it cannot go on after this error and has stopped"
        ));
        flush(FINAL_FLUSH);
        std::process::exit(PANICKED)
    })
}

/// Starts a critical thread; see [`exit_on_panic`].
///
/// # Errors
///
/// The system lets the process have no more threads.
pub fn spawn_critical<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(|| exit_on_panic(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_kind_one_a_second_is_admitted_and_tells_how_many_were_left_out() {
        let start = Instant::now();
        let mut limit = RateLimit::default();
        for (kind, milliseconds, admitted) in [
            ("refused", 0, Some(0)),
            ("refused", 0, None),
            ("full", 1, Some(0)),
            ("refused", 500, None),
            ("refused", 999, None),
            ("refused", 1000, Some(3)),
            ("full", 1001, Some(0)),
            ("refused", 1999, None),
            ("refused", 9000, Some(1)),
            ("refused", 9999, None),
            ("refused", 10_000, Some(1)),
            ("refused", 11_000, Some(0)),
        ] {
            let now = start + Duration::from_millis(milliseconds);
            assert_eq!(limit.admit(kind, now), admitted, "{kind} after {milliseconds} ms");
        }
    }
}
