//! The homework, checked: does a student's own server speak the lesson's protocol,
//! and if not, why?
//!
//! Everything here is pure: no socket, no process, no file, no clock. A [`Grader`] is
//! the state machine of one run. A driver carries out its [`Action`]s and tells it
//! what happens as [`Event`]s, with the time. The command `check`, the classroom's
//! relay to a student's computer, and Python inside the page are such drivers.
//!
//! # How a driver drives it
//!
//! ```no_run
//! use core::time::Duration;
//! use protocol::homework::{Action, Event, Grader, Options};
//!
//! # fn wait_for_event(_: Duration) -> Option<Event> { None }
//! # fn time_since_the_beginning() -> Duration { Duration::from_secs(60) }
//! let mut grader = Grader::new(Options { seed: 7, port: 9999, ..Options::default() });
//! grader.tick(time_since_the_beginning());
//! loop {
//!     while let Some(action) = grader.next_action() {
//!         match action {
//!             Action::Connect(conn) => { /* begin to connect, do not wait */ }
//!             Action::Send(conn, bytes) => { /* queue the bytes */ }
//!             _ => { /* and so on: no action waits for anything */ }
//!         }
//!     }
//!     // Show grader.stages() here: states change while it runs.
//!     if grader.is_done() { break }
//!     let deadline = grader.deadline().expect("it is not done");
//!     match wait_for_event(deadline) {
//!         Some(event) => grader.handle(event, time_since_the_beginning()),
//!         None => grader.tick(time_since_the_beginning()),
//!     }
//! }
//! // The last actions reset connections and stop the program.
//! println!("{}", if grader.passed() { "passed" } else { "not yet" });
//! ```
//!
//! * Actions are carried out in their order, those of one connection behind one
//!   another. An action on a connection that is gone is ignored.
//! * A chunk of [`Event::Received`] is what one `recv` brought: chunk boundaries are
//!   shown to students.
//! * With `can_restart` the first action connects, to find out whether an old server
//!   has the port, and the second is [`Action::Start`]. While the program starts,
//!   connections are tried until one is accepted; each has its own number.
//! * After [`Event::Closed`] the grader asks for [`Action::Abort`], so that the side
//!   that ended first, the student's, keeps no `TIME_WAIT`.
//! * [`Grader::cancel`] ends a run early, for example when the student's side is gone.
//! * What a hostile student sends is bounded here: 8 KB of unread bytes a connection,
//!   24 KB of printed text, 4 KB shown a check, some 40 connections and 16 starts a
//!   run. The driver bounds what it queues itself.
//!
//! # Layout
//!
//! [`checks`] is the table of checks, [`cast`](Cast) the random names in it. `answer`
//! judges answers, `diagnosis` finds causes, `python` reads the student's file and
//! its traceback, [`words`] says it in Chinese and English. `grader` has the state
//! machine: `steps` begins what is to be done, `reach` what that needs first, `wait` is what is waited for, `resolve`
//! notices that it has happened, `conclude` passes or fails a check.

mod answer;
mod cast;
mod cause;
pub mod checks;
mod diagnosis;
mod event;
mod grader;
mod python;
mod stage;
pub mod words;

pub use self::cast::Cast;
pub use self::cause::Cause;
pub use self::checks::CheckName;
pub use self::event::{Action, Conn, Event};
pub use self::grader::{Grader, Options};
pub use self::python::{Source, SourceLine, Traceback};
pub use self::stage::{Exchange, Finding, Stage, State};
