//! Decisions: what a transaction changes, worked out from what it has read. Pure.

use std::collections::{BTreeMap, HashMap, HashSet};

use protocol::decoder::Ending;
use protocol::{Change, Contacts, Replies, Reply, Request};

use super::RoomId;
use super::waiting::Job;
use crate::book::draft::Draft;
use crate::book::revision::{NotRevised, Removed, Revision};

/// Removed names of which a room remembers that they were removed. Beyond it the older
/// half is forgotten.
const MOST_REMOVED: i32 = 1_024;

/// What is to be done in one transaction.
#[derive(Debug)]
pub(super) enum Work {
    /// Batches of clients, in the order of their rooms.
    Batches(Vec<Job>),
    /// A revision, and what came of it.
    Revision { room: RoomId, revision: Revision, outcome: Result<Removed, NotRevised> },
}

/// Where a room stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RoomRow {
    pub(super) id: RoomId,
    pub(super) seq: i64,
    pub(super) contacts: i32,
    pub(super) removed: i32,
    pub(super) quota: i32,
}

impl RoomRow {
    /// Whether it remembers too many removed names.
    pub(super) fn is_to_be_trimmed(&self) -> bool {
        self.removed > MOST_REMOVED
    }

    /// The change up to which removed names are then forgotten: those behind it are half
    /// as many at most, since each has a number of its own.
    pub(super) fn trimmed_up_to(&self) -> i64 {
        self.seq - i64::from(MOST_REMOVED / 2)
    }
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Known {
    rooms: BTreeMap<RoomId, RoomRow>,
    /// The contacts that the work names.
    books: HashMap<RoomId, Vec<(String, String)>>,
    /// The names of which it is remembered that they were removed.
    removed: HashMap<RoomId, HashSet<String>>,
}

impl Known {
    pub(super) fn insert_room(&mut self, room: RoomRow) {
        self.rooms.insert(room.id, room);
    }

    pub(super) fn insert_name(&mut self, room: RoomId, name: &str, phone: Option<&str>) {
        match phone {
            Some(phone) => {
                let book = self.books.entry(room).or_default();
                book.push((name.to_owned(), phone.to_owned()));
            }
            None => drop(self.removed.entry(room).or_default().insert(name.to_owned())),
        }
    }

    fn book(&self, room: &RoomRow) -> Contacts {
        let limit = usize::try_from(room.quota).unwrap_or(0);
        let mut contacts = Contacts::with_limit(limit);
        for (name, phone) in self.books.get(&room.id).into_iter().flatten() {
            contacts.insert(name, phone);
        }
        contacts
    }

    fn was_removed(&self, room: RoomId, name: &str) -> bool {
        self.removed.get(&room).is_some_and(|names| names.contains(name))
    }
}

/// What is to be written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Decided {
    /// The rooms that change, as they will be.
    pub(super) rooms: Vec<RoomRow>,
    /// A room whose contacts are all deleted first.
    pub(super) cleared: Option<RoomId>,
    // The contacts that change, one at each place: the room, the name, the phone (none
    // where it is removed), who stored it, and the number of the change.
    pub(super) name_rooms: Vec<i64>,
    pub(super) names: Vec<String>,
    pub(super) phones: Vec<Option<String>>,
    pub(super) authors: Vec<Option<String>>,
    pub(super) seqs: Vec<i64>,
}

impl Decided {
    /// Whether nothing changes.
    pub(super) fn is_empty(&self) -> bool {
        self.rooms.is_empty()
    }

    /// The rooms that change.
    pub(super) fn rooms(&self) -> Vec<RoomId> {
        self.rooms.iter().map(|room| room.id).collect()
    }

    fn push(&mut self, room: &mut RoomRow, name: &str, phone: Option<&str>, author: Option<&str>) {
        room.seq += 1;
        self.name_rooms.push(room.id.0);
        self.names.push(name.to_owned());
        self.phones.push(phone.map(ToOwned::to_owned));
        self.authors.push(author.filter(|_| phone.is_some()).map(ToOwned::to_owned));
        self.seqs.push(room.seq);
    }
}

impl Work {
    /// The rooms, each once.
    pub(super) fn rooms(&self) -> Vec<RoomId> {
        match self {
            Work::Batches(jobs) => {
                let mut rooms: Vec<_> = jobs.iter().map(|job| job.room).collect();
                rooms.dedup();
                rooms
            }
            Work::Revision { room, .. } => vec![*room],
        }
    }

    /// As [`rooms`](Self::rooms), as the database knows them.
    pub(super) fn room_ids(&self) -> Vec<i64> {
        self.rooms().into_iter().map(|room| room.0).collect()
    }

    /// Whether all contacts of the one room have to be read.
    pub(super) fn whole_book(&self) -> bool {
        matches!(self, Work::Revision { revision: Revision::Clear { .. }, .. })
    }

    /// The names that have to be read, each once: rooms and names, by place.
    pub(super) fn names(&self) -> (Vec<i64>, Vec<&str>) {
        let mut named: Vec<(i64, &str)> = match self {
            Work::Batches(jobs) => {
                let of_job = |job| names_in(job);
                jobs.iter().flat_map(of_job).collect()
            }
            Work::Revision { room, revision: Revision::Remove(name), .. } => {
                vec![(room.0, name)]
            }
            Work::Revision { room, revision: Revision::PutBack(contacts), .. } => {
                contacts.iter().map(|(name, _)| (room.0, &**name)).collect()
            }
            Work::Revision { revision: Revision::Clear { .. }, .. } => Vec::new(),
        };
        named.sort_unstable();
        named.dedup();
        named.into_iter().unzip()
    }

    /// Decides what changes, and notes the replies in place of any earlier decision.
    pub(super) fn decide(&mut self, known: Known) -> Decided {
        let mut decided = Decided::default();
        match self {
            Work::Batches(jobs) => {
                for jobs in jobs.chunk_by_mut(|one, next| one.room == next.room) {
                    decide_batches(jobs, &known, &mut decided);
                }
            }
            Work::Revision { room, revision, outcome } => {
                *outcome = decide_revision(*room, revision, &known, &mut decided);
            }
        }
        decided
    }
}

fn names_in(job: &Job) -> impl Iterator<Item = (i64, &str)> {
    job.batch.requests().filter_map(|(request, _)| match request {
        Request::Find { name }
        | Request::Change(Change::Add { name, .. } | Change::Remove { name }) => {
            Some((job.room.0, name))
        }
        Request::Answered(_) => None,
    })
}

/// Decides the batches of one room.
fn decide_batches(jobs: &mut [Job], known: &Known, decided: &mut Decided) {
    for job in &mut *jobs {
        job.replies.truncate(job.earlier);
    }
    let Some(mut room) = jobs.first().and_then(|job| known.rooms.get(&job.room)).copied() else {
        for Job { batch, replies, .. } in jobs {
            batch.requests().for_each(|(request, ending)| close(&request, ending, replies));
        }
        return;
    };
    let mut contacts = known.book(&room);
    contacts.set_frozen(jobs.iter().any(|job| job.frozen));
    let count = usize::try_from(room.contacts).unwrap_or(0);
    let mut draft = Draft::of_part(&contacts, count);
    // Who asked for the updates up to each number.
    let mut authors = Vec::new();
    for Job { batch, author, replies, .. } in jobs {
        draft.answer(batch, replies);
        authors.push((draft.update_count(), author.as_deref()));
    }
    room.contacts = i32::try_from(draft.count()).unwrap_or(i32::MAX);
    let updates = draft.into_updates();
    for (at, update) in updates.iter().enumerate().filter(|(_, update)| update.is_latest) {
        let (_, author) = authors[authors.partition_point(|(end, _)| *end <= at)];
        let before = i32::from(known.was_removed(room.id, update.name));
        room.removed += i32::from(update.after.is_none()) - before;
        decided.push(&mut room, update.name, update.after, author);
    }
    if !updates.is_empty() {
        decided.rooms.push(room);
    }
}

/// Answers a request to a room that is archived or gone.
fn close(request: &Request<'_>, ending: Ending, replies: &mut Replies) {
    let closed = Reply::Written("Error: nothing was changed, this class is over");
    let reply = match request {
        Request::Find { .. } => &Reply::NotFound,
        Request::Change(_) => &closed,
        Request::Answered(reply) => reply,
    };
    replies.push(reply, ending);
}

fn decide_revision(
    room: RoomId,
    revision: &Revision,
    known: &Known,
    decided: &mut Decided,
) -> Result<Removed, NotRevised> {
    if let Revision::Clear { keep: Some(_) } = revision {
        return Err(NotRevised::NoFolder);
    }
    let mut room = *known.rooms.get(&room).ok_or(NotRevised::NotThere)?;
    let concerned = revision.contacts(&known.book(&room))?;
    let count = i32::try_from(concerned.len()).unwrap_or(i32::MAX);
    match revision {
        Revision::Clear { .. } => {
            decided.cleared = Some(room.id);
            room.seq += 1;
            (room.contacts, room.removed) = (0, 0);
        }
        Revision::Remove(name) => {
            decided.push(&mut room, name, None, None);
            room.contacts -= count;
            room.removed += 1;
        }
        Revision::PutBack(_) => {
            for (name, phone) in &concerned {
                room.removed -= i32::from(known.was_removed(room.id, name));
                decided.push(&mut room, name, Some(phone), None);
            }
            room.contacts += count;
        }
    }
    if decided.cleared.is_some() || !concerned.is_empty() {
        decided.rooms.push(room);
    }
    Ok(concerned)
}
