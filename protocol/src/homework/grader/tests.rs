//! Runs against servers that are functions, without a network: time passes only while
//! nothing happens.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use super::wait::BEHIND_TRACEBACK;
use super::*;
use crate::homework::cause::Cause;
use crate::homework::checks::{CheckName as Name, Seat};
use crate::homework::stage::State;
use crate::{Contacts, Decoder, Next, Replies, Stage as LessonStage, answer};

/// What a server does with a connection.
trait Peer {
    fn connected(&mut self, _: Conn) -> Vec<Reaction> {
        vec![Reaction::Say(b"Welcome!".to_vec())]
    }
    fn received(&mut self, conn: Conn, bytes: &[u8]) -> Vec<Reaction>;
    fn ended(&mut self, _: Conn) -> Vec<Reaction> {
        vec![Reaction::Close]
    }
}

enum Reaction {
    Say(Vec<u8>),
    Close,
}

/// Runs to the end and returns the grader and how long it took in its own time.
fn run(grader: Grader, peer: &mut dyn Peer) -> (Grader, Duration) {
    run_held_up(grader, peer, Duration::ZERO)
}

/// The same by a driver that is held up for so long whenever something has come, and
/// looks at the clock before it hands that over.
fn run_held_up(mut grader: Grader, peer: &mut dyn Peer, late: Duration) -> (Grader, Duration) {
    let mut now = Duration::ZERO;
    let mut events = VecDeque::new();
    grader.tick(now);
    for _ in 0..100_000 {
        let is_new = events.is_empty();
        while let Some(action) = grader.next_action() {
            let (conn, reactions) = match action {
                Action::Connect(conn) => {
                    events.push_back(Event::Connected(conn));
                    (conn, peer.connected(conn))
                }
                Action::Send(conn, bytes) => (conn, peer.received(conn, &bytes)),
                Action::FinishWriting(conn) => (conn, peer.ended(conn)),
                Action::Abort(_) | Action::Start | Action::Stop => continue,
            };
            events.extend(reactions.into_iter().map(|reaction| match reaction {
                Reaction::Say(bytes) => Event::Received(conn, bytes),
                Reaction::Close => Event::Closed(conn),
            }));
        }
        if grader.is_done() {
            return (grader, now);
        }
        if is_new && !events.is_empty() && !late.is_zero() {
            now += late;
            grader.tick(now);
        }
        match events.pop_front() {
            Some(event) => grader.handle(event, now),
            None => {
                let deadline = grader.deadline().expect("it is not done");
                assert!(deadline >= now, "{deadline:?} is before {now:?}");
                now = deadline;
                grader.tick(now);
            }
        }
    }
    panic!("no end: {:?} {:?}", grader.wait, grader.stages);
}

fn states(grader: &Grader) -> Vec<(&'static str, &'static str, &'static str)> {
    let cause = |stage: &Stage| stage.finding.as_ref().map_or("", |found| found.cause.word());
    grader.stages().iter().map(|s| (s.name.word(), s.state.word(), cause(s))).collect()
}

/// The classroom's own server.
#[derive(Default)]
struct Classroom {
    contacts: Contacts,
    decoders: BTreeMap<Conn, Decoder>,
}

impl Peer for Classroom {
    fn received(&mut self, conn: Conn, bytes: &[u8]) -> Vec<Reaction> {
        let decoder =
            self.decoders.entry(conn).or_insert_with(|| Decoder::new(LessonStage::Contacts));
        let mut replies = Replies::default();
        decoder.push(bytes);
        let next = answer(decoder, &mut self.contacts, &mut replies, 100);
        let mut reactions = Vec::new();
        if !replies.as_bytes().is_empty() {
            reactions.push(Reaction::Say(replies.as_bytes().to_vec()));
        }
        if next == Next::Close {
            reactions.push(Reaction::Close);
        }
        reactions
    }
}

#[test]
fn the_classroom_s_own_server_passes_everything_and_is_recognised() {
    let (grader, took) = run(Grader::new(Options::default()), &mut Classroom::default());
    assert!(grader.passed() && grader.is_classroom(), "{:#?}", states(&grader));
    assert!(took < Duration::from_secs(4), "{took:?}");
    for (name, state, cause) in states(&grader) {
        let expected = if name == "connect" { ("note", "classroom") } else { ("passed", "") };
        assert_eq!((state, cause), expected, "{name}");
    }
}

#[test]
fn what_came_while_the_driver_was_held_up_came_in_time() {
    for late in [1, 10, 36_000].map(Duration::from_secs) {
        let grader = Grader::new(Options::default());
        let (grader, took) = run_held_up(grader, &mut Classroom::default(), late);
        assert!(grader.passed() && took > late, "{late:?}: {:#?}", states(&grader));
    }
    // What does not come is given up all the same, also by one that is always late.
    let mut grader = Grader::new(Options::default());
    grader.tick(Duration::ZERO);
    for _ in 0..100 {
        if let Some(due) = grader.deadline() {
            grader.tick(due + Duration::from_secs(1));
        }
    }
    assert!(grader.is_done() && !grader.passed());
}

/// A student's server in a few words.
struct Student<F>(F);

impl<F: FnMut(&str) -> Option<String>> Peer for Student<F> {
    fn received(&mut self, _: Conn, bytes: &[u8]) -> Vec<Reaction> {
        let text = String::from_utf8_lossy(bytes);
        if text == "exit" {
            return vec![Reaction::Close];
        }
        (self.0)(&text).map(|reply| Reaction::Say(reply.into_bytes())).into_iter().collect()
    }
}

#[test]
fn silence_is_taken_for_no_answer_after_three_seconds_since_the_lesson_s_server_sleeps_one() {
    assert_eq!(Options::default().timeout, Duration::from_secs(3));
}

#[test]
fn a_silent_server_fails_its_first_answer_and_nothing_is_judged_behind_it() {
    let (grader, took) = run(Grader::new(Options::default()), &mut Student(|_: &str| None));
    assert!(!grader.passed());
    let answers = grader.stage(Name::Answers);
    assert_eq!(answers.finding.as_ref().unwrap().cause, Cause::Silent);
    let later = grader.stages().iter().skip(3);
    assert!(later.clone().all(|stage| stage.state == State::Skipped), "{:#?}", states(&grader));
    assert!(took < Duration::from_secs(6), "{took:?}");
}

#[test]
fn the_homework_that_is_not_written_is_told_for_each_command_once() {
    let mut server = Student(|text: &str| {
        let fields: Vec<_> = text.split(';').collect();
        (fields[0] == "add").then(|| format!("{} added", fields[1]))
    });
    let (grader, _) = run(Grader::new(Options::default()), &mut server);
    let failed: Vec<_> =
        states(&grader).into_iter().filter(|(_, state, _)| *state == "failed").collect();
    assert_eq!(
        failed,
        [("find", "failed", "not-written"), ("remove", "failed", "not-written")],
        "{:#?}",
        states(&grader)
    );
}

#[test]
fn a_slow_server_that_takes_a_short_command_and_the_next_one_for_one_message_survives_it() {
    let (mut contacts, mut unread) = (BTreeMap::new(), String::new());
    let mut server = Student(|text: &str| {
        unread.push_str(text);
        if unread.starts_with("add") && unread.matches(';').count() < 2 {
            return None;
        }
        let text = core::mem::take(&mut unread);
        match text.split(';').collect::<Vec<_>>()[..] {
            ["add", name, phone] => {
                contacts.insert(name.to_owned(), phone.to_owned());
                Some(format!("{name} added!"))
            }
            ["find", name] => Some(contacts.get(name).cloned().unwrap_or("Not Found!".into())),
            ["remove", name] => Some(match contacts.remove(name) {
                Some(_) => format!("{name} removed!"),
                None => "Not Found!".into(),
            }),
            _ => Some(format!("Received {text};")),
        }
    });
    let (grader, _) = run(Grader::new(Options::default()), &mut server);
    assert!(grader.passed(), "{:#?}", states(&grader));
    assert_eq!(grader.stage(Name::ShortCommand).state, State::Passed, "{:#?}", states(&grader));
}

/// Floods every connection as soon as it is spoken to, and never ends one.
struct Flood;

impl Peer for Flood {
    fn received(&mut self, _: Conn, _: &[u8]) -> Vec<Reaction> {
        (0..50).map(|_| Reaction::Say(vec![b'x'; 1024])).collect()
    }
    fn ended(&mut self, _: Conn) -> Vec<Reaction> {
        (0..50).map(|_| Reaction::Say(vec![b'y'; 1024])).collect()
    }
}

#[test]
fn a_flood_is_bounded_and_ends_the_run_with_its_cause() {
    let (grader, took) = run(Grader::new(Options::default()), &mut Flood);
    assert!(!grader.passed());
    assert!(took < Duration::from_secs(1), "{took:?}");
    let answers = grader.stage(Name::Answers);
    assert_eq!(answers.finding.as_ref().map(|found| found.cause), Some(Cause::Floods));
    let later = grader.stages().iter().skip_while(|stage| stage.name != Name::Answers).skip(1);
    assert!(later.clone().all(|stage| stage.state == State::Skipped), "{:#?}", states(&grader));
    for stage in grader.stages() {
        let shown: usize = stage.exchanges.iter().flat_map(|e| &e.chunks).map(Vec::len).sum();
        assert!(shown <= MAX_SHOWN, "{shown}");
        let kept = stage.finding.as_ref().and_then(|found| found.actual.as_ref());
        assert!(kept.is_none_or(|actual| actual.len() <= 8192));
    }
}

#[test]
fn every_event_in_any_order_is_survived() {
    // A driver with a fault, or a student's computer that lies, must not cause a panic.
    let events = |n: u32| {
        let conn = Conn(n % 5);
        [
            Event::Connected(conn),
            Event::Received(conn, vec![0xFF; 3]),
            Event::Closed(conn),
            Event::Started,
            Event::Stderr("KeyError: 1\n  File \"x\", line 99, in y\nKeyError: 2\n".into()),
            Event::Exited { code: None },
            Event::Refused(conn),
            Event::Received(conn, b"Welcome!".to_vec()),
            Event::Reset(conn),
            Event::Printed("张三 added".into()),
        ]
    };
    for can_restart in [true, false] {
        for stride in 1..10 {
            let source = Some("s.bind(('x', 1))\n".to_owned());
            let mut grader = Grader::new(Options { can_restart, source, ..Options::default() });
            let mut now = Duration::ZERO;
            for n in 0..4000_u32 {
                let event = events(n / 7).into_iter().nth((n * stride) as usize % 10).unwrap();
                grader.handle(event, now);
                while grader.next_action().is_some() {}
                now += Duration::from_millis(u64::from(n % 3) * 40);
                grader.tick(now);
            }
            grader.cancel();
            assert!(grader.is_done() && grader.deadline().is_none());
        }
    }
}

/// The actions that are due, and the bytes that are sent with the last of them.
fn sent(grader: &mut Grader) -> (Conn, String) {
    let mut last = (Conn(0), Vec::new());
    while let Some(action) = grader.next_action() {
        match action {
            Action::Connect(conn) => last.0 = conn,
            Action::Send(conn, bytes) => last = (conn, bytes),
            _ => {}
        }
    }
    (last.0, String::from_utf8(last.1).expect("text"))
}

#[test]
fn an_answer_in_two_sends_with_a_pause_between_is_one_from_the_first_message_on() {
    let mut grader = Grader::new(Options::default());
    grader.tick(Duration::ZERO);
    let (conn, _) = sent(&mut grader);
    grader.handle(Event::Connected(conn), Duration::ZERO);
    grader.handle(Event::Received(conn, b"Welcome".to_vec()), Duration::ZERO);
    let mut now = grader.deadline().expect("it waits for more of the greeting");
    grader.tick(now);
    for _ in 0..2 {
        let (conn, message) = sent(&mut grader);
        let name = message.split(';').nth(1).expect("it adds").to_owned();
        for part in [name.as_bytes(), b" added!"] {
            grader.handle(Event::Received(conn, part.to_vec()), now);
            now =
                grader.deadline().expect("it waits for more").min(now + Duration::from_millis(300));
            grader.tick(now);
        }
    }
    assert_eq!(grader.stage(Name::Add).state, State::Passed, "{:#?}", states(&grader));
}

/// What is found when a program ends with this on standard error before it listens.
fn found_at_start(stderr: &str) -> Finding {
    let source = Some("import sys\nport = int(sys.argv[1])\n".to_owned());
    let file = Some("server.py".to_owned());
    let mut grader = Grader::new(Options { can_restart: true, source, file, ..Options::default() });
    grader.tick(Duration::ZERO);
    let (conn, _) = sent(&mut grader);
    for event in [
        Event::Refused(conn),
        Event::Started,
        Event::Stderr(stderr.to_owned()),
        Event::Exited { code: Some(1) },
    ] {
        grader.handle(event, Duration::ZERO);
    }
    grader.stage(Name::Connect).finding.clone().expect("it does not listen")
}

#[test]
fn a_program_that_stops_before_the_first_message_is_told_its_exception_and_nothing_of_a_message() {
    let traceback = |exception: &str| {
        format!(
            "Traceback (most recent call last):\n  File \"server.py\", line 2, in <module>\n{exception}\n"
        )
    };
    for exception in [
        "IndexError: list index out of range",
        "KeyError: 'PORT'",
        "ValueError: not enough values to unpack (expected 2, got 0)",
    ] {
        let found = found_at_start(&traceback(exception));
        assert_eq!(found.cause, Cause::Exception, "{exception}");
        assert_eq!(found.line.map(|line| line.number), Some(2), "{exception}");
    }
}

/// A grader that has found a server on the port and says `exit` to it, and all that it did.
fn parting() -> (Grader, Conn, Vec<Action>) {
    let mut grader = Grader::new(Options { can_restart: true, ..Options::default() });
    grader.tick(Duration::ZERO);
    let (conn, _) = sent(&mut grader);
    grader.handle(Event::Connected(conn), Duration::ZERO);
    grader.handle(Event::Received(conn, b"Welcome!".to_vec()), Duration::ZERO);
    let mut actions = Vec::new();
    while !actions.contains(&Action::Send(conn, b"exit".to_vec())) {
        grader.tick(grader.deadline().expect("it is still connected"));
        actions.extend(core::iter::from_fn(|| grader.next_action()));
    }
    (grader, conn, actions)
}

#[test]
fn the_server_that_has_the_port_already_is_left_as_a_client_of_the_lesson_leaves_it() {
    let (mut grader, conn, mut actions) = parting();
    // Both ends at once could leave `TIME_WAIT` at the server's port.
    assert!(!actions.contains(&Action::FinishWriting(conn)), "{actions:?}");
    grader.handle(Event::Closed(conn), Duration::from_secs(2));
    actions.extend(core::iter::from_fn(|| grader.next_action()));
    assert!(grader.is_done() && !actions.contains(&Action::FinishWriting(conn)), "{actions:?}");
    assert_eq!(grader.stage(Name::Connect).finding.as_ref().unwrap().cause, Cause::OldServer);
}

#[test]
fn a_server_that_has_the_port_already_and_does_not_know_exit_is_left_by_our_end() {
    let (mut grader, conn, mut actions) = parting();
    while !actions.contains(&Action::FinishWriting(conn)) {
        grader.tick(grader.deadline().expect("it is still connected"));
        actions.extend(core::iter::from_fn(|| grader.next_action()));
    }
    assert!(!actions.contains(&Action::Abort(conn)) && !grader.is_done(), "{actions:?}");
    grader.handle(Event::Closed(conn), Duration::from_secs(4));
    assert!(grader.is_done());
}

#[test]
fn a_traceback_is_read_whole_wherever_its_pieces_stand_beside_the_end_of_the_connection() {
    let source = Some("c, a = s.accept()\nwhile True:\n    serve(c)\n".to_owned());
    let pieces = [
        "Traceback (most recent call last):\n  File \"server.py\", line 3, in <module>\n",
        "OSError",
        ": [Errno 9] Bad file descriptor\n",
    ]
    .map(|piece| Event::Stderr(piece.to_owned()));
    for closed_at in 0..=pieces.len() {
        let options = Options {
            can_restart: true,
            source: source.clone(),
            file: Some("server.py".to_owned()),
            ..Options::default()
        };
        let (mut grader, mut now) = (Grader::new(options), Duration::ZERO);
        grader.at = CHECKS.iter().position(|check| check.name == Name::Exit).unwrap();
        grader.program.process = Process::Running;
        let conn = grader.links.open(Seat::Main, now);
        grader.links.find(conn).unwrap().state = LinkState::Open;
        grader.links.find(conn).unwrap().is_greeted = true;
        grader.tick(now);
        assert_eq!(sent(&mut grader), (Conn(0), "exit".to_owned()));
        let mut events = pieces.to_vec();
        events.insert(closed_at, Event::Closed(conn));
        for event in events {
            grader.handle(event, now);
            now += BEHIND_TRACEBACK / 4;
            grader.tick(now);
        }
        while !grader.stage(Name::NextClient).is_settled() {
            now = grader.deadline().expect("it is not done").max(now + Duration::from_millis(1));
            grader.tick(now);
        }
        let (exit, next) = (grader.stage(Name::Exit), grader.stage(Name::NextClient));
        assert_eq!(exit.state, State::Passed, "{closed_at}: {:#?}", states(&grader));
        let cause = next.finding.as_ref().map(|finding| finding.cause);
        assert_eq!(cause, Some(Cause::AcceptOutsideLoop), "{closed_at}: {:#?}", states(&grader));
    }
}

#[test]
fn a_traceback_whose_first_lines_come_before_the_check_that_it_is_about_is_read_whole() {
    let source = Some("c, a = s.accept()\nwhile True:\n    c.send('Welcome!')\n".to_owned());
    let file = Some("server.py".to_owned());
    let options = Options { can_restart: true, source, file, ..Options::default() };
    let (mut grader, mut now) = (Grader::new(options), Duration::ZERO);
    // The first client is accepted, and ends the server, before its connection is told.
    grader.server.is_probed = true;
    grader.tick(now);
    grader.handle(Event::Started, now);
    let (conn, _) = sent(&mut grader);
    let printed = |text: &str| Event::Stderr(text.to_owned());
    for event in [
        printed("Traceback (most recent call last):\n  File \"server.py\", line 3, in serve\n"),
        Event::Connected(conn),
        printed("TypeError: a bytes-like object is required, not 'str'\n"),
        Event::Closed(conn),
        Event::Exited { code: Some(1) },
    ] {
        grader.handle(event, now);
        now += BEHIND_TRACEBACK / 4;
        grader.tick(now);
    }
    let greeting = grader.stage(Name::Greeting);
    let finding = greeting.finding.as_ref().unwrap_or_else(|| panic!("{:#?}", states(&grader)));
    assert_eq!(
        (finding.cause, finding.line.as_ref().map(|line| line.number)),
        (Cause::StrSent, Some(3))
    );
}
