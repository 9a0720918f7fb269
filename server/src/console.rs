//! The lines the lesson's own server prints, so that a class can follow along.
//!
//! Printing must never hold up a conversation: a terminal can stop taking
//! output (one click into a Windows console does it), so lines go through a
//! bounded queue to a thread of their own, and are counted when it is full.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Lines that wait at most while the terminal is stuck: two for each of the
/// 10,000 connections the server takes, at some 50 bytes each 1 MB.
const QUEUE: usize = 20_000;

enum Line {
    Waiting,
    Accepted(SocketAddr),
    Closed(SocketAddr),
}

/// Where the lesson's lines go. Clones print to the same place.
#[derive(Clone, Debug)]
pub struct Console {
    lines: Option<SyncSender<Line>>,
    lost: Arc<AtomicU64>,
    printer: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Console {
    /// A console that prints to `out`, in the order of the calls.
    pub fn new(out: impl Write + Send + 'static) -> Self {
        let (lines, queue) = sync_channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        let printer = std::thread::spawn({
            let lost = Arc::clone(&lost);
            move || print(&queue, &lost, out)
        });
        Console { lines: Some(lines), lost, printer: Arc::new(Mutex::new(Some(printer))) }
    }

    /// A console that prints nothing.
    pub fn silent() -> Self {
        Console { lines: None, lost: Arc::default(), printer: Arc::default() }
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

    fn print(&self, line: Line) {
        if self.lines.as_ref().is_some_and(|lines| lines.try_send(line).is_err()) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Prints what is still queued, once every clone is gone.
    pub fn finish(mut self) {
        self.lines = None;
        let printer = self.printer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(printer) = printer {
            // It only ends early if printing itself panicked; nothing is left
            // to tell anybody then.
            let _ = printer.join();
        }
    }
}

fn print(queue: &Receiver<Line>, lost: &AtomicU64, mut out: impl Write) {
    while let Ok(line) = queue.recv() {
        let lost = lost.swap(0, Ordering::Relaxed);
        let mut written = Ok(());
        if lost > 0 {
            written = writeln!(out, "({lost} lines not shown: this terminal was stopped)");
        }
        let written = written
            .and_then(|()| match line {
                Line::Waiting => writeln!(out, "Waiting for connection..."),
                Line::Accepted(peer) => writeln!(out, "Accept new connection from {peer}..."),
                Line::Closed(peer) => writeln!(out, "Connection from {peer} closed."),
            })
            .and_then(|()| out.flush());
        if written.is_err() {
            // Nobody reads any more (`tcp-classroom | head`); serving goes on.
            return;
        }
    }
}
