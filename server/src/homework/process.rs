//! The student's server as a process: started, listened to, and ended with whatever
//! it started itself.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use protocol::homework::Event;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long the output may outlive its process and its group, which are ended: only a
/// program that has left the group still has the other end, and is not waited for. Long,
/// since a traceback may still have to be read on a machine that is overloaded.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How to start it.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub python: OsString,
    pub file: PathBuf,
}

/// A running program. Ended with its group when this is dropped.
pub(super) struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// Starts it, and tells what it prints and that it ended.
    pub(super) fn start(program: &Program, events: Sender<Event>) -> Self {
        let stop = CancellationToken::new();
        let child = spawn(program);
        let task = tokio::spawn({
            let stop = stop.clone();
            async move {
                // Told before anything that it prints.
                let _ = events.send(Event::Started).await;
                let code = match child {
                    Ok(child) => attend(child, &events, &stop).await,
                    Err(error) => {
                        let _ = events.send(Event::Stderr(error.to_string())).await;
                        None
                    }
                };
                let _ = events.send(Event::Exited { code }).await;
            }
        });
        Running { stop, task }
    }

    /// Asks it to end.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    /// Ends it and waits until it has ended.
    pub(super) async fn end(self) {
        self.stop.cancel();
        // It only panics with a bug, which is reported.
        let _ = self.task.await;
    }
}

fn spawn(program: &Program) -> std::io::Result<Box<dyn ChildWrapper>> {
    let mut command = Command::new(&program.python);
    // Unbuffered, or a line would come when the program has long ended.
    command.arg("-u");
    let folder = program.file.parent().filter(|folder| !folder.as_os_str().is_empty());
    match (folder, program.file.file_name()) {
        // As a student starts it: in its folder, by its name.
        (Some(folder), Some(name)) => command.current_dir(folder).arg(name),
        _ => command.arg(&program.file),
    };
    command.envs([("PYTHONIOENCODING", "utf-8"), ("PYTHONUTF8", "1")]);
    command.envs([("PYTHONDONTWRITEBYTECODE", "1"), ("NO_COLOR", "1")]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut command = CommandWrap::from(command);
    command.wrap(KillOnDrop);
    #[cfg(unix)]
    command.wrap(process_wrap::tokio::ProcessGroup::leader());
    #[cfg(windows)]
    command.wrap(process_wrap::tokio::JobObject);
    command.spawn()
}

/// Passes on what it prints until it has ended. Returns its exit code.
async fn attend(
    mut child: Box<dyn ChildWrapper>,
    events: &Sender<Event>,
    stop: &CancellationToken,
) -> Option<i32> {
    let stdout = child.stdout().take().expect("it is piped");
    let stderr = child.stderr().take().expect("it is piped");
    let stdout = tokio::spawn(pass_on(stdout, Event::Printed, events.clone()));
    let stderr = tokio::spawn(pass_on(stderr, Event::Stderr, events.clone()));
    let status = tokio::select! {
        status = child.wait() => status.ok(),
        () = stop.cancelled() => None,
    };
    // Also what it has started and left behind. An error means that nothing is left.
    let _ = child.start_kill();
    let status = match status {
        Some(status) => Some(status),
        None => child.wait().await.ok(),
    };
    for output in [stdout, stderr] {
        let abort = output.abort_handle();
        if tokio::time::timeout(LAST_WORDS, output).await.is_err() {
            abort.abort();
        }
    }
    status.and_then(|status| status.code())
}

async fn pass_on(
    mut output: impl AsyncRead + Unpin,
    event: fn(String) -> Event,
    events: Sender<Event>,
) {
    let mut chunk = [0; 4096];
    let mut waiting = Vec::new();
    while let Ok(length @ 1..) = output.read(&mut chunk).await {
        waiting.extend_from_slice(&chunk[..length]);
        let complete = complete_characters(&waiting);
        let text = String::from_utf8_lossy(&waiting[..complete]).into_owned();
        waiting.drain(..complete);
        if events.send(event(text)).await.is_err() {
            return;
        }
    }
}

/// How many of these bytes are not the beginning of a character at their end.
fn complete_characters(bytes: &[u8]) -> usize {
    match str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        // Bytes that are no UTF-8 are shown as such.
        _ => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_is_not_complete_waits_for_its_rest() {
        let text = "a张";
        assert_eq!(complete_characters(text.as_bytes()), 4);
        assert_eq!(complete_characters(&text.as_bytes()[..3]), 1);
        assert_eq!(complete_characters(b"a\xFFb"), 3);
    }
}
