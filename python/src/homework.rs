//! The homework's checks as the program's world: they are the peer of its sockets, so
//! that a run needs no network, and its clock, so that what waits or sleeps takes no
//! time. Where the program would wait, the checks go on.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use protocol::homework::{Action, Conn, Event, Grader, Options};

use crate::host::{Answer, Host, Status};
use crate::interpreter::{self, Program};

/// The time that a request takes, as it does on a desktop: what prints for ever falls
/// silent for the checks, and does not hold them up.
const REQUEST: Duration = Duration::from_micros(50);

/// The least time that waiting takes, so that it has an end whatever the checks wait for.
const WAIT: Duration = Duration::from_millis(1);

/// Connections that wait to be accepted, as many as the lesson's `listen(5)` asks for.
const BACKLOG: usize = 5;

/// Shows what a program prints: the stream's name and the text.
pub type Shows = Box<dyn Fn(&str, &[u8])>;

/// Runs the checks on a program, each time from its beginning where one has ended it.
/// What it prints is shown.
pub fn check(program: &Program, options: Options, shows: Shows) -> Grader {
    let mut grader = Grader::new(Options {
        source: Some(program.source.clone()),
        file: Some(program.file.clone()),
        can_restart: true,
        ..options.clone()
    });
    grader.tick(Duration::ZERO);
    let state = State {
        grader,
        port: options.port,
        now: Duration::ZERO,
        runs: false,
        is_stopped: false,
        next: 0,
        sockets: BTreeMap::new(),
        inboxes: BTreeMap::new(),
    };
    let homework = Rc::new(Homework { state: RefCell::new(state), shows });
    while homework.state.borrow_mut().awaits_start() {
        let code = interpreter::run(program, Rc::clone(&homework) as Rc<dyn Host>);
        homework.state.borrow_mut().exit(code);
    }
    // Objects of the interpreter that were never collected may still hold the rest.
    let ended = Grader::new(Options::default());
    std::mem::replace(&mut homework.state.borrow_mut().grader, ended)
}

/// The checks as a [`Host`].
struct Homework {
    state: RefCell<State>,
    shows: Shows,
}

impl Host for Homework {
    fn call(&self, request: &str, body: &[u8]) -> Answer {
        if let "stdout" | "stderr" = request {
            (self.shows)(request, body);
        }
        let words: Vec<&str> = request.split(' ').collect();
        self.state.borrow_mut().answer(&words, body)
    }
}

struct State {
    grader: Grader,
    /// Where the checks connect to.
    port: u16,
    /// The time of the checks.
    now: Duration,
    /// Whether the program runs, or is about to.
    runs: bool,
    /// Whether it is to end.
    is_stopped: bool,
    next: u32,
    sockets: BTreeMap<u32, Socket>,
    /// What the checks have sent, for each of their connections that is not closed.
    inboxes: BTreeMap<Conn, Inbox>,
}

/// A socket of the program.
enum Socket {
    Bound { port: u16, is_reached: bool },
    Listener { port: u16, is_reached: bool, backlog: VecDeque<Conn> },
    Connection(Conn),
}

/// What comes to the program on a connection.
#[derive(Default)]
struct Inbox {
    bytes: VecDeque<u8>,
    /// The checks have ended their side.
    has_ended: bool,
    is_reset: bool,
    /// The program has ended its side.
    is_shut: bool,
}

impl State {
    /// Lets the checks go on until they start the program. Returns false if they are
    /// through.
    fn awaits_start(&mut self) -> bool {
        loop {
            self.carry_out();
            if self.runs {
                self.tell(Event::Started);
                return true;
            }
            let Some(due) = self.grader.deadline() else { return false };
            self.pass_time(due);
        }
    }

    fn answer(&mut self, words: &[&str], body: &[u8]) -> Answer {
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<u32>().ok());
        let id = || number(1).unwrap_or(u32::MAX);
        let millis = || u64::from(words.last().and_then(|word| word.parse().ok()).unwrap_or(0u32));
        let wait = || Duration::from_millis(millis());
        self.pass_time(self.now + REQUEST);
        self.carry_out();
        let text = || String::from_utf8_lossy(body).into_owned();
        match words[0] {
            "stdout" => self.tell(Event::Printed(text())),
            "stderr" => self.tell(Event::Stderr(text())),
            _ => {}
        }
        if self.is_stopped {
            // What is closed at the end is no request.
            return Status::STOPPED.into();
        }
        match words[0] {
            "stdout" | "stderr" => Answer::done([]),
            "sleep" => match self.wait(wait(), |_| None).status {
                Status::AGAIN => Answer::done([]),
                status => status.into(),
            },
            "input" => Status::EOF.into(),
            "bind" => self.bind(words[1], number(2).unwrap_or(0) as u16),
            "listen" => self.listen(id()),
            "accept" => self.wait(wait(), |state| state.accept(id())),
            "recv" => {
                let most = number(2).unwrap_or(0) as usize;
                self.wait(wait(), |state| state.receive(id(), most))
            }
            "send" => self.send(id(), body),
            "shutdown" => self.shut(id(), number(2) != Some(0)),
            "close" => self.close(id()),
            "connect" => Status::REFUSED.into(),
            _ => Status::UNSUPPORTED.into(),
        }
    }

    /// Lets the checks go on until there is an answer, for at most so long.
    fn wait(&mut self, longest: Duration, answer: impl Fn(&mut Self) -> Option<Answer>) -> Answer {
        let until = self.now + longest;
        loop {
            self.carry_out();
            if self.is_stopped {
                return Status::STOPPED.into();
            }
            if let Some(answer) = answer(self) {
                return answer;
            }
            if self.now >= until {
                return Status::AGAIN.into();
            }
            let due = self.grader.deadline().unwrap_or(until).max(self.now + WAIT);
            self.pass_time(due.min(until));
        }
    }

    fn pass_time(&mut self, now: Duration) {
        self.now = now;
        self.grader.tick(now);
    }

    fn tell(&mut self, event: Event) {
        self.grader.handle(event, self.now);
    }

    /// Does what the checks ask for.
    fn carry_out(&mut self) {
        while let Some(action) = self.grader.next_action() {
            match action {
                Action::Start => (self.runs, self.is_stopped) = (true, false),
                Action::Stop => self.is_stopped = true,
                Action::Connect(conn) => self.connect(conn),
                Action::Send(conn, bytes) => {
                    if let Some(inbox) = self.inboxes.get_mut(&conn) {
                        inbox.bytes.extend(bytes);
                    }
                }
                Action::FinishWriting(conn) => {
                    if let Some(inbox) = self.inboxes.get_mut(&conn) {
                        inbox.has_ended = true;
                    }
                }
                Action::Abort(conn) => {
                    if let Some(inbox) = self.inboxes.get_mut(&conn) {
                        inbox.is_reset = true;
                    }
                }
            }
        }
        // Nothing more can come of it, however the program goes on.
        self.is_stopped |= self.grader.is_done();
    }

    fn connect(&mut self, conn: Conn) {
        let listener = self.sockets.values_mut().find_map(|socket| match socket {
            Socket::Listener { is_reached: true, backlog, .. } => Some(backlog),
            _ => None,
        });
        match listener.filter(|backlog| backlog.len() <= BACKLOG) {
            Some(backlog) => {
                backlog.push_back(conn);
                self.inboxes.insert(conn, Inbox::default());
                self.tell(Event::Connected(conn));
            }
            None => self.tell(Event::Refused(conn)),
        }
    }

    fn enter(&mut self, socket: Socket) -> u32 {
        self.next += 1;
        self.sockets.insert(self.next, socket);
        self.next
    }

    fn bind(&mut self, host: &str, port: u16) -> Answer {
        let taken = self.sockets.values().any(|socket| match socket {
            Socket::Bound { port: other, .. } | Socket::Listener { port: other, .. } => {
                *other == port
            }
            Socket::Connection(_) => false,
        });
        if taken {
            return Status::IN_USE.into();
        }
        let is_own = host == "localhost" || host == "0.0.0.0" || host.starts_with("127.");
        if !is_own {
            return Status::NO_ADDRESS.into();
        }
        let is_reached = matches!(host, "localhost" | "0.0.0.0" | "127.0.0.1") && port == self.port;
        let id = self.enter(Socket::Bound { port, is_reached });
        Answer::done(format!("{id} {port}"))
    }

    fn listen(&mut self, id: u32) -> Answer {
        match self.sockets.get(&id) {
            Some(&Socket::Bound { port, is_reached }) => {
                let listener = Socket::Listener { port, is_reached, backlog: VecDeque::new() };
                self.sockets.insert(id, listener);
                Answer::done([])
            }
            Some(Socket::Listener { .. }) => Answer::done([]),
            Some(Socket::Connection(_)) => Status::INVALID.into(),
            None => Status::BAD_SOCKET.into(),
        }
    }

    fn accept(&mut self, id: u32) -> Option<Answer> {
        let Some(Socket::Listener { backlog, .. }) = self.sockets.get_mut(&id) else {
            return Some(Status::INVALID.into());
        };
        let conn = backlog.pop_front()?;
        let id = self.enter(Socket::Connection(conn));
        // Some port of the other side's own.
        Some(Answer::done(format!("{id} 127.0.0.1 {}", 50_000 + conn.0 % 10_000)))
    }

    /// The connection's number and what came on it.
    fn inbox(&mut self, id: u32) -> Option<(Conn, &mut Inbox)> {
        let Some(&Socket::Connection(conn)) = self.sockets.get(&id) else { return None };
        Some((conn, self.inboxes.get_mut(&conn)?))
    }

    fn receive(&mut self, id: u32, most: usize) -> Option<Answer> {
        let Some((_, inbox)) = self.inbox(id) else { return Some(Status::BAD_SOCKET.into()) };
        if !inbox.bytes.is_empty() {
            let length = inbox.bytes.len().min(most);
            return Some(Answer::done(inbox.bytes.drain(..length).collect::<Vec<u8>>()));
        }
        if inbox.is_reset {
            return Some(Status::RESET.into());
        }
        inbox.has_ended.then(|| Answer::done([]))
    }

    fn send(&mut self, id: u32, bytes: &[u8]) -> Answer {
        let Some((conn, inbox)) = self.inbox(id) else { return Status::BAD_SOCKET.into() };
        if inbox.is_reset || inbox.is_shut {
            return Status::BROKEN_PIPE.into();
        }
        if !bytes.is_empty() {
            self.tell(Event::Received(conn, bytes.to_vec()));
        }
        Answer::done(bytes.len().to_string())
    }

    fn shut(&mut self, id: u32, writing: bool) -> Answer {
        let Some((conn, inbox)) = self.inbox(id) else { return Status::BAD_SOCKET.into() };
        if writing && !inbox.is_shut && !inbox.is_reset {
            inbox.is_shut = true;
            self.tell(Event::Closed(conn));
        }
        Answer::done([])
    }

    fn close(&mut self, id: u32) -> Answer {
        match self.sockets.remove(&id) {
            Some(Socket::Connection(conn)) => self.let_go(conn, false),
            Some(Socket::Listener { backlog, .. }) => {
                for conn in backlog {
                    self.let_go(conn, true);
                }
            }
            Some(Socket::Bound { .. }) => {}
            None => return Status::BAD_SOCKET.into(),
        }
        Answer::done([])
    }

    /// The program closes a connection. What it has not read, or not even accepted,
    /// makes that a reset, as on Linux.
    fn let_go(&mut self, conn: Conn, is_reset: bool) {
        let Some(inbox) = self.inboxes.remove(&conn) else { return };
        if inbox.is_reset || inbox.is_shut {
            return;
        }
        let is_reset = is_reset || !inbox.bytes.is_empty();
        self.tell(if is_reset { Event::Reset(conn) } else { Event::Closed(conn) });
    }

    /// The program has ended.
    fn exit(&mut self, code: i32) {
        for id in self.sockets.keys().copied().collect::<Vec<_>>() {
            self.close(id);
        }
        self.inboxes.clear();
        self.runs = false;
        self.tell(Event::Exited { code: Some(code) });
    }
}
