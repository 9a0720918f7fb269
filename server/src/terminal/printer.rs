//! The printer: a bounded, lossy queue of lines with a printing thread of its own.
//!
//! Standard output and standard error can stop taking text at any time: Ctrl+S,
//! a click into a Windows console, a pipe that is not read, a full disk, a
//! closed window. No caller ever waits for that or fails because of it. Lines
//! that find the queue full are counted and dropped, and write errors are
//! ignored.
//!
//! `tracing-appender` has such a queue, too, but prints with `println!` when it
//! is shut down while its output is stuck, which is the case at hand.

use std::collections::VecDeque;
use std::fmt::{self, Debug, Display, Write as _};
use std::io::Write;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::language::localized;

/// Bytes that are collected before they are written, while more lines wait:
/// two pages of memory, so that a flood of short lines costs few system calls.
const WRITE_AT: usize = 8 * 1024;

/// Prints lines in the order of the calls. Clones print to the same place; the
/// thread ends when the last clone is gone.
pub(crate) struct Printer<L>(Arc<Handle<L>>);

/// Closes the queue when the last printer is dropped.
struct Handle<L>(Arc<Shared<L>>);

struct Shared<L> {
    queue: Mutex<Queue<L>>,
    /// There is a line to print, or there will be no more.
    filled: Condvar,
    /// Everything has been printed.
    printed: Condvar,
}

struct Queue<L> {
    lines: VecDeque<L>,
    /// The capacity in lines.
    most: usize,
    /// Lines dropped since the thread last took the waiting ones.
    lost: u64,
    /// Whether the thread is printing lines that it took.
    is_printing: bool,
    is_open: bool,
}

impl<L: Display + Send + 'static> Printer<L> {
    /// A printer to `out`, for which at most `most` lines wait.
    pub(crate) fn new(most: usize, out: impl Write + Send + 'static) -> Self {
        let queue =
            Queue { lines: VecDeque::new(), most, lost: 0, is_printing: false, is_open: true };
        let shared = Arc::new(Shared {
            queue: Mutex::new(queue),
            filled: Condvar::new(),
            printed: Condvar::new(),
        });
        std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.print(out)
        });
        Printer(Arc::new(Handle(shared)))
    }
}

impl<L> Printer<L> {
    /// Queues a line, or counts it as lost if the queue is full.
    pub(crate) fn print(&self, line: L) {
        let shared = &self.0.0;
        let mut queue = shared.queue();
        if queue.lines.len() >= queue.most {
            queue.lost += 1;
            return;
        }
        queue.lines.push_back(line);
        drop(queue);
        shared.filled.notify_one();
    }

    /// Waits until everything is printed, at most for `bound`.
    pub(crate) fn flush(&self, bound: Duration) {
        let shared = &self.0.0;
        let is_busy = |queue: &mut Queue<L>| queue.is_printing || !queue.lines.is_empty();
        // Whether it is all printed or not, there is nothing more to be done.
        let _ = shared.printed.wait_timeout_while(shared.queue(), bound, is_busy);
    }
}

impl<L> Shared<L> {
    fn queue(&self) -> MutexGuard<'_, Queue<L>> {
        // Each change of it is a single call; a panic cannot leave it half done.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes all waiting lines, and how many were dropped behind them; nothing
    /// when there will be no more.
    fn take(&self) -> Option<(VecDeque<L>, u64)> {
        let mut queue = self.queue();
        queue.is_printing = false;
        if queue.lines.is_empty() {
            self.printed.notify_all();
        }
        let mut queue = self
            .filled
            .wait_while(queue, |queue| queue.lines.is_empty() && queue.is_open)
            .unwrap_or_else(PoisonError::into_inner);
        queue.is_printing = true;
        let taken = (mem::take(&mut queue.lines), mem::take(&mut queue.lost));
        (!taken.0.is_empty()).then_some(taken)
    }
}

impl<L: Display> Shared<L> {
    fn print(&self, mut out: impl Write) {
        let mut text = String::new();
        while let Some((lines, lost)) = self.take() {
            for line in &lines {
                // A `String` takes everything.
                let _ = writeln!(text, "{line}");
                if text.len() >= WRITE_AT {
                    write(&mut out, &mut text);
                }
            }
            if lost > 0 {
                text += &localized!(
                    "（终端停住了，有 {lost} 行没有显示）\n",
                    "({lost} lines not shown: the terminal was stopped)\n"
                );
            }
            write(&mut out, &mut text);
            // Not before: a line may hold what is only due once it is printed.
            drop(lines);
        }
    }
}

/// Writes whole lines in one call, so that standard output has nothing left in
/// its buffer, which would be written once more when the process exits.
fn write(out: &mut impl Write, text: &mut String) {
    // A disk that is full today has room tomorrow: later lines are tried anew.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    text.clear();
}

impl<L> Drop for Handle<L> {
    fn drop(&mut self) {
        self.0.queue().is_open = false;
        self.0.filled.notify_one();
    }
}

impl<L> Clone for Printer<L> {
    fn clone(&self) -> Self {
        Printer(Arc::clone(&self.0))
    }
}

impl<L> Debug for Printer<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Printer").finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    const SOON: Duration = Duration::from_secs(30);

    /// An output whose writes are seen, and each of which waits for the answer
    /// that it is to give.
    pub(crate) struct Stuck {
        wrote: Sender<String>,
        answers: Receiver<io::Result<()>>,
    }

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // A test that has ended wants to know nothing more.
            let _ = self.wrote.send(String::from_utf8(bytes.to_vec()).unwrap());
            self.answers.recv().unwrap_or(Ok(())).map(|()| bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    pub(crate) fn stuck() -> (Stuck, Receiver<String>, Sender<io::Result<()>>) {
        let ((wrote, written), (answer, answers)) = (channel(), channel());
        (Stuck { wrote, answers }, written, answer)
    }

    #[test]
    fn a_stuck_output_holds_up_nobody_and_what_was_lost_is_counted_where_it_is_missing() {
        let (out, written, answer) = stuck();
        let printer = Printer::new(2, out);
        printer.print(0);
        assert_eq!(written.recv_timeout(SOON).unwrap(), "0\n");
        (1..=5).for_each(|line| printer.print(line));
        answer.send(Ok(())).unwrap();
        let written_then = written.recv_timeout(SOON).unwrap();
        assert!(written_then.starts_with("1\n2\n") && written_then.contains('3'), "{written_then}");
        printer.print(6);
        answer.send(Ok(())).unwrap();
        assert_eq!(written.recv_timeout(SOON).unwrap(), "6\n");
    }

    #[test]
    fn flushing_a_stuck_output_ends_in_time() {
        let (out, written, _answer) = stuck();
        let printer = Printer::new(2, out);
        printer.print("stuck");
        written.recv_timeout(SOON).unwrap();
        printer.flush(Duration::from_millis(1));
    }

    #[test]
    fn after_an_error_later_lines_are_tried_again() {
        let (out, written, answer) = stuck();
        let printer = Printer::new(2, out);
        for (line, outcome) in [
            ("full", Err(io::ErrorKind::StorageFull.into())),
            ("gone", Err(io::ErrorKind::BrokenPipe.into())),
            ("well", Ok(())),
        ] {
            printer.print(line);
            assert_eq!(written.recv_timeout(SOON).unwrap(), format!("{line}\n"));
            answer.send(outcome).unwrap();
            printer.flush(SOON);
        }
    }

    #[test]
    fn the_thread_prints_everything_and_ends_with_the_last_clone() {
        let (out, written, answer) = stuck();
        let printer = Printer::new(1000, out);
        for line in 0..1000 {
            printer.clone().print(line);
        }
        drop(printer);
        drop(answer);
        let all: String = written.iter().collect();
        assert!(all.lines().map(|line| line.parse::<u32>().unwrap()).eq(0..1000));
    }
}
