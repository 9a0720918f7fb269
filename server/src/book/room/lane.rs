//! Lanes: tasks that answer the batches of many rooms together, one group after another.
//!
//! A room's changes all go through the same lane of a server, so that no two
//! transactions of one server wait for the same room. While a group is under way the
//! next one gathers; so groups are as large as the load makes them.

use std::collections::VecDeque;
use std::time::Duration;

use protocol::decoder::Ending;
use protocol::{Replies, Reply, Request};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::RoomId;
use super::waiting::{Job, Waiting};
use crate::book::revision::{NotRevised, Removed, Revision};

/// Requests that share a transaction: a batch of four clients that pipeline as much as
/// they may, or more students than a server has, each with a line.
const GROUP: usize = 512;

/// How long a group may gather.
const GATHERING: Duration = Duration::from_millis(5);

/// How long a client waits at most for the database: half of the 10 s after which the
/// page takes its connection for broken.
const PATIENCE: Duration = Duration::from_secs(5);

/// Time for one attempt even where the patience is over, which happens to what came
/// while the database was away: a hundred times what a transaction takes.
const ONE_ATTEMPT: Duration = Duration::from_millis(500);

/// Time between two attempts.
pub(super) const RETRY: Duration = Duration::from_millis(100);

/// What a client reads whose change may have been stored or not.
const NOT_CONFIRMED: Reply<'_> = Reply::Written(
    "Error: not confirmed, try again: the server's database does not answer for now, so this may \
     or may not be stored",
);

/// What a client reads whose find could not be answered.
const NOT_FOUND_OUT: Reply<'_> = Reply::Written(
    "Error: not found out, try again: the server's database does not answer for now",
);

/// What a lane is to do.
#[derive(Debug)]
pub(super) enum Task {
    Answer(Job),
    Revise(Revising),
}

/// A teacher's revision of one book.
#[derive(Debug)]
pub(super) struct Revising {
    pub(super) room: RoomId,
    pub(super) revision: Revision,
    pub(super) to: oneshot::Sender<Result<Removed, NotRevised>>,
}

/// How a lane answers.
pub(super) trait Answer {
    /// Answers a group of batches, all of them, and lets their replies go.
    fn answer(&mut self, group: Vec<Job>) -> impl Future<Output = ()> + Send;

    /// Makes a revision.
    fn revise(&mut self, revising: Revising) -> impl Future<Output = ()> + Send;
}

/// Answers what comes until nothing more can come.
pub(super) async fn run(mut tasks: UnboundedReceiver<Task>, mut by: impl Answer) {
    let mut waiting = Waiting::default();
    let mut revisions = VecDeque::new();
    loop {
        if waiting.is_empty() && revisions.is_empty() {
            match tasks.recv().await {
                Some(task) => take_in(task, &mut waiting, &mut revisions),
                None => return,
            }
        }
        gather(&mut tasks, &mut waiting, &mut revisions).await;
        if let Some(revising) = revisions.pop_front() {
            by.revise(revising).await;
        }
        if !waiting.is_empty() {
            by.answer(waiting.take(GROUP)).await;
        }
    }
}

fn take_in(task: Task, waiting: &mut Waiting, revisions: &mut VecDeque<Revising>) {
    match task {
        Task::Answer(job) => waiting.push(job),
        Task::Revise(revising) => revisions.push_back(revising),
    }
}

/// Takes what else is there, and what comes as long as more does: clients that were
/// answered together ask again together.
async fn gather(
    tasks: &mut UnboundedReceiver<Task>,
    waiting: &mut Waiting,
    revisions: &mut VecDeque<Revising>,
) {
    let until = Instant::now() + GATHERING;
    loop {
        let before = waiting.size();
        tokio::task::yield_now().await;
        while let Ok(task) = tasks.try_recv() {
            take_in(task, waiting, revisions);
        }
        if waiting.size() == before || waiting.size() >= GROUP || Instant::now() >= until {
            return;
        }
    }
}

/// When the patience of those who wait for a group ends.
pub(super) fn deadline(group: &[Job]) -> Instant {
    let oldest = group.iter().map(|job| job.since).min().unwrap_or_else(Instant::now);
    oldest + PATIENCE
}

/// When an attempt that begins now has to be over.
pub(super) fn attempt_until(deadline: Instant) -> Instant {
    deadline.max(Instant::now() + ONE_ATTEMPT)
}

/// Answers a group whose changes are not confirmed, and lets the replies go.
pub(super) fn refuse(group: Vec<Job>) {
    for mut job in group {
        let Job { batch, replies, earlier, .. } = &mut job;
        replies.truncate(*earlier);
        for (request, ending) in batch.requests() {
            refuse_request(&request, ending, replies);
        }
        job.deliver();
    }
}

fn refuse_request(request: &Request<'_>, ending: Ending, replies: &mut Replies) {
    let reply = match request {
        Request::Find { .. } => &NOT_FOUND_OUT,
        Request::Change(_) => &NOT_CONFIRMED,
        Request::Answered(reply) => reply,
    };
    replies.push(reply, ending);
}
