//! The one thread that changes the book on disk.
//!
//! It takes all batches that are waiting, decides their replies on a draft of
//! the book, stores the draft's changes in one transaction, applies them to
//! the shared map, and only then lets the replies go. So `added!` means that
//! the change survives the power cut of the next second, and fifty students
//! who add at once pay for one sync of the disk and not for fifty.
//!
//! A panic here counts as a disk that failed in the middle of storing: the
//! batches at hand are answered, and from then on the book is only read.

use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SendError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use protocol::command::Change;
use protocol::decoder::{Ending, Mark};
use protocol::{Book, Contacts, Decoder, Next, Replies, Reply, answer};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::book::contacts::SharedContacts;
use crate::book::store::{Changed, Session, StoreError};
use crate::language::localized;

/// Most batches that share a transaction: more than a class has connections,
/// few enough that the first of them does not wait noticeably for the last.
const GROUP: usize = 1024;

/// How long no change comes before the store tidies up: longer than a class
/// that types leaves between two changes.
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
    /// Starts the thread, which owns the session from now on. `contacts` must be
    /// what the store holds. To be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// The system has no room for another thread.
    pub(crate) fn start(session: Session, contacts: SharedContacts) -> anyhow::Result<Self> {
        let (jobs, waiting) = channel();
        let (answered, groups) = unbounded_channel();
        let thread = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || Keeper { session, contacts, told: None }.serve(&waiting, &answered))
            .context("cannot start the thread that stores changes")?;
        tokio::spawn(hand_out(groups));
        Ok(Writer { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Has a batch answered.
    pub(crate) async fn submit(&self, job: Job) -> Done {
        let (stage, most) = (job.decoder.stage(), job.most);
        let (done, answered) = oneshot::channel();
        let jobs = self.jobs.as_ref().expect("it is not being dropped");
        let lost = match jobs.send((job, done)) {
            Ok(()) => match answered.await {
                Ok(done) => return done,
                // The batch itself made the thread panic, twice.
                Err(_) => Job { decoder: Decoder::new(stage), replies: Replies::default(), most },
            },
            Err(SendError((job, _))) => job,
        };
        let mut job = lost;
        job.replies.push(&Reply::NotConfirmed, Ending::Line);
        Done { job, next: Next::Close }
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

/// What the thread works with.
struct Keeper {
    session: Session,
    contacts: SharedContacts,
    /// The trouble that the teacher has been told about, as long as it lasts.
    told: Option<String>,
}

impl Keeper {
    fn serve(mut self, waiting: &Receiver<Waiting>, answered: &UnboundedSender<Vec<InGroup>>) {
        while let Some(first) = self.wait(waiting) {
            let group = self.answer(gather(first, waiting));
            if answered.send(group).is_err() {
                // The runtime is being shut down, and every conversation with it.
                return;
            }
        }
    }

    /// Waits for a job. While there is none the store has time to tidy up.
    fn wait(&mut self, waiting: &Receiver<Waiting>) -> Option<Waiting> {
        let mut patience = IDLE;
        loop {
            match waiting.recv_timeout(patience) {
                Ok(job) => return Some(job),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
            match self.guarded(|keeper| keeper.session.tidy()) {
                Ok(true) => patience = Duration::ZERO,
                Ok(false) => break,
                // It can wait for the next change, which says so if need be.
                Err(StoreError::Full(_)) => break,
                Err(error) => {
                    self.tell(&error);
                    break;
                }
            }
        }
        waiting.recv().ok()
    }

    /// Answers a group: its changes are stored, or refused.
    fn answer(&mut self, group: Vec<InGroup>) -> Vec<InGroup> {
        self.answer_by(group, store)
    }

    fn answer_by(
        &mut self,
        mut group: Vec<InGroup>,
        store: impl FnOnce(&mut [InGroup], &mut Session, &SharedContacts) -> Result<(), StoreError>,
    ) -> Vec<InGroup> {
        match self.guarded(|keeper| store(&mut group, &mut keeper.session, &keeper.contacts)) {
            Ok(()) => {
                if self.told.take().is_some() {
                    let text = localized!("改动又可以保存了", "changes are stored again");
                    tracing::warn!("{text}");
                }
                group
            }
            Err(error) => {
                self.tell(&error);
                // A member that cannot even be refused is dropped, which its
                // conversation notices.
                group.retain_mut(|member| {
                    self.guarded(|keeper| {
                        member.refuse(&keeper.contacts.read(), &error);
                        Ok(())
                    })
                    .is_ok()
                });
                group
            }
        }
    }

    /// Runs what may panic. If it does, that is the end of all storing.
    fn guarded<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // A panic leaves nothing behind that is used again: the session stores
        // no more, each change of the map is a single call, and the jobs are
        // taken back to where they were.
        catch_unwind(AssertUnwindSafe(|| work(self)))
            .unwrap_or_else(|panic| Err(self.session.fail_for(text_of(&*panic))))
    }

    /// Tells the teacher once of any trouble.
    fn tell(&mut self, error: &StoreError) {
        let text = error.to_string();
        if self.told.as_ref() != Some(&text) {
            tracing::error!("{text}");
            self.told = Some(text);
        }
    }
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panic: {}", text.unwrap_or("unknown"))
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

/// Takes what else is waiting, and what comes as long as more does: clients
/// that were answered together ask again together, and the first of them must
/// not be stored alone while the others wait for two syncs.
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

    /// Answers it anew from a book that refuses changes.
    fn refuse(&mut self, contacts: &Contacts, error: &StoreError) {
        let (mark, replies) = self.before;
        self.job.decoder.rewind(mark);
        self.job.replies.truncate(replies);
        self.answer(&mut Refusing { contacts, reply: refusal(error) });
    }
}

/// Decides a group's replies, stores its changes and applies them.
fn store(
    group: &mut [InGroup],
    session: &mut Session,
    contacts: &SharedContacts,
) -> Result<(), StoreError> {
    // Only this thread ever writes, so nothing changes between the locks.
    let changes = {
        let contacts = contacts.read();
        let mut draft = Draft::of(&contacts);
        group.iter_mut().for_each(|member| member.answer(&mut draft));
        draft.changes
    };
    session.commit(&changes)?;
    contacts.change(|contacts| {
        for Changed { name, after, .. } in &changes {
            match after {
                Some(phone) => contacts.insert(name, phone),
                None => contacts.remove(name),
            }
        }
    });
    Ok(())
}

/// What a client is told whose change met this error.
fn refusal(error: &StoreError) -> Reply<'static> {
    match error {
        StoreError::Full(_) => Reply::NotStored { why: "the server's disk is full" },
        StoreError::Displaced(_) => {
            Reply::NotStored { why: "the server's file of contacts was moved or replaced" }
        }
        StoreError::NotConfirmed(_) => Reply::NotConfirmed,
        StoreError::Failed(_) => Reply::ReadOnly,
    }
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

/// A book that can be read but not changed.
struct Refusing<'c> {
    contacts: &'c Contacts,
    /// The reply to every change.
    reply: Reply<'static>,
}

impl Book for Refusing<'_> {
    fn find(&self, name: &str) -> Reply<'_> {
        self.contacts.find(name)
    }

    fn apply<'a>(&'a mut self, _: &Change<'a>) -> Option<Reply<'a>> {
        Some(self.reply.clone())
    }
}

#[cfg(test)]
mod tests {
    use protocol::Stage;

    use super::*;
    use crate::book::store::Store;

    fn keeper(folder: &tempfile::TempDir) -> Keeper {
        let session = Store::open(&folder.path().join("contacts.db")).unwrap().begin().unwrap();
        let contacts = SharedContacts::new(Contacts::default());
        contacts.change(|contacts| contacts.insert("a", "1"));
        Keeper { session, contacts, told: None }
    }

    fn member(lines: &str) -> (InGroup, oneshot::Receiver<Done>) {
        let mut decoder = Decoder::new(Stage::Contacts);
        decoder.push(lines.as_bytes());
        let (to, answered) = oneshot::channel();
        let job = Job { decoder, replies: Replies::default(), most: 128 };
        (InGroup::new((job, to)), answered)
    }

    fn replies(group: &[InGroup]) -> Vec<Vec<&str>> {
        group.iter().map(|member| member.job.replies.iter().collect()).collect()
    }

    #[test]
    fn a_panic_while_storing_is_not_confirmed_and_from_then_on_the_book_is_only_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(&folder);
        let group = vec![member("find;a\nadd;b;2\n").0, member("remove;a\nfind;a\n").0];
        let group = keeper.answer_by(group, |_, _, _| panic!("a defect"));
        let [first, second] = &replies(&group)[..] else { panic!("{group:?}") };
        assert_eq!(first[0], "1");
        assert!(first[1].starts_with("Error: not confirmed, "), "{first:?}");
        assert!(second[0].starts_with("Error: not confirmed, "), "{second:?}");
        assert_eq!(second[1], "1");

        let group = keeper.answer(vec![member("add;c;3\nfind;a\n").0]);
        let [replies] = &replies(&group)[..] else { panic!("{group:?}") };
        assert!(replies[0].starts_with("Error: nothing was changed, "), "{replies:?}");
        assert_eq!(replies[1], "1");
        assert!(keeper.told.is_some_and(|told| told.contains("panic: a defect")));
    }

    #[tokio::test]
    async fn a_batch_whose_thread_is_gone_is_answered_and_its_conversation_closed() {
        let (jobs, waiting) = channel();
        let writer = Writer { jobs: Some(jobs), thread: None };
        let job = || Job {
            decoder: Decoder::new(Stage::Contacts),
            replies: Replies::default(),
            most: 128,
        };
        let dropped = std::thread::spawn(move || drop(waiting.recv()));
        let done = writer.submit(job()).await;
        dropped.join().unwrap();
        for done in [done, writer.submit(job()).await] {
            assert_eq!(done.next, Next::Close);
            let replies: Vec<_> = done.job.replies.iter().collect();
            assert!(replies[0].starts_with("Error: not confirmed, "), "{replies:?}");
        }
    }
}
