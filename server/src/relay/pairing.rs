//! Pairing: which `check.py` belongs to which page.
//!
//! A page has a random key of its own. The server gives it a short code, made from the
//! key, so that it is the same after a restart; the student types it into the command
//! line. Who knows a code can replace its relay and nothing else; who knows no key
//! sees nothing of a student.
//!
//! In a class of several servers the page may be at another one, which tells of it by
//! hashes of its key and its code: a student is known here by the hash of the key.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::homework::words::Language;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::relay::bridge::Talk;
use crate::relay::code::{code_hash, code_of, normal_code, page_hash};
use crate::relay::report::Progress;

/// Most students that are remembered: more than one address may have connections
/// (600), and those without an open page make room.
const STUDENTS: usize = 1024;

/// Most relays at once. With what the checks keep of a run, some 200 KB each.
const RELAYS: usize = 256;

/// Wrong codes an address may try in [`WINDOW`]: a class behind one router that
/// mistypes. A guesser needs a year for one hit.
const WRONG_CODES: u32 = 30;
const WINDOW: Duration = Duration::from_secs(60);

/// Most pages at other servers that are shown their checks, some 4 KB each: more than a
/// balancer separates from their `check.py`, which goes by the class.
const SHOWN_ELSEWHERE: usize = 32;

/// Messages to a relay that wait.
const TALK: usize = 32;

/// All students with a homework page, of one class.
#[derive(Debug, Default)]
pub(crate) struct Homework {
    /// How many homework pages are open. Read for each raw TCP conversation.
    pages: AtomicUsize,
    relays: AtomicUsize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// By the hashes of their keys.
    by_key: HashMap<u64, Arc<Student>>,
    by_code: HashMap<String, Arc<Student>>,
    /// Wrong codes of each address, and since when they are counted.
    wrong: HashMap<IpAddr, (u32, Instant)>,
}

/// A student with a homework page.
#[derive(Debug)]
pub(crate) struct Student {
    /// The hash of the page's key.
    page: u64,
    code: String,
    /// What the page is shown.
    progress: watch::Sender<Progress>,
    seat: Mutex<Seat>,
    /// The numbers of the relay's connections.
    conns: AtomicU32,
    /// Whether the page was last opened in Chinese, and not in English.
    is_chinese: AtomicBool,
}

/// What a student has here.
#[derive(Debug)]
struct Seat {
    relay: Option<Relay>,
    /// Open pages, by the address they came from and the name they use.
    pages: Vec<PageOf>,
    left: Instant,
}

/// An open page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageOf {
    pub(crate) address: IpAddr,
    pub(crate) name: String,
}

/// Where a raw TCP client is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientOf {
    address: IpAddr,
    /// Whether it is on this computer, whichever of its addresses it has.
    is_here: bool,
}

impl ClientOf {
    /// Of a client from `from` that connected to the address `to` of this computer.
    pub(crate) fn new(from: IpAddr, to: Option<IpAddr>) -> Self {
        let address = from.to_canonical();
        // A program that connects to an own address of its computer comes from that one.
        let is_own = to.is_some_and(|to| to.to_canonical() == address);
        ClientOf { address, is_here: is_own || address.is_loopback() }
    }

    /// Whether a page is on the client's computer, as far as its address tells.
    fn is_beside(self, page: &PageOf) -> bool {
        page.address == self.address || self.is_here && page.address.is_loopback()
    }
}

/// A relay that is connected.
#[derive(Clone, Debug)]
struct Relay {
    replaced: CancellationToken,
    talk: mpsc::Sender<Talk>,
}

/// A homework page that is open, as servers of a class tell each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PageTold {
    /// The hash of its key.
    page: u64,
    /// The hash of its code.
    code: u64,
    is_chinese: bool,
    /// Whether a `check.py` is connected to the same server.
    has_relay: bool,
}

impl PageTold {
    /// Whether this is the page with that hash of its key, which has no `check.py` at its
    /// own server.
    pub(crate) fn wants(&self, page: u64) -> bool {
        self.page == page && !self.has_relay
    }
}

/// Why a `check.py` is not paired with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PairingError {
    /// The code or the ticket is not one of ours.
    WrongCode,
    /// This address has tried too many wrong codes.
    TooManyTries,
    /// There are too many students or relays.
    Full,
}

impl Homework {
    /// Opens the homework page of a key for as long as the value returned lives.
    pub(crate) fn open(
        self: &Arc<Self>,
        key: &str,
        page: PageOf,
        language: Language,
    ) -> Result<OpenPage, PairingError> {
        let mut table = self.table();
        let page_hash = page_hash(key);
        let student = match table.by_key.get(&page_hash) {
            Some(student) => Arc::clone(student),
            None => {
                // Another student may have the code already.
                let is_free = |code: &String| !table.by_code.contains_key(code);
                let code = (0..).map(|nth| code_of(key, nth)).find(is_free);
                table.enter(page_hash, code.expect("there are far more codes than students"))?
            }
        };
        student.seat().pages.push(page.clone());
        student.speak(language == Language::Chinese);
        self.pages.fetch_add(1, Ordering::Relaxed);
        drop(table);
        Ok(OpenPage { homework: Arc::clone(self), student, page })
    }

    /// Whether there is any homework page.
    pub(crate) fn is_open(&self) -> bool {
        self.pages.load(Ordering::Relaxed) > 0
    }

    /// The student with this key.
    pub(crate) fn student(&self, key: &str) -> Option<Arc<Student>> {
        self.table().by_key.get(&page_hash(key)).map(Arc::clone)
    }

    /// How the homework of each student went, by the hashes of their keys, as
    /// [`Progress::result`].
    pub(crate) fn results(&self) -> Vec<(u64, (u8, u8, bool, String))> {
        let table = self.table();
        let result = |(page, student): (&u64, &Arc<Student>)| {
            Some((*page, student.progress.borrow().result()?))
        };
        table.by_key.iter().filter_map(result).collect()
    }

    /// The homework pages that are open.
    pub(crate) fn pages(&self) -> Vec<PageTold> {
        let mut pages: Vec<_> = self.table().by_key.values().filter_map(|it| it.told()).collect();
        pages.sort_unstable_by_key(|page| page.page);
        pages
    }

    /// What pages at other servers are to be shown: those that `are_wanted`, by the hashes
    /// of their keys.
    pub(crate) fn shown_elsewhere(
        &self,
        are_wanted: impl Fn(u64) -> bool,
    ) -> Vec<(u64, api::Homework)> {
        let table = self.table();
        let wanted = table.by_key.values().filter(|student| are_wanted(student.page));
        let mut shown: Vec<_> = wanted
            .filter(|student| student.seat().pages.is_empty())
            .take(SHOWN_ELSEWHERE)
            .filter_map(|it| Some((it.page, it.progress.borrow().shown_elsewhere(it.language())?)))
            .collect();
        shown.sort_unstable_by_key(|(page, _)| *page);
        shown
    }

    /// Shows open pages how their checks go at another server, where a `check.py` of theirs
    /// is connected; `elsewhere` has it by the hash of a page's key.
    pub(crate) fn show(&self, elsewhere: impl Fn(u64) -> Option<api::Homework>) {
        for student in self.table().by_key.values() {
            let shown = student.told().and_then(|page| elsewhere(page.page));
            student.progress.send_if_modified(|progress| {
                let is_new = progress.elsewhere != shown;
                if is_new {
                    progress.elsewhere = shown;
                }
                is_new
            });
        }
    }

    /// Forgets everybody's results, and those who left.
    pub(crate) fn forget_all(&self) {
        let mut table = self.table();
        table.by_key.retain(|_, student| !student.is_gone());
        table.by_code.retain(|_, student| !student.is_gone());
        for student in table.by_key.values() {
            student.progress.send_modify(Progress::forget);
        }
    }

    /// The student whose own client that is: of the one page that is open on the
    /// client's computer, or else of the page with a name that the client used.
    pub(crate) fn student_of(&self, client: ClientOf, names: &[String]) -> Option<Arc<Student>> {
        let table = self.table();
        let only = |is_own: &dyn Fn(&PageOf) -> bool| {
            let mut own =
                table.by_key.values().filter(|student| student.seat().pages.iter().any(is_own));
            own.next().filter(|_| own.next().is_none()).map(Arc::clone)
        };
        only(&|page| client.is_beside(page))
            .or_else(|| only(&|page| !page.name.is_empty() && names.contains(&page.name)))
    }

    /// Gives a `check.py` from `address` the place of the student with this code. The
    /// relay that had it is told that it is replaced. A ticket, if there is one, must
    /// be of the same student, whose page may be among the `pages` at other servers.
    pub(crate) fn pair(
        self: &Arc<Self>,
        code: &str,
        ticket: &str,
        address: IpAddr,
        pages: &[PageTold],
        now: Instant,
    ) -> Result<Paired, PairingError> {
        let mut table = self.table();
        if table.has_guessed_too_often(address, now) {
            return Err(PairingError::TooManyTries);
        }
        let student = table.with_code(code, pages)?;
        let fits = |student: &Arc<Student>| ticket.is_empty() || student.ticket() == ticket;
        let Some(student) = student.filter(fits) else {
            table.count_wrong(address, now);
            return Err(PairingError::WrongCode);
        };
        if self.relays.fetch_add(1, Ordering::Relaxed) >= RELAYS {
            self.relays.fetch_sub(1, Ordering::Relaxed);
            return Err(PairingError::Full);
        }
        let (talk, talks) = mpsc::channel(TALK);
        let replaced = CancellationToken::new();
        let relay = Relay { replaced: replaced.clone(), talk };
        if let Some(before) = student.seat().relay.replace(relay) {
            before.replaced.cancel();
        }
        drop(table);
        Ok(Paired { homework: Arc::clone(self), student, replaced, talks })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Each change under the lock is complete before anything could panic.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// The student with this code, whose page may be at another server.
    fn with_code(
        &mut self,
        code: &str,
        pages: &[PageTold],
    ) -> Result<Option<Arc<Student>>, PairingError> {
        let (code, hash) = (normal_code(code), code_hash(code));
        if let Some(student) = self.by_code.get(&code) {
            return Ok(Some(Arc::clone(student)));
        }
        let Some(told) = pages.iter().find(|page| page.code == hash) else { return Ok(None) };
        let student = match self.by_key.get(&told.page) {
            // It was here before, with another code.
            Some(student) => Arc::clone(student),
            None => self.enter(told.page, code)?,
        };
        student.speak(told.is_chinese);
        Ok(Some(student))
    }

    /// Remembers a new student, in place of one who left if there are too many.
    fn enter(&mut self, page: u64, code: String) -> Result<Arc<Student>, PairingError> {
        if self.by_key.len() >= STUDENTS {
            let gone = self.by_key.values().filter(|student| student.is_gone());
            let longest = gone.min_by_key(|student| student.seat().left);
            let longest = longest.map(Arc::clone).ok_or(PairingError::Full)?;
            self.by_key.remove(&longest.page);
            self.by_code.remove(&longest.code);
        }
        let student = Arc::new(Student {
            page,
            code: code.clone(),
            progress: watch::Sender::default(),
            seat: Mutex::new(Seat { relay: None, pages: Vec::new(), left: Instant::now() }),
            conns: AtomicU32::default(),
            is_chinese: AtomicBool::default(),
        });
        self.by_key.insert(page, Arc::clone(&student));
        self.by_code.insert(code, Arc::clone(&student));
        Ok(student)
    }

    fn has_guessed_too_often(&mut self, address: IpAddr, now: Instant) -> bool {
        self.wrong.retain(|_, (_, since)| now - *since < WINDOW);
        self.wrong.get(&address).is_some_and(|(count, _)| *count >= WRONG_CODES)
    }

    fn count_wrong(&mut self, address: IpAddr, now: Instant) {
        if self.wrong.len() >= STUDENTS {
            self.wrong.clear();
        }
        self.wrong.entry(address).or_insert((0, now)).0 += 1;
    }
}

impl Student {
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// What `check.py` names when it connects again, so that no page with another key
    /// and, after a restart of the server, the same code gets it.
    pub(crate) fn ticket(&self) -> String {
        format!("{:032x}", xxh3_128_with_seed(&self.page.to_le_bytes(), u64::MAX))
    }

    fn speak(&self, chinese: bool) {
        self.is_chinese.store(chinese, Ordering::Relaxed);
    }

    /// Its open page, as other servers are told of it; none where none is open.
    fn told(&self) -> Option<PageTold> {
        let seat = self.seat();
        let (page, code, is_chinese) = (self.page, code_hash(&self.code), self.language());
        let (is_chinese, has_relay) = (is_chinese == Language::Chinese, seat.relay.is_some());
        (!seat.pages.is_empty()).then_some(PageTold { page, code, is_chinese, has_relay })
    }

    /// The language of the page.
    pub(crate) fn language(&self) -> Language {
        match self.is_chinese.load(Ordering::Relaxed) {
            true => Language::Chinese,
            false => Language::English,
        }
    }

    pub(crate) fn progress(&self) -> &watch::Sender<Progress> {
        &self.progress
    }

    /// A number for a connection of the relay, never used before.
    pub(crate) fn next_conn(&self) -> u32 {
        self.conns.fetch_add(1, Ordering::Relaxed)
    }

    /// Where to ask the relay for a connection, if there is a relay.
    pub(crate) fn talk(&self) -> Option<mpsc::Sender<Talk>> {
        self.seat().relay.as_ref().map(|relay| relay.talk.clone())
    }

    fn is_gone(&self) -> bool {
        let seat = self.seat();
        seat.relay.is_none() && seat.pages.is_empty()
    }

    fn seat(&self) -> MutexGuard<'_, Seat> {
        self.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open homework page. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct OpenPage {
    homework: Arc<Homework>,
    pub(crate) student: Arc<Student>,
    page: PageOf,
}

impl Drop for OpenPage {
    fn drop(&mut self) {
        self.homework.pages.fetch_sub(1, Ordering::Relaxed);
        let mut seat = self.student.seat();
        if let Some(at) = seat.pages.iter().position(|page| *page == self.page) {
            seat.pages.swap_remove(at);
        }
        seat.left = Instant::now();
    }
}

/// The place of a relay. Dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Paired {
    homework: Arc<Homework>,
    pub(crate) student: Arc<Student>,
    /// Cancelled when another relay has the place.
    pub(crate) replaced: CancellationToken,
    /// What pages ask of the relay.
    pub(crate) talks: mpsc::Receiver<Talk>,
}

impl Drop for Paired {
    fn drop(&mut self) {
        self.homework.relays.fetch_sub(1, Ordering::Relaxed);
        let mut seat = self.student.seat();
        if !self.replaced.is_cancelled() {
            seat.relay = None;
        }
        seat.left = Instant::now();
    }
}
