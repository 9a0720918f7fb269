//! The console: the lines that the lesson's own servers print, so that a class can
//! follow along: connections opened and closed, and the book after each change.

mod book_view;
mod python_repr;

use std::fmt;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::book::contacts::SharedContacts;
use crate::terminal::printer::Printer;

use book_view::BookView;

/// The capacity of the queue while the terminal is stuck: two for each of the
/// 10,000 connections the server takes, at some 50 bytes each 1 MB.
const QUEUE: usize = 20_000;

/// Least time between two prints of the book: ten a second are more than a
/// class can read, and few enough for the slowest terminal (a Windows console
/// takes some milliseconds a line).
const PACE: Duration = Duration::from_millis(100);

/// Where the lesson's lines go. Clones print to the same place.
#[derive(Clone, Debug)]
pub struct Console(Option<Printer<Line>>);

#[derive(Debug)]
enum Line {
    Waiting,
    Accepted(SocketAddr),
    Closed(SocketAddr),
    /// The book as text. The permit is given back once it is printed, so that
    /// there is never more than one waiting.
    Book(String, #[allow(dead_code, reason = "held until it is dropped")] OwnedSemaphorePermit),
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Line::Waiting => write!(f, "Waiting for connection..."),
            Line::Accepted(peer) => write!(f, "Accept new connection from {peer}..."),
            Line::Closed(peer) => write!(f, "Connection from {peer} closed."),
            Line::Book(text, _) => f.write_str(text),
        }
    }
}

impl Console {
    /// A console that prints to `out`, in the order of the calls.
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Console(Some(Printer::new(QUEUE, out)))
    }

    /// A console that prints nothing.
    pub fn silent() -> Self {
        Console(None)
    }

    /// `Waiting for connection...`
    pub fn waiting(&self) {
        self.print(Line::Waiting);
    }

    /// `Accept new connection from 127.0.0.1:62140...`
    pub fn accepted(&self, peer: SocketAddr) {
        self.print(Line::Accepted(peer));
    }

    /// `Connection from 127.0.0.1:62140 closed.`
    pub fn closed(&self, peer: SocketAddr) {
        self.print(Line::Closed(peer));
    }

    /// Prints the book after each change, as the lesson's second server does,
    /// until `stop` is cancelled, and a last time if it has changed since. When
    /// changes come faster than every [`PACE`], or than the terminal takes
    /// them, only the latest state is printed.
    pub(crate) fn follow(
        &self,
        contacts: SharedContacts,
        stop: CancellationToken,
    ) -> impl Future<Output = ()> + use<> {
        // Before the future is polled: no change may slip through until then.
        let following = self.0.clone().map(|printer| (printer, BookView::of(&contacts.read())));
        async move {
            let Some((printer, mut view)) = following else { return };
            let unprinted = Arc::new(Semaphore::new(1));
            let mut not_before = Instant::now();
            while !stop.is_cancelled() {
                let ready = async {
                    let permit = Arc::clone(&unprinted).acquire_owned().await;
                    sleep_until(not_before).await;
                    contacts.changed_since(view.position()).await;
                    permit.expect("the semaphore is never closed")
                };
                let permit = tokio::select! {
                    permit = ready => permit,
                    () = stop.cancelled() => match Arc::clone(&unprinted).try_acquire_owned() {
                        Ok(permit) => permit,
                        // The terminal is stuck.
                        Err(_) => return,
                    },
                };
                if view.refresh(&contacts.read()) {
                    printer.print(Line::Book(view.to_string(), permit));
                    not_before = Instant::now() + PACE;
                }
            }
        }
    }

    fn print(&self, line: Line) {
        if let Some(printer) = &self.0 {
            printer.print(line);
        }
    }

    /// Waits until everything is printed, at most for `bound`.
    pub fn flush(&self, bound: Duration) {
        if let Some(printer) = &self.0 {
            printer.flush(bound);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender};

    use protocol::Contacts;

    use super::*;
    use crate::terminal::printer::tests::stuck;

    type Answer = Sender<std::io::Result<()>>;

    /// Follows a book on a console whose writes are answered by the test.
    fn followed() -> (SharedContacts, CancellationToken, Receiver<String>, Answer) {
        let contacts = SharedContacts::new(Contacts::default());
        let stop = CancellationToken::new();
        let (out, written, answer) = stuck();
        let console = Console::new(out);
        tokio::spawn(console.follow(contacts.clone(), stop.clone()));
        (contacts, stop, written, answer)
    }

    /// Lets tasks and printer run until a line is written; the time is paused
    /// and runs on only where every task waits for it.
    async fn next(written: &Receiver<String>) -> String {
        loop {
            match written.try_recv() {
                Ok(line) => return line,
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
            std::thread::yield_now();
        }
    }

    fn add(contacts: &SharedContacts, name: &str, phone: &str) {
        contacts.change(|contacts| contacts.insert(name, phone));
    }

    #[tokio::test(start_paused = true)]
    async fn the_book_is_printed_after_each_change_and_not_before_the_first() {
        let (contacts, _stop, written, answer) = followed();
        tokio::time::sleep(10 * PACE).await;
        assert!(written.try_recv().is_err());
        for (name, shown) in [("a", "{'a': '1'}\n"), ("b", "{'a': '1', 'b': '1'}\n")] {
            add(&contacts, name, "1");
            assert_eq!(next(&written).await, shown);
            answer.send(Ok(())).unwrap();
        }
        contacts.change(|contacts| contacts.remove("a"));
        assert_eq!(next(&written).await, "{'b': '1'}\n");
    }

    #[tokio::test(start_paused = true)]
    async fn changes_that_come_faster_than_they_can_be_shown_are_printed_once_and_the_last_always()
    {
        let (contacts, _stop, written, answer) = followed();
        add(&contacts, "a", "0");
        assert_eq!(next(&written).await, "{'a': '0'}\n");
        // The terminal is stuck in this first line meanwhile.
        for number in 1..=1000 {
            add(&contacts, "a", &number.to_string());
            tokio::time::sleep(PACE / 10).await;
        }
        assert!(written.try_recv().is_err());
        answer.send(Ok(())).unwrap();
        assert_eq!(next(&written).await, "{'a': '1000'}\n");
        answer.send(Ok(())).unwrap();
        // It takes every line now, and the changes come fast.
        drop(answer);
        let start = Instant::now();
        for number in 1001..=2000 {
            add(&contacts, "a", &number.to_string());
            tokio::time::sleep(PACE / 100).await;
        }
        let mut lines = 1;
        while next(&written).await != "{'a': '2000'}\n" {
            lines += 1;
        }
        let most = start.elapsed().div_duration_f64(PACE) as u32 + 1;
        assert!(lines <= most, "{lines} lines, {most} at most");
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_just_before_the_end_is_printed_and_no_change_is_not() {
        let (contacts, stop, written, answer) = followed();
        drop(answer);
        add(&contacts, "a", "1");
        assert_eq!(next(&written).await, "{'a': '1'}\n");
        add(&contacts, "a", "2");
        stop.cancel();
        assert_eq!(next(&written).await, "{'a': '2'}\n");

        let (_contacts, stop, written, _answer) = followed();
        stop.cancel();
        assert!(tokio::task::spawn_blocking(move || written.recv()).await.unwrap().is_err());
    }
}
