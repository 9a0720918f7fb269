//! A class: all that one class of students shares, and nothing that belongs to the
//! server process. A server of many classes has many of these values.

pub(crate) mod act;
mod homework;
pub(crate) mod lead;
mod numbers;
pub(crate) mod people;

use std::net::SocketAddr;
use std::sync::Arc;

use api::Person;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use self::lead::Lead;
use self::lead::access::Access;
use self::numbers::Numbers;
use self::people::{Author, People, SAMPLED_EVERY, Visitor};
use crate::book::Book;
use crate::book::room::page_numbers::PageNumbers;
use crate::playground::Playground;
use crate::relay::code::page_hash;
use crate::relay::own_client::Listener;
use crate::relay::pairing::{ClientOf, Homework};
use crate::terminal::console::Console;
use crate::transport::conversation::{ConversationOptions, Opening, Transport, converse};
use crate::transport::rate_limit::RateLimiter;
use crate::transport::tcp::Listen;

/// One class.
#[derive(Debug)]
pub(crate) struct Classroom {
    /// The contacts, with the feed of their changes.
    book: Book,
    /// Everybody in the class.
    people: Arc<People>,
    /// Where the lesson's lines about this class are printed.
    console: Console,
    /// Which page has which number.
    numbers: Numbers,
    /// The same for all servers of the class, if there are several.
    shared_numbers: Option<PageNumbers>,
    /// The students' homework, and the relays to their own servers.
    homework: Arc<Homework>,
    /// What the teacher has switched.
    lead: Lead,
    /// The Python programs that run in pages.
    playground: Arc<Playground>,
}

impl Classroom {
    pub(crate) fn new(book: Book, options: ConversationOptions, console: Console) -> Self {
        let (people, numbers, homework, playground) = Default::default();
        let lead = Lead::new(options);
        let shared_numbers = None;
        Classroom { book, people, console, numbers, shared_numbers, homework, lead, playground }
    }

    /// Lets the teacher lead this class from other computers, too.
    pub(crate) fn led_with(mut self, access: Access) -> Self {
        self.lead.allow(access);
        self
    }

    /// Makes this one of several servers of the class, which share `numbers`. By `tag` the
    /// numbers of its people differ from those that other servers give.
    pub(crate) fn at_server(mut self, tag: u32, numbers: PageNumbers) -> Self {
        self.shared_numbers = Some(numbers);
        self.people = Arc::new(People::at_server(tag));
        self.lead.at_server(tag);
        self
    }

    /// What the teacher has switched.
    pub(crate) fn lead(&self) -> &Lead {
        &self.lead
    }

    /// The number of the page with this key, from 1: the one that it has `brought` along
    /// if that is its own, else one that no other page of this class has got.
    ///
    /// A page keeps its number when the server is started again, and its examples stand
    /// in the book. So a number with a contact is another page's, which may not have come
    /// yet; except for the first: its names are the lesson's own, which every class
    /// begins with.
    pub(crate) async fn page_number(&self, key: Option<&str>, brought: u64) -> u64 {
        let is_taken = |number: u64| {
            let contacts = self.book.contacts().read();
            let is_stored = |name| contacts.get(&format!("{name}{number}")).is_some();
            number > 1 && api::EXAMPLE_NAMES.into_iter().any(is_stored)
        };
        if let (Some(shared), Some(key)) = (&self.shared_numbers, key)
            && !self.numbers.is_of(key, brought)
        {
            match shared.number(page_hash(key), brought, |number| !is_taken(number)).await {
                Ok(Some(number)) => {
                    self.numbers.note(key, number);
                    return number;
                }
                Ok(None) => {}
                Err(error) => tracing::debug!("a page's number is this server's own: {error:#}"),
            }
        }
        self.numbers.number(key, brought, |number| !is_taken(number))
    }

    /// Who stored a contact, if that is known.
    ///
    /// # Errors
    ///
    /// The database is away.
    pub(crate) async fn author(&self, contact: &str) -> anyhow::Result<Option<Person>> {
        let author = match self.book.room() {
            Some(room) => room.author(contact).await?.and_then(|text| Author::of_text(&text)),
            None => self.people.author(contact),
        };
        Ok(author.map(|author| self.people.row_of(author)))
    }

    pub(crate) fn book(&self) -> &Book {
        &self.book
    }

    pub(crate) fn homework(&self) -> &Arc<Homework> {
        &self.homework
    }

    /// The Python programs that run in pages.
    pub(crate) fn playground(&self) -> &Arc<Playground> {
        &self.playground
    }

    /// What listens to a raw TCP client, if any student's page waits for that student's
    /// own client.
    pub(crate) fn listener(&self, client: impl FnOnce() -> ClientOf) -> Option<Box<dyn Listen>> {
        let listener = || Box::new(Listener::new(&self.homework, client())) as Box<dyn Listen>;
        self.homework.is_open().then(listener)
    }

    /// Everybody in the class.
    pub(crate) fn people(&self) -> &Arc<People> {
        &self.people
    }

    /// Holds one conversation from `Welcome!` to the end, or until `stop` is
    /// cancelled, with the lesson's lines on the console.
    pub(crate) fn converse(
        &self,
        visitor: Visitor<'_>,
        transport: impl Transport,
        peer: SocketAddr,
        limiter: Option<Box<RateLimiter>>,
        stop: &CancellationToken,
    ) -> impl Future<Output = ()> {
        // No future around that one, which would hold the transport once more.
        self.go_on(visitor, Opening::new(transport), peer, limiter, stop)
    }

    /// As [`converse`](Self::converse), with a client that may have been welcomed and
    /// have said something already.
    pub(crate) async fn go_on(
        &self,
        visitor: Visitor<'_>,
        opening: Opening<impl Transport>,
        peer: SocketAddr,
        limiter: Option<Box<RateLimiter>>,
        stop: &CancellationToken,
    ) {
        let attendance = self.people.enter(visitor, stop);
        let _on_console = OnConsole::new(&self.console, peer);
        match converse(opening, &self.book, self.lead.live(), limiter, &attendance).await {
            Ok(()) => tracing::debug!(%peer, "conversation ended"),
            Err(error) => tracing::debug!(%peer, "conversation broke off: {error}"),
        }
    }

    /// Looks at the people regularly, and follows what the teacher shows of them, until
    /// `ended` is cancelled.
    pub(crate) fn observe(self: &Arc<Self>, ended: CancellationToken) -> JoinHandle<()> {
        let class = Arc::clone(self);
        tokio::spawn(async move {
            let mut ticks = interval(SAMPLED_EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut switches = class.lead.watch();
            loop {
                tokio::select! {
                    () = ended.cancelled() => return,
                    _ = ticks.tick() => class.sample(Instant::now()),
                    // Its sender lives as long as the class.
                    _ = switches.changed() => {
                        let shown = switches.borrow_and_update().shows_lines;
                        class.people.show_lines(shown);
                    }
                }
            }
        })
    }

    /// Forgets the people of the class and their progress: the lesson is over.
    pub(crate) fn forget_lesson(&self) {
        self.people.forget_all();
        self.homework.forget_all();
        self.playground.forget_checked();
    }

    /// Prints that the class is open, and from then on the book after each change. The
    /// task ends when `ended` is cancelled, and then prints a last change.
    pub(crate) fn open_on_console(&self, ended: CancellationToken) -> JoinHandle<()> {
        self.console.waiting();
        tokio::spawn(self.console.follow(self.book.contacts().clone(), ended))
    }
}

/// A conversation's two lines on the console: the second is printed when this is
/// dropped, whatever ended the conversation, a panic included.
struct OnConsole<'c> {
    console: &'c Console,
    peer: SocketAddr,
}

impl<'c> OnConsole<'c> {
    fn new(console: &'c Console, peer: SocketAddr) -> Self {
        console.accepted(peer);
        OnConsole { console, peer }
    }
}

impl Drop for OnConsole<'_> {
    fn drop(&mut self) {
        self.console.closed(self.peer);
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Mutex;
    use std::time::Duration;

    use protocol::{Decoder, Replies, Stage};

    use super::people::ClientKind;
    use super::*;
    use crate::config::Limits;
    use crate::transport::admission::{Admission, PerAddress};
    use crate::transport::conversation::{CloseReason, Received};

    /// A client whose message makes the server panic.
    struct Panicking;

    impl Transport for Panicking {
        const IS_LESSON: bool = true;

        fn decoder(stage: Stage) -> Decoder {
            Decoder::new(stage)
        }

        async fn receive(&mut self, _: &mut Decoder) -> io::Result<Received> {
            panic!("on purpose")
        }

        async fn send(&mut self, _: &Replies) -> io::Result<()> {
            Ok(())
        }

        async fn send_split(&mut self, _: &Replies) -> io::Result<()> {
            Ok(())
        }

        async fn close(self, _: CloseReason) {}
    }

    /// A client that sends some messages at once and then ends its side.
    struct Scripted {
        messages: Option<&'static [u8]>,
        replies: Arc<Mutex<Vec<u8>>>,
    }

    impl Transport for Scripted {
        const IS_LESSON: bool = true;

        fn decoder(stage: Stage) -> Decoder {
            Decoder::new(stage)
        }

        async fn receive(&mut self, decoder: &mut Decoder) -> io::Result<Received> {
            let Some(messages) = self.messages.take() else { return Ok(Received::End) };
            decoder.push(messages);
            Ok(Received::Chunk)
        }

        async fn send(&mut self, replies: &Replies) -> io::Result<()> {
            self.replies.lock().unwrap().extend_from_slice(replies.as_bytes());
            Ok(())
        }

        async fn send_split(&mut self, replies: &Replies) -> io::Result<()> {
            self.send(replies).await
        }

        async fn close(self, _: CloseReason) {}
    }

    const PAGE: Visitor<'static> =
        Visitor { kind: ClientKind::Page, address: IpAddr::V4(Ipv4Addr::LOCALHOST), key: None };
    const RAW_TCP: Visitor<'static> = Visitor { kind: ClientKind::RawTcp, ..PAGE };

    /// What a client of a class is answered.
    async fn answered(classroom: &Classroom, messages: &'static [u8]) -> String {
        let replies = Arc::default();
        let client = Scripted { messages: Some(messages), replies: Arc::clone(&replies) };
        let peer = SocketAddr::from(([127, 0, 0, 1], 0));
        let stop = CancellationToken::new();
        classroom.converse(PAGE, client, peer, None, &stop).await;
        String::from_utf8(replies.lock().unwrap().clone()).unwrap()
    }

    #[tokio::test]
    async fn two_classes_in_one_process_share_nothing() {
        let class = |stage| {
            let options = ConversationOptions { stage, ..ConversationOptions::default() };
            Classroom::new(Book::in_memory(10), options, Console::silent())
        };
        let [one, other, echo] = [Stage::Contacts, Stage::Contacts, Stage::Echo].map(class);
        let stop = CancellationToken::new();
        let present = one.people().enter(RAW_TCP, &stop);
        assert_eq!(answered(&one, b"add;a;1\nfind;a\n").await, "Welcome!a added!\n1\n");
        assert_eq!(answered(&other, b"find;a\n").await, "Welcome!Not Found!\n");
        assert_eq!(answered(&echo, b"find;a\n").await, "Welcome!Received find;a;\n");
        assert_eq!([&one, &other, &echo].map(|class| class.book().len()), [1, 0, 0]);
        let clients = [&one, &other, &echo].map(|class| class.people().present().clients);
        assert_eq!(clients, [1, 0, 0]);
        drop(present);
    }

    /// Lines that were printed to a console.
    #[derive(Clone, Debug, Default)]
    struct Printed(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Printed {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            io::Write::write(&mut *self.0.lock().unwrap(), bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_panic_in_a_conversation_ends_it_alone_and_its_place_is_given_back() {
        let printed = Printed::default();
        let console = Console::new(printed.clone());
        let options = ConversationOptions::default();
        let classroom = Arc::new(Classroom::new(Book::in_memory(10), options, console.clone()));
        let limits =
            Limits { connections: 1, per_address: PerAddress::All(1), ..Limits::default() };
        let admission = Arc::new(Admission::new(&limits, &[].into()));
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        for _ in 0..3 {
            let permit = admission.admit(nowhere.ip()).unwrap();
            let classroom = Arc::clone(&classroom);
            let conversation = tokio::spawn(async move {
                let (visitor, limiter) = (RAW_TCP, permit.rate_limiter());
                let stop = CancellationToken::new();
                classroom.converse(visitor, Panicking, nowhere, limiter, &stop).await;
                drop(permit);
            });
            assert!(conversation.await.unwrap_err().is_panic());
        }
        // The book, the counts and the console are as usable as before.
        let (mut decoder, mut replies) = (Decoder::new(Stage::Contacts), Replies::default());
        decoder.push(b"add;a;1\n");
        let next = classroom.book.answer(&mut decoder, &mut replies, 1, None).await;
        assert_eq!((next, replies.as_bytes()), (protocol::Next::More, &b"a added!\n"[..]));
        assert_eq!(classroom.people.present().clients, 0);
        drop(classroom);
        console.flush(Duration::from_secs(30));
        let printed = String::from_utf8(printed.0.lock().unwrap().clone()).unwrap();
        assert_eq!(printed.matches("Accept new connection").count(), 3, "{printed}");
        assert_eq!(printed.matches("closed.").count(), 3, "{printed}");
    }
}
