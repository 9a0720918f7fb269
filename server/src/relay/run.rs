//! One run of the checks through a relay: drives a [`Grader`] with what `check.py`
//! reports.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::homework::{Action, Conn, Event, Grader, Options, Stage, State};
use tokio::time::Instant;

use crate::relay::messages::{Request, to_latin1};
use crate::relay::pairing::Student;

/// Longest time of a run. The lesson's server sleeps a second before each of some 30
/// answers, and what is silent is waited for 3 s; a server that sends little by little
/// without end could otherwise keep a run going for ever.
const LONGEST: Duration = Duration::from_secs(180);

/// Least time between two looks at the clock, however often a server has something new
/// to say: a tenth of the shortest silence that means something.
const PACE: Duration = Duration::from_millis(5);

/// A run that is under way or over.
#[derive(Debug)]
pub(super) struct Run {
    grader: Grader,
    begun: Instant,
    ticked: Instant,
    port: u16,
    /// The relay's numbers of the grader's connections, and back.
    numbers: HashMap<Conn, u32>,
    conns: HashMap<u32, Conn>,
    /// The states that were told last.
    told: Vec<State>,
}

impl Run {
    pub(super) fn new(options: Options, now: Instant) -> Self {
        let port = options.port;
        let mut grader = Grader::new(options);
        grader.tick(Duration::ZERO);
        Run {
            grader,
            begun: now,
            ticked: now,
            port,
            numbers: HashMap::new(),
            conns: HashMap::new(),
            told: Vec::new(),
        }
    }

    /// Takes what happened, to a connection of this number if it has one. Returns
    /// whether it concerned this run.
    pub(super) fn handle(
        &mut self,
        conn: Option<u32>,
        event: impl FnOnce(Conn) -> Event,
        now: Instant,
    ) -> bool {
        let conn = match conn {
            None => Conn(0),
            Some(number) => match self.conns.get(&number) {
                Some(conn) => *conn,
                None => return false,
            },
        };
        self.grader.handle(event(conn), now - self.begun);
        true
    }

    pub(super) fn tick(&mut self, now: Instant) {
        self.ticked = now;
        self.grader.tick(now - self.begun);
        if now - self.begun >= LONGEST {
            self.grader.cancel();
        }
    }

    /// When [`tick`](Run::tick) is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let due = self.begun + self.grader.deadline()?.min(LONGEST);
        Some(due.max(self.ticked + PACE))
    }

    /// What `check.py` is to do next.
    pub(super) fn next_request(&mut self, student: &Student) -> Option<Request> {
        loop {
            let request = match self.grader.next_action()? {
                Action::Start => Request::Start,
                Action::Stop => Request::Stop,
                Action::Connect(conn) => {
                    let number = student.next_conn();
                    self.numbers.insert(conn, number);
                    self.conns.insert(number, conn);
                    Request::Connect { conn: number, port: self.port }
                }
                Action::Send(conn, bytes) => {
                    let Some(&conn) = self.numbers.get(&conn) else { continue };
                    Request::Send { conn, bytes: to_latin1(&bytes) }
                }
                Action::FinishWriting(conn) => {
                    let Some(&conn) = self.numbers.get(&conn) else { continue };
                    Request::Finish { conn }
                }
                Action::Abort(conn) => {
                    let Some(conn) = self.numbers.remove(&conn) else { continue };
                    self.conns.remove(&conn);
                    Request::Abort { conn }
                }
            };
            return Some(request);
        }
    }

    pub(super) fn cancel(&mut self) {
        self.grader.cancel();
    }

    pub(super) fn is_done(&self) -> bool {
        self.grader.is_done()
    }

    /// Whether the student's own server has passed all required checks.
    pub(super) fn passed(&self) -> bool {
        self.grader.passed() && !self.grader.is_classroom()
    }

    /// Whether the extra checks have ended a server that `check.py` does not start.
    pub(super) fn has_ended_server(&self) -> bool {
        self.grader.has_ended_server()
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The checks, if the state of any has changed since the last call, with those
    /// that are settled since then.
    pub(super) fn news(&mut self) -> Option<(Arc<[Stage]>, Vec<Stage>)> {
        let stages = self.grader.stages();
        let states: Vec<_> = stages.iter().map(|stage| stage.state).collect();
        if states == self.told {
            return None;
        }
        let settled = stages.iter().enumerate().filter(|(index, stage)| {
            stage.is_settled() && self.told.get(*index) != Some(&stage.state)
        });
        let settled = settled.map(|(_, stage)| stage.clone()).collect();
        self.told = states;
        Some((stages.into(), settled))
    }
}
