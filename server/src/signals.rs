//! Signal handling: Ctrl+C, SIGTERM and their relatives stop the program.
//!
//! The signals are awaited on a thread with a runtime of its own, so that they
//! are heard even when every thread of the server is stuck.
//!
//! On Windows a closed window leaves five seconds, in which the thread of the event
//! waits (tokio parks it) and `main` closes the book: that takes three seconds at
//! most. A log-off or a shutdown is told only to programs without `user32.dll`, which
//! comes with `shell32.dll`, through which the browser is opened and the user's folder
//! is found. There Windows may end the program without a word: as after a power cut,
//! every confirmed change is in the file's log, and the next start merges it.

use std::io;
use std::sync::mpsc::sync_channel;

use anyhow::Context as _;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::terminal::diagnostics::spawn_critical;

/// Exit code of what a signal has cut short, as shells report a program ended by Ctrl+C.
pub const INTERRUPTED: u8 = 130;

/// A reason to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    /// A request to stop: Ctrl+C, SIGTERM, SIGQUIT.
    Stop,
    /// The terminal's window was closed. A shell passes that on to its
    /// programs, and so does the system, so that it often comes twice.
    HangUp,
}

/// A token that the first signal cancels. The next one ends the process at
/// once, unless it only says that the terminal is gone.
///
/// # Errors
///
/// The system does not let signals be awaited.
pub fn stop_on_signals() -> anyhow::Result<CancellationToken> {
    const CANNOT: &str = "cannot listen for Ctrl+C";
    let stop = CancellationToken::new();
    let (started, start) = sync_channel(1);
    spawn_critical("signals", {
        let stop = stop.clone();
        move || match listener() {
            Ok((runtime, signals)) => {
                // The other end waits for it.
                let _ = started.send(Ok(()));
                runtime.block_on(listen(signals, stop))
            }
            Err(error) => drop(started.send(Err(error))),
        }
    })
    .context(CANNOT)?;
    // From then on a signal kills no half of a server.
    start.recv().context(CANNOT)?.context(CANNOT)?;
    Ok(stop)
}

fn listener() -> io::Result<(Runtime, Signals)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let signals = {
        let _entered = runtime.enter();
        Signals::new()?
    };
    Ok((runtime, signals))
}

async fn listen(mut signals: Signals, stop: CancellationToken) {
    signals.next().await;
    stop.cancel();
    while signals.next().await == Signal::HangUp {}
    // Nothing is flushed: standard error may be what is stuck.
    std::process::exit(INTERRUPTED.into())
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    quit: tokio::signal::unix::Signal,
    /// Absent where it is ignored.
    hang_up: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            hang_up: match ignores_hang_up() {
                true => None,
                false => Some(signal(SignalKind::hangup())?),
            },
        })
    }

    async fn next(&mut self) -> Signal {
        let hang_up = async {
            match &mut self.hang_up {
                Some(hang_up) => hang_up.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.quit.recv() => Signal::Stop,
            _ = hang_up => Signal::HangUp,
        }
    }
}

/// Whether the program was started to outlive its terminal, as `nohup` does.
/// Known on Linux only.
#[cfg(unix)]
fn ignores_hang_up() -> bool {
    /// SIGHUP is signal 1, the lowest bit of the mask.
    const HANG_UP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & HANG_UP != 0)
}

#[cfg(windows)]
struct Signals {
    interrupt: tokio::signal::windows::CtrlC,
    pause: tokio::signal::windows::CtrlBreak,
    close: tokio::signal::windows::CtrlClose,
    log_off: tokio::signal::windows::CtrlLogoff,
    shutdown: tokio::signal::windows::CtrlShutdown,
}

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown};
        Ok(Signals {
            interrupt: ctrl_c()?,
            pause: ctrl_break()?,
            close: ctrl_close()?,
            log_off: ctrl_logoff()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.pause.recv() => Signal::Stop,
            _ = self.close.recv() => Signal::HangUp,
            _ = self.log_off.recv() => Signal::HangUp,
            _ = self.shutdown.recv() => Signal::HangUp,
        }
    }
}
