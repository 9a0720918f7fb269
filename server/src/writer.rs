//! The one thread that changes the book on disk.
//!
//! It takes all batches that are waiting, decides their replies on a draft of
//! the book, stores the draft's changes in one transaction, applies them to
//! the shared map, and only then lets the replies go. So `added!` means that
//! the change survives the power cut of the next second, and fifty students
//! who add at once pay for one sync of the disk and not for fifty.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use protocol::command::Change;
use protocol::decoder::Mark;
use protocol::{Book, Contacts, Decoder, Next, Replies, Reply, answer};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::contacts::SharedContacts;
use crate::store::{Changed, Store, StoreError};

/// Most batches that share a transaction: more than a class has connections,
/// few enough that the first of them does not wait noticeably for the last.
const GROUP: usize = 1024;

/// How long nobody changes anything before the store tidies up: longer than a
/// class that types leaves between two changes.
const IDLE: Duration = Duration::from_secs(1);

/// A batch of messages to be answered by the writer.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) decoder: Decoder,
    pub(crate) replies: Replies,
    /// When to stop; see [`answer`].
    pub(crate) most: usize,
}

/// An answered batch.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) job: Job,
    pub(crate) next: Next,
}

/// The way to the thread. Dropping it waits until everything submitted is
/// stored and the file is closed.
#[derive(Debug)]
pub(crate) struct Writer {
    /// `None` only while being dropped, as is the thread.
    jobs: Option<Sender<Waiting>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread, which owns the store from now on. `contacts` must be
    /// what the store holds. To be called within a Tokio runtime.
    pub(crate) fn start(store: Store, contacts: SharedContacts) -> Self {
        let (jobs, waiting) = channel();
        let (answered, groups) = unbounded_channel();
        let thread = std::thread::spawn(move || serve(&waiting, store, &contacts, &answered));
        tokio::spawn(hand_out(groups));
        Writer { jobs: Some(jobs), thread: Some(thread) }
    }

    /// Has a batch answered.
    pub(crate) async fn submit(&self, job: Job) -> Done {
        let (done, answered) = oneshot::channel();
        let jobs = self.jobs.as_ref().expect("it is not being dropped");
        jobs.send((job, done)).expect("the thread outlives every conversation");
        answered.await.expect("the thread answers every job")
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The thread ends when nobody can send any more.
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic in it has been printed by itself.
            let _ = thread.join();
        }
    }
}

type Waiting = (Job, oneshot::Sender<Done>);

fn serve(
    waiting: &Receiver<Waiting>,
    mut store: Store,
    contacts: &SharedContacts,
    answered: &UnboundedSender<Vec<InGroup>>,
) {
    while let Some(first) = wait(waiting, &mut store) {
        let group = answer_group(gather(first, waiting), &mut store, contacts);
        if answered.send(group).is_err() {
            // The runtime is being shut down, and every conversation with it.
            return;
        }
    }
}

/// Hands answered groups out to their conversations, from within the runtime:
/// the thread wakes it once for a group, and not once for each of them.
async fn hand_out(mut groups: UnboundedReceiver<Vec<InGroup>>) {
    while let Some(group) = groups.recv().await {
        for InGroup { job, next, to, .. } in group {
            // A client that left meanwhile needs no reply; what it said is stored.
            let _ = to.send(Done { job, next });
        }
    }
}

/// Waits for a job. While there is none the store has time to tidy up.
fn wait(waiting: &Receiver<Waiting>, store: &mut Store) -> Option<Waiting> {
    let mut patience = IDLE;
    while !store.is_settled() {
        match waiting.recv_timeout(patience) {
            Ok(job) => return Some(job),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) if store.settle() => patience = Duration::ZERO,
            // On a full disk it can wait for the next change.
            Err(RecvTimeoutError::Timeout) => break,
        }
    }
    waiting.recv().ok()
}

/// Takes what else is waiting, and what comes as long as more does: whoever
/// was answered together asks again together, and the first of them must not
/// be stored alone while the others wait for two syncs.
fn gather(first: Waiting, waiting: &Receiver<Waiting>) -> Vec<InGroup> {
    let mut group = vec![InGroup::new(first)];
    loop {
        let before = group.len();
        // On a busy core this lets the conversations finish what they are at;
        // on an idle one it costs less than a microsecond.
        std::thread::yield_now();
        group.extend(waiting.try_iter().take(GROUP - before).map(InGroup::new));
        if group.len() == before || group.len() == GROUP {
            return group;
        }
    }
}

/// A job among those that share a transaction.
#[derive(Debug)]
struct InGroup {
    job: Job,
    next: Next,
    to: oneshot::Sender<Done>,
    /// Where its messages and its replies began, in case they must be taken
    /// back.
    before: (Mark, usize),
}

impl InGroup {
    fn new((job, to): Waiting) -> Self {
        let before = (job.decoder.mark(), job.replies.len());
        InGroup { job, next: Next::Listen, to, before }
    }

    fn answer(&mut self, book: &mut impl Book) {
        let Job { decoder, replies, most } = &mut self.job;
        self.next = answer(decoder, book, replies, *most);
    }

    fn take_back(&mut self) {
        let (mark, replies) = self.before;
        self.job.decoder.rewind(mark);
        self.job.replies.truncate(replies);
    }
}

fn answer_group(
    mut group: Vec<InGroup>,
    store: &mut Store,
    contacts: &SharedContacts,
) -> Vec<InGroup> {
    let stored = recover(store, contacts).and_then(|()| {
        // Only this thread ever writes, so nothing changes between the locks.
        let changes = {
            let contacts = contacts.read();
            let mut draft = Draft::of(&contacts);
            group.iter_mut().for_each(|member| member.answer(&mut draft));
            draft.changes
        };
        store.commit(&changes)?;
        contacts.change(|contacts| {
            for Changed { name, after, .. } in &changes {
                match after {
                    Some(phone) => contacts.insert(name, phone),
                    None => contacts.remove(name),
                }
            }
        });
        Ok(())
    });
    if let Err(error) = stored {
        tracing::error!("a change could not be stored: {error:#}");
        let contacts = contacts.read();
        for member in &mut group {
            member.take_back();
            member.answer(&mut Refusing { contacts: &contacts, why: error.why() });
        }
    }
    group
}

/// After a failure that left open what the file holds, reads it again, so that
/// changes build on what is really there.
fn recover(store: &mut Store, contacts: &SharedContacts) -> Result<(), StoreError> {
    if store.is_open() {
        return Ok(());
    }
    let limit = contacts.read().limit();
    let read_again = store.reopen(limit)?;
    contacts.change(|contacts| contacts.replace(read_again));
    tracing::warn!("the disk works again");
    Ok(())
}

/// The book as it will be once a group is stored.
struct Draft<'c> {
    contacts: &'c Contacts,
    /// The changes to it, in order.
    changes: Vec<Changed>,
    /// Where in `changes` a name was changed last.
    latest: HashMap<Rc<str>, usize>,
    len: usize,
}

impl<'c> Draft<'c> {
    fn of(contacts: &'c Contacts) -> Self {
        let len = contacts.len();
        Draft { contacts, changes: Vec::new(), latest: HashMap::new(), len }
    }

    fn get(&self, name: &str) -> Option<&str> {
        match self.latest.get(name) {
            Some(&place) => self.changes[place].after.as_deref(),
            None => self.contacts.get(name),
        }
    }

    fn set(&mut self, name: &str, before: Option<Box<str>>, after: Option<&str>) {
        self.len = self.len + usize::from(after.is_some()) - usize::from(before.is_some());
        let name: Rc<str> = name.into();
        self.latest.insert(Rc::clone(&name), self.changes.len());
        self.changes.push(Changed { name, before, after: after.map(Into::into) });
    }
}

impl Book for Draft<'_> {
    fn find(&self, name: &str) -> Reply<'_> {
        self.get(name).map_or(Reply::NotFound, Reply::Phone)
    }

    fn apply<'a>(&'a mut self, change: &Change<'a>) -> Option<Reply<'a>> {
        Some(match *change {
            Change::Add { name, phone } => {
                let before = self.get(name).map(Box::from);
                if before.is_none() && self.len >= self.contacts.limit() {
                    return Some(Reply::Full { limit: self.contacts.limit() });
                }
                self.set(name, before, Some(phone));
                Reply::Added { name }
            }
            Change::Remove { name } if let Some(before) = self.get(name).map(Box::from) => {
                self.set(name, Some(before), None);
                Reply::Removed { name }
            }
            Change::Remove { .. } => Reply::NotFound,
        })
    }
}

/// A book that can be read but not changed for now.
struct Refusing<'c> {
    contacts: &'c Contacts,
    why: &'static str,
}

impl Book for Refusing<'_> {
    fn find(&self, name: &str) -> Reply<'_> {
        self.contacts.find(name)
    }

    fn apply<'a>(&'a mut self, _: &Change<'a>) -> Option<Reply<'a>> {
        Some(Reply::NotStored { why: self.why })
    }
}
