//! The server's process, where the driver can start and stop it, and what it prints.

use core::time::Duration;

use crate::homework::python::Traceback;

/// How much of what a server prints is kept, of each output: the end of it, which
/// has the traceback. Three hundred lines.
const MAX_KEPT: usize = 24 * 1024;

/// What became of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Process {
    /// There is none, or it is not known.
    #[default]
    Absent,
    Starting,
    Running,
    Exited,
}

/// The process and its output since the last [mark](Program::mark).
#[derive(Debug, Default)]
pub(super) struct Program {
    pub process: Process,
    /// Whether it was asked to stop, so that its end is no surprise.
    pub is_stopping: bool,
    pub starts: usize,
    printed: String,
    stderr: String,
    /// When it printed something on standard error last.
    pub complained: Duration,
}

impl Program {
    pub fn is_up(&self) -> bool {
        matches!(self.process, Process::Starting | Process::Running)
    }

    /// Begins a new record of what is printed.
    pub fn mark(&mut self) {
        self.printed.clear();
        self.stderr.clear();
    }

    /// Begins a new record of standard output alone.
    pub fn forget_printed(&mut self) {
        self.printed.clear();
    }

    pub fn print(&mut self, text: &str) {
        keep(&mut self.printed, text);
    }

    pub fn complain(&mut self, text: &str, now: Duration) {
        keep(&mut self.stderr, text);
        self.complained = now;
    }

    /// What was printed since the mark.
    pub fn printed(&self) -> &str {
        &self.printed
    }

    /// Whether an exception was printed since the mark, be it in part.
    pub fn has_raised(&self) -> bool {
        Traceback::has_begun(&self.stderr)
    }

    /// The last exception since the mark.
    pub fn traceback(&self, file: Option<&str>) -> Option<Traceback> {
        Traceback::last(&self.stderr, file)
    }
}

fn keep(kept: &mut String, text: &str) {
    kept.push_str(text);
    if kept.len() > MAX_KEPT {
        let mut from = kept.len() - MAX_KEPT;
        while !kept.is_char_boundary(from) {
            from += 1;
        }
        kept.drain(..from);
    }
}
