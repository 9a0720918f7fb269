//! The writer thread: group commit for the book on disk.
//!
//! It takes all batches that are waiting, decides their replies on a draft of
//! the book, stores the draft's updates in one synced transaction, applies them
//! to the shared map, and only then lets the replies go. So `added!` means that
//! the change survives the power cut of the next second, and fifty students
//! who add at once pay for one sync of the disk and not for fifty.
//!
//! A panic here counts as a disk that failed in the middle of storing: the
//! batches at hand are answered, and from then on the book is only read.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SendError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use protocol::{Batch, Book as _, Contacts, Decoder, Next, Replies, Reply, Request};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::book::commits::Commits;
use crate::book::contacts::SharedContacts;
use crate::book::draft::Draft;
use crate::book::revision::{NotRevised, Removed, Revision};
use crate::book::storage::{Lost, Storage, deliver as deliver_replies, take_batch};
use crate::book::store::{Session, StoreError, Update};
use crate::language::localized;

/// Most batches that share a transaction: more than a class has connections,
/// few enough that the first of them does not wait noticeably for the last.
const GROUP: usize = 1024;

/// How long no change comes before the store does its housekeeping: longer than
/// a class that types leaves between two changes.
const IDLE: Duration = Duration::from_secs(1);

/// The handle of the thread. Dropping it waits until everything submitted is
/// stored and the file is closed.
#[derive(Debug)]
pub(crate) struct Writer {
    /// `None` only while being dropped, as is the thread.
    jobs: Option<Sender<Task>>,
    thread: Option<JoinHandle<()>>,
    commits: Commits,
}

/// What the thread is to do.
#[derive(Debug)]
enum Task {
    Answer(Job),
    Revise(Revision, oneshot::Sender<Result<Removed, NotRevised>>),
}

/// A batch to be answered.
#[derive(Debug)]
struct Job {
    batch: Batch,
    /// The replies to what came before the batch, so many, and then to it.
    replies: Replies,
    earlier: usize,
    to: oneshot::Sender<Replies>,
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
        let commits = Commits::default();
        let thread = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn({
                let commits = commits.clone();
                let worker = Worker { session, contacts, commits, reported: None };
                move || worker.run(&waiting, &answered)
            })
            .context("cannot start the thread that stores changes")?;
        tokio::spawn(deliver(groups));
        Ok(Writer { jobs: Some(jobs), thread: Some(thread), commits })
    }

    /// Has a batch answered, and returns `replies` with the replies to it.
    ///
    /// # Errors
    ///
    /// The thread is gone, or the batch made it panic twice. Whether its changes
    /// are stored is not known.
    pub(crate) async fn submit(&self, batch: Batch, replies: Replies) -> Result<Replies, Lost> {
        let (to, answered) = oneshot::channel();
        let jobs = self.jobs.as_ref().expect("it is not being dropped");
        let earlier = replies.len();
        match jobs.send(Task::Answer(Job { batch, replies, earlier, to })) {
            Ok(()) => answered.await.map_err(|_| Lost(Replies::default())),
            Err(SendError(Task::Answer(job))) => Err(Lost(job.replies)),
            Err(SendError(Task::Revise(..))) => unreachable!("it comes back as it was sent"),
        }
    }
}

impl Storage for Writer {
    async fn answer(
        &self,
        contacts: &SharedContacts,
        decoder: &mut Decoder,
        replies: &mut Replies,
        most: usize,
        _: Option<&Arc<str>>,
    ) -> Next {
        // Finds before the first change are answered from the map.
        let (batch, next) = {
            let contacts = contacts.read();
            take_batch(decoder, replies, most, |request, ending, replies| match request {
                Request::Find { name } => {
                    replies.push(&contacts.find(name), ending);
                    true
                }
                Request::Answered(reply) => {
                    replies.push(reply, ending);
                    true
                }
                Request::Change(_) => false,
            })
        };
        if batch.is_empty() {
            return next;
        }
        let answered = self.submit(batch, std::mem::take(replies)).await;
        deliver_replies(answered, replies, next)
    }

    /// In its place among the batches.
    async fn revise(&self, _: &SharedContacts, revision: Revision) -> Result<Removed, NotRevised> {
        let (to, revised) = oneshot::channel();
        let jobs = self.jobs.as_ref().expect("it is not being dropped");
        jobs.send(Task::Revise(revision, to)).map_err(|_| NotRevised::Gone)?;
        revised.await.unwrap_or(Err(NotRevised::Gone))
    }

    fn commits(&self) -> Option<(u64, Duration)> {
        Some(self.commits.sums())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The thread ends when no sender is left.
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic in it has been printed by itself.
            let _ = thread.join();
        }
    }
}

/// What the thread works with.
struct Worker {
    session: Session,
    contacts: SharedContacts,
    commits: Commits,
    /// The error that the teacher has been told about, as long as it lasts.
    reported: Option<String>,
}

impl Worker {
    fn run(mut self, waiting: &Receiver<Task>, answered: &UnboundedSender<Vec<Job>>) {
        let mut next = None;
        while let Some(task) = next.take().or_else(|| self.wait(waiting)) {
            match task {
                Task::Answer(first) => {
                    let (group, behind) = gather(first, waiting);
                    next = behind;
                    let start = Instant::now();
                    let group = self.answer(group);
                    self.commits.add(start.elapsed());
                    if answered.send(group).is_err() {
                        // The runtime is being shut down, and every conversation with it.
                        return;
                    }
                }
                // A teacher's page that is gone needs no answer.
                Task::Revise(revision, to) => drop(to.send(self.revise(&revision))),
            }
        }
    }

    /// Waits for a task. While there is none the store does its housekeeping.
    fn wait(&mut self, waiting: &Receiver<Task>) -> Option<Task> {
        let mut wait = IDLE;
        loop {
            match waiting.recv_timeout(wait) {
                Ok(task) => return Some(task),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
            match self.catch_panic(|worker| worker.session.tidy()) {
                Ok(true) => wait = Duration::ZERO,
                Ok(false) => break,
                // The next change runs into it, and then it is reported.
                Err(StoreError::Full(_)) => break,
                Err(error) => {
                    self.report(&error);
                    break;
                }
            }
        }
        waiting.recv().ok()
    }

    /// Answers a group: its changes are stored, or refused.
    fn answer(&mut self, group: Vec<Job>) -> Vec<Job> {
        self.answer_by(group, store)
    }

    fn answer_by(
        &mut self,
        mut group: Vec<Job>,
        store: impl FnOnce(&mut [Job], &mut Session, &SharedContacts) -> Result<(), StoreError>,
    ) -> Vec<Job> {
        let stored =
            self.catch_panic(|worker| store(&mut group, &mut worker.session, &worker.contacts));
        let Err(error) = stored else {
            self.report_recovery();
            return group;
        };
        self.report(&error);
        // A job that panics again is dropped, which its conversation notices.
        group.retain_mut(|job| {
            self.catch_panic(|worker| {
                job.refuse(&worker.contacts.read(), &error);
                Ok(())
            })
            .is_ok()
        });
        group
    }

    /// Makes a revision: all of it is stored, or nothing.
    fn revise(&mut self, revision: &Revision) -> Result<Removed, NotRevised> {
        let revised = self.catch_panic(|worker| {
            match store_revision(revision, &mut worker.session, &worker.contacts) {
                Err(NotRevised::Storage(error)) => Err(error),
                revised => Ok(revised),
            }
        });
        match revised {
            Ok(revised) => {
                if revised.is_ok() {
                    self.report_recovery();
                }
                revised
            }
            Err(error) => {
                self.report(&error);
                Err(error.into())
            }
        }
    }

    /// Runs what may panic. If it does, nothing is stored any more.
    fn catch_panic<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // Unwind safe: the session stores no more, each change of the map is a
        // single call, and the replies to the batches are dropped.
        catch_unwind(AssertUnwindSafe(|| work(self)))
            .unwrap_or_else(|panic| Err(self.session.fail_for(panic_text(&*panic))))
    }

    /// Tells the teacher that an error is over.
    fn report_recovery(&mut self) {
        if self.reported.take().is_some() {
            tracing::warn!("{}", localized!("改动又可以保存了", "changes are stored again"));
        }
    }

    /// Tells the teacher once of an error that lasts.
    fn report(&mut self, error: &StoreError) {
        let text = error.to_string();
        if self.reported.as_ref() != Some(&text) {
            tracing::error!("{text}");
            self.reported = Some(text);
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panic: {}", text.unwrap_or("unknown"))
}

/// Hands answered groups to their conversations, from within the runtime: the
/// thread wakes it once for a group, and not once for each conversation.
async fn deliver(mut groups: UnboundedReceiver<Vec<Job>>) {
    while let Some(group) = groups.recv().await {
        for Job { replies, to, .. } in group {
            // A client that left meanwhile needs no reply; its changes are stored.
            let _ = to.send(replies);
        }
    }
}

/// Takes what else is waiting, and what comes as long as more does: clients
/// that were answered together ask again together, and the first of them must
/// not be stored alone while the others wait for two syncs. A revision ends the group,
/// and is returned with it.
fn gather(first: Job, waiting: &Receiver<Task>) -> (Vec<Job>, Option<Task>) {
    let mut group = vec![first];
    loop {
        let before = group.len();
        // On a busy core this lets the conversations finish what they are at;
        // on an idle one it costs less than a microsecond.
        std::thread::yield_now();
        for task in waiting.try_iter().take(GROUP - before) {
            match task {
                Task::Answer(job) => group.push(job),
                revision @ Task::Revise(..) => return (group, Some(revision)),
            }
        }
        if group.len() == before || group.len() == GROUP {
            return (group, None);
        }
    }
}

impl Job {
    /// Answers the batch from a book that refuses changes, in place of any
    /// replies that it has.
    fn refuse(&mut self, contacts: &Contacts, error: &StoreError) {
        self.replies.truncate(self.earlier);
        for (request, ending) in self.batch.requests() {
            let reply = match request {
                Request::Find { name } => contacts.find(name),
                Request::Change(_) => refusal(error),
                Request::Answered(reply) => reply,
            };
            self.replies.push(&reply, ending);
        }
    }
}

/// Decides a group's replies, stores its updates and applies them.
fn store(
    group: &mut [Job],
    session: &mut Session,
    contacts: &SharedContacts,
) -> Result<(), StoreError> {
    // Only this thread ever writes, so nothing changes between the locks.
    let updates = {
        let contacts = contacts.read();
        let mut draft = Draft::of(&contacts);
        for Job { batch, replies, .. } in group {
            draft.answer(batch, replies);
        }
        draft.into_updates()
    };
    session.commit(&updates)?;
    contacts.change(|contacts| {
        for Update { name, after, .. } in &updates {
            match after {
                Some(phone) => contacts.insert(name, phone),
                None => contacts.remove(name),
            }
        }
    });
    Ok(())
}

/// Stores a revision and makes it.
fn store_revision(
    revision: &Revision,
    session: &mut Session,
    contacts: &SharedContacts,
) -> Result<Removed, NotRevised> {
    // Only this thread ever writes, so nothing changes between the locks.
    let concerned = revision.contacts(&contacts.read())?;
    if let Revision::Clear { keep: Some(name) } = revision {
        session.keep(name, &concerned).map_err(NotRevised::NotKept)?;
    }
    session.commit(&revision.updates(&concerned))?;
    contacts.change(|contacts| revision.apply(&concerned, contacts));
    Ok(concerned)
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

#[cfg(test)]
mod tests {
    use protocol::{Decoder, Stage, read};

    use super::*;
    use crate::book::store::Store;

    fn worker(folder: &tempfile::TempDir) -> Worker {
        let session = Store::open(&folder.path().join("contacts.db")).unwrap().begin().unwrap();
        let contacts = SharedContacts::new(Contacts::default());
        contacts.change(|contacts| contacts.insert("a", "1"));
        Worker { session, contacts, commits: Commits::default(), reported: None }
    }

    fn batch(lines: &str) -> Batch {
        let mut decoder = Decoder::new(Stage::Contacts);
        decoder.push(lines.as_bytes());
        let mut batch = Batch::default();
        let _ = read(&mut decoder, 128, |request, ending| batch.push(&request, ending));
        batch
    }

    fn job(lines: &str) -> Job {
        let (to, _) = oneshot::channel();
        Job { batch: batch(lines), replies: Replies::default(), earlier: 0, to }
    }

    fn replies(group: &[Job]) -> Vec<Vec<&str>> {
        group.iter().map(|job| job.replies.iter().collect()).collect()
    }

    #[test]
    fn a_panic_while_storing_is_not_confirmed_and_from_then_on_the_book_is_only_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut worker = worker(&folder);
        let group = vec![job("find;a\nadd;b;2\n"), job("remove;a\nfind;a\n")];
        let group = worker.answer_by(group, |_, _, _| panic!("a defect"));
        let [first, second] = &replies(&group)[..] else { panic!("{group:?}") };
        assert_eq!(first[0], "1");
        assert!(first[1].starts_with("Error: not confirmed, "), "{first:?}");
        assert!(second[0].starts_with("Error: not confirmed, "), "{second:?}");
        assert_eq!(second[1], "1");

        let group = worker.answer(vec![job("add;c;3\nfind;a\n")]);
        let [replies] = &replies(&group)[..] else { panic!("{group:?}") };
        assert!(replies[0].starts_with("Error: nothing was changed, "), "{replies:?}");
        assert_eq!(replies[1], "1");
        assert!(worker.reported.is_some_and(|text| text.contains("panic: a defect")));
    }

    #[test]
    fn a_refused_batch_is_answered_behind_the_replies_to_what_came_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut worker = worker(&folder);
        let mut job = job("add;b;2\nfind;b\nhi\nadd;b\n");
        job.replies.push(&Reply::Phone("before"), protocol::decoder::Ending::Line);
        job.earlier = 1;
        let group = worker.answer_by(vec![job], |group, _, contacts| {
            let contacts = contacts.read();
            Draft::of(&contacts).answer(&group[0].batch, &mut group[0].replies);
            Err(StoreError::Full("no room".to_owned()))
        });
        let [replies] = &replies(&group)[..] else { panic!("{group:?}") };
        assert_eq!(replies[0], "before");
        assert!(replies[1].contains("the server's disk is full"), "{replies:?}");
        assert_eq!(replies[2..4], ["Not Found!", "Received hi;"]);
        assert!(replies[4].starts_with("Error: add needs "), "{replies:?}");
        assert_eq!(replies.len(), 5);
    }

    #[tokio::test]
    async fn a_batch_whose_thread_is_gone_is_lost_and_earlier_replies_are_not() {
        let (jobs, waiting) = channel::<Task>();
        let writer = Writer { jobs: Some(jobs), thread: None, commits: Commits::default() };
        let dropped = std::thread::spawn(move || drop(waiting.recv()));
        let earlier = || {
            let mut replies = Replies::default();
            replies.push(&Reply::NotFound, protocol::decoder::Ending::Line);
            replies
        };
        assert!(writer.submit(batch("add;a;1\n"), earlier()).await.is_err());
        dropped.join().unwrap();
        let Lost(replies) = writer.submit(batch("add;a;1\n"), earlier()).await.unwrap_err();
        assert_eq!(replies, earlier());
    }
}
