//! Waiting: the batches that a lane has still to answer, in fair turns of their rooms.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use protocol::{Batch, Replies};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::RoomId;

/// A batch of one client that is to be answered.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) room: RoomId,
    pub(super) batch: Batch,
    /// Who asks for it, to be stored with what is added.
    pub(super) author: Option<Arc<str>>,
    /// How many requests are in the batch.
    pub(super) size: usize,
    /// Whether the teacher had the book take no changes when it came.
    pub(super) frozen: bool,
    pub(super) since: Instant,
    /// The replies to what came before the batch, so many, and then to it.
    pub(super) replies: Replies,
    pub(super) earlier: usize,
    pub(super) to: oneshot::Sender<Replies>,
}

impl Job {
    /// Lets the replies go.
    pub(super) fn deliver(self) {
        // A client that left meanwhile needs no reply; its changes are stored.
        let _ = self.to.send(self.replies);
    }
}

/// Batches by room. A room's own stay in order; rooms take turns, so that the batches of
/// one with a flood wait for each other and not the other rooms' for them.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    jobs: HashMap<RoomId, VecDeque<Job>>,
    /// The rooms that have jobs, each once; the first is served next.
    turns: VecDeque<RoomId>,
    /// How many requests wait.
    size: usize,
}

impl Waiting {
    pub(super) fn push(&mut self, job: Job) {
        self.size += job.size;
        let jobs = self.jobs.entry(job.room).or_default();
        if jobs.is_empty() {
            self.turns.push_back(job.room);
        }
        jobs.push_back(job);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// How many requests wait.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Takes jobs of `most` requests together, a job of each room in turn; one at least.
    pub(super) fn take(&mut self, most: usize) -> Vec<Job> {
        let mut group = Vec::new();
        let mut size = 0;
        while size < most
            && let Some(room) = self.turns.pop_front()
        {
            let jobs = self.jobs.get_mut(&room).expect("a room with a turn has jobs");
            let job = jobs.pop_front().expect("a room with a turn has jobs");
            if jobs.is_empty() {
                self.jobs.remove(&room);
            } else {
                self.turns.push_back(room);
            }
            size += job.size;
            group.push(job);
        }
        self.size -= size;
        group
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_room_that_floods_makes_no_other_room_wait() {
        let mut waiting = Waiting::default();
        let mut push = |room, size| {
            let (batch, replies) = Default::default();
            let (since, (to, _)) = (Instant::now(), oneshot::channel());
            let (room, author, frozen, earlier) = (RoomId(room), None, false, 0);
            waiting.push(Job { room, batch, author, size, frozen, since, replies, earlier, to });
        };
        (0..100).for_each(|_| push(1, 128));
        push(2, 1);
        push(3, 1);
        assert_eq!(waiting.size(), 12_802);
        let group = waiting.take(512);
        let rooms: Vec<_> = group.iter().map(|job| job.room.0).collect();
        assert_eq!(rooms, [1, 2, 3, 1, 1, 1]);
        let mut left = 96;
        while !waiting.is_empty() {
            left -= waiting.take(512).len();
        }
        assert_eq!(left, 0);
    }
}
