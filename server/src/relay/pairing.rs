//! Pairing: which `check.py` belongs to which page.
//!
//! A page has a random key of its own. The server gives it a short code, made from the
//! key, so that it is the same after a restart; the student types it into the command
//! line. Who knows a code can replace its relay and nothing else; who knows no key
//! sees nothing of a student.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::homework::words::Language;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::relay::bridge::Talk;
use crate::relay::report::Progress;

/// Most students that are remembered: more than one address may have connections
/// (600), and those without an open page make room.
const STUDENTS: usize = 1024;

/// Most relays at once. With what the checks keep of a run, some 200 KB each.
const RELAYS: usize = 256;

/// The code's characters: none that looks like another.
const ALPHABET: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";

/// Characters of a code: 887 million codes, so that a guess among the students of
/// one server hits one in a million times.
const CODE: usize = 6;

/// Wrong codes an address may try in [`WINDOW`]: a class behind one router that
/// mistypes. A guesser needs a year for one hit.
const WRONG_CODES: u32 = 30;
const WINDOW: Duration = Duration::from_secs(60);

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
    by_key: HashMap<String, Arc<Student>>,
    by_code: HashMap<String, Arc<Student>>,
    /// Wrong codes of each address, and since when they are counted.
    wrong: HashMap<IpAddr, (u32, Instant)>,
}

/// A student with a homework page.
#[derive(Debug)]
pub(crate) struct Student {
    key: String,
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
        let student = match table.by_key.get(key) {
            Some(student) => Arc::clone(student),
            None => table.enter(key)?,
        };
        student.seat().pages.push(page.clone());
        student.is_chinese.store(language == Language::Chinese, Ordering::Relaxed);
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
        self.table().by_key.get(key).map(Arc::clone)
    }

    /// How the homework of the student with this key went, as [`Progress::result`].
    pub(crate) fn result(&self, key: &str) -> Option<(u8, u8, bool, String)> {
        self.student(key)?.progress.borrow().result()
    }

    /// The keys of all students.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.table().by_key.keys().cloned().collect()
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
    /// be of the same student.
    pub(crate) fn pair(
        self: &Arc<Self>,
        code: &str,
        ticket: &str,
        address: IpAddr,
        now: Instant,
    ) -> Result<Paired, PairingError> {
        let mut table = self.table();
        if table.has_guessed_too_often(address, now) {
            return Err(PairingError::TooManyTries);
        }
        let student = table.by_code.get(&normal_code(code)).map(Arc::clone);
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
    /// Remembers a new student, in place of one who left if there are too many.
    fn enter(&mut self, key: &str) -> Result<Arc<Student>, PairingError> {
        if self.by_key.len() >= STUDENTS {
            let gone = self.by_key.values().filter(|student| student.is_gone());
            let longest = gone.min_by_key(|student| student.seat().left);
            let longest = longest.map(Arc::clone).ok_or(PairingError::Full)?;
            self.by_key.remove(&longest.key);
            self.by_code.remove(&longest.code);
        }
        // Another student may have the code already.
        let code = (0..).map(|nth| code_of(key, nth)).find(|code| !self.by_code.contains_key(code));
        let code = code.expect("there are far more codes than students");
        let student = Arc::new(Student {
            key: key.to_owned(),
            code: code.clone(),
            progress: watch::Sender::default(),
            seat: Mutex::new(Seat { relay: None, pages: Vec::new(), left: Instant::now() }),
            conns: AtomicU32::default(),
            is_chinese: AtomicBool::default(),
        });
        self.by_key.insert(key.to_owned(), Arc::clone(&student));
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
        format!("{:032x}", xxh3_128_with_seed(self.key.as_bytes(), u64::MAX))
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

/// Whether a text can be the key of a page: some 128 bits as letters and digits.
pub(crate) fn is_key(key: &str) -> bool {
    (16..=64).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The code of a key; the next one where others have it. It tells too little of the
/// key to find it.
fn code_of(key: &str, nth: u64) -> String {
    let mut number = xxh3_128_with_seed(key.as_bytes(), nth);
    let mut code = String::new();
    for _ in 0..CODE {
        code.push(char::from(ALPHABET[(number % ALPHABET.len() as u128) as usize]));
        number /= ALPHABET.len() as u128;
    }
    code
}

/// A code as it is compared, however it was typed.
fn normal_code(code: &str) -> String {
    let typed = code.chars().filter(char::is_ascii_alphanumeric).take(2 * CODE);
    typed.map(|c| c.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 2] = ["abcdefghijklmnop1", "abcdefghijklmnop2"];

    fn page(n: u8, name: &str) -> PageOf {
        PageOf { address: IpAddr::from([192, 168, 1, n]), name: name.to_owned() }
    }

    fn pair(homework: &Arc<Homework>, code: &str, ticket: &str) -> Result<Paired, PairingError> {
        homework.pair(code, ticket, IpAddr::from([192, 168, 1, 1]), Instant::now())
    }

    #[test]
    fn a_code_is_readable_the_same_after_a_restart_and_of_one_student() {
        let [homework, later] = [Arc::new(Homework::default()), Arc::default()];
        let open = |homework: &Arc<Homework>, key| {
            homework.open(key, page(1, ""), Language::English).unwrap()
        };
        let first = open(&homework, KEYS[0]);
        let second = open(&homework, KEYS[1]);
        let code = first.student.code().to_owned();
        assert_eq!(code.len(), CODE);
        assert!(code.bytes().all(|byte| ALPHABET.contains(&byte)), "{code}");
        assert_ne!(code, second.student.code());
        assert_eq!(open(&later, KEYS[0]).student.code(), code);
        let typed = format!(" {}-{}", &code[..3].to_lowercase(), &code[3..]);
        let paired = pair(&homework, &typed, "").unwrap();
        assert!(Arc::ptr_eq(&paired.student, &first.student));
    }

    #[test]
    fn a_second_relay_replaces_the_first_and_a_ticket_is_of_its_own_student() {
        let homework = Arc::new(Homework::default());
        let [mine, other] =
            KEYS.map(|key| homework.open(key, page(1, ""), Language::English).unwrap());
        let first = pair(&homework, mine.student.code(), "").unwrap();
        let second = pair(&homework, mine.student.code(), &mine.student.ticket()).unwrap();
        assert!(first.replaced.is_cancelled() && !second.replaced.is_cancelled());
        drop(first);
        assert!(mine.student.talk().is_some(), "the second one stays");
        drop(second);
        assert!(mine.student.talk().is_none());
        let refused = pair(&homework, mine.student.code(), &other.student.ticket());
        assert_eq!(refused.err(), Some(PairingError::WrongCode));
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_codes_are_limited_by_address_and_forgiven_after_a_minute() {
        let homework = Arc::new(Homework::default());
        let mine = homework.open(KEYS[0], page(1, ""), Language::English).unwrap();
        for _ in 0..WRONG_CODES {
            assert_eq!(pair(&homework, "WRONG2", "").err(), Some(PairingError::WrongCode));
        }
        let limited = pair(&homework, mine.student.code(), "");
        assert_eq!(limited.err(), Some(PairingError::TooManyTries));
        let elsewhere = IpAddr::from([192, 168, 1, 2]);
        assert!(homework.pair(mine.student.code(), "", elsewhere, Instant::now()).is_ok());
        tokio::time::advance(WINDOW).await;
        assert!(pair(&homework, mine.student.code(), "").is_ok());
    }

    #[test]
    fn students_who_left_make_room_and_those_who_are_here_do_not() {
        let homework = Arc::new(Homework::default());
        let key = |n: usize| format!("key{n:020}");
        let mut open: Vec<_> = (0..STUDENTS)
            .map(|n| homework.open(&key(n), page(1, ""), Language::English).unwrap())
            .collect();
        assert_eq!(
            homework.open(KEYS[0], page(1, ""), Language::English).err(),
            Some(PairingError::Full)
        );
        open.pop();
        assert!(homework.open(KEYS[0], page(1, ""), Language::English).is_ok());
        assert!(homework.student(&key(STUDENTS - 1)).is_none());
        drop(open);
        assert!(!homework.is_open());
    }

    #[test]
    fn a_client_is_known_by_its_address_or_by_the_name_it_uses() {
        let homework = Arc::new(Homework::default());
        let names = |name: &str| vec![name.to_owned()];
        let of = |n, name| {
            let client = ClientOf::new(page(n, "").address, None);
            homework.student_of(client, &names(name))
        };
        let first = homework.open(KEYS[0], page(1, "linxiaoyu"), Language::English).unwrap();
        assert!(Arc::ptr_eq(&of(1, "zhangsan").unwrap(), &first.student));
        assert!(of(2, "zhangsan").is_none() && of(2, "").is_none());
        assert!(Arc::ptr_eq(&of(2, "linxiaoyu").unwrap(), &first.student));
        let second = homework.open(KEYS[1], page(1, ""), Language::English).unwrap();
        assert!(of(1, "zhangsan").is_none(), "two pages behind one address");
        assert!(Arc::ptr_eq(&of(1, "linxiaoyu").unwrap(), &first.student));
        drop(second);
        assert!(of(1, "zhangsan").is_some());
    }

    #[test]
    fn a_client_and_a_page_on_the_server_s_computer_may_use_different_addresses_of_it() {
        let homework = Arc::new(Homework::default());
        let local = PageOf { address: IpAddr::from([127, 0, 0, 1]), name: String::new() };
        let _local = homework.open(KEYS[0], local, Language::English).unwrap();
        let own = IpAddr::from([192, 168, 1, 5]);
        let seen = |from, to| homework.student_of(ClientOf::new(from, Some(to)), &[]).is_some();
        assert!(seen(own, own), "a program with the class's address");
        assert!(seen("::1".parse().unwrap(), "::1".parse().unwrap()));
        assert!(seen("::ffff:192.168.1.5".parse().unwrap(), own));
        assert!(!seen(IpAddr::from([192, 168, 1, 7]), own), "another computer");
    }
}
