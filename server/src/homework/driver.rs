//! Drives a [`Grader`] on this computer: with sockets, a clock, and the student's
//! program.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use protocol::homework::{Action, Conn, Event, Grader};
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::connection::{self, Order};
use super::process::{Program, Running};

/// How many events wait: a server that floods is then read no faster than it is
/// judged.
const EVENTS: usize = 64;

/// What a run works on.
pub(super) struct Driver<'a> {
    pub address: SocketAddr,
    /// The program, if it is started here.
    pub program: Option<&'a Program>,
    pub stop: &'a CancellationToken,
}

impl Driver<'_> {
    /// Runs the grader to its end. `observe` is called after everything that happens,
    /// and at least ten times a second. Returns whether that was the end, and no signal.
    pub(super) async fn run(&self, grader: &mut Grader, mut observe: impl FnMut(&Grader)) -> bool {
        /// How often a live display is refreshed.
        const REFRESH: std::time::Duration = std::time::Duration::from_millis(100);
        let (events, mut queue) = channel(EVENTS);
        let mut hands = Hands { events, connections: BTreeMap::new(), running: None };
        let begin = Instant::now();
        grader.tick(begin.elapsed());
        let mut is_whole = true;
        loop {
            while let Some(action) = grader.next_action() {
                self.carry_out(action, &mut hands);
            }
            observe(grader);
            if grader.is_done() {
                break;
            }
            let now = begin.elapsed();
            let due = grader.deadline().map_or(REFRESH, |due| due.saturating_sub(now));
            let next = tokio::select! {
                next = timeout(due.min(REFRESH), queue.recv()) => next,
                () = self.stop.cancelled() => {
                    grader.cancel();
                    is_whole = false;
                    continue;
                }
            };
            match next {
                Ok(Some(event)) => grader.handle(event, begin.elapsed()),
                _ => grader.tick(begin.elapsed()),
            }
        }
        // The program must not wait for its output to be taken.
        let drain = async { while queue.recv().await.is_some() {} };
        let end = async {
            if let Some(running) = hands.running.take() {
                running.end().await;
            }
            drop(hands);
        };
        tokio::join!(drain, end);
        is_whole
    }

    fn carry_out(&self, action: Action, hands: &mut Hands) {
        match action {
            Action::Start => {
                if let Some(program) = self.program {
                    hands.running = Some(Running::start(program, hands.events.clone()));
                }
            }
            Action::Stop => {
                if let Some(running) = &hands.running {
                    running.stop();
                }
            }
            Action::Connect(conn) => {
                let orders = connection::open(conn, self.address, hands.events.clone());
                hands.connections.insert(conn, orders);
            }
            Action::Send(conn, bytes) => hands.order(conn, Order::Send(bytes)),
            Action::FinishWriting(conn) => hands.order(conn, Order::FinishWriting),
            Action::Abort(conn) => drop(hands.connections.remove(&conn)),
        }
    }
}

/// What a run holds.
struct Hands {
    events: Sender<Event>,
    connections: BTreeMap<Conn, Sender<Order>>,
    running: Option<Running>,
}

impl Hands {
    fn order(&self, conn: Conn, order: Order) {
        if let Some(orders) = self.connections.get(&conn) {
            // A queue that is full belongs to a server that does not read.
            let _ = orders.try_send(order);
        }
    }
}
