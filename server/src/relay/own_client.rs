//! The student's own client: which of the lesson's commands it has sent to the
//! classroom's raw TCP port, with the replies.
//!
//! The homework asks for `remove` and `find` *in the client*. A client is known by its
//! address or by the name it uses (see [`pairing`](super::pairing)). Listened to are
//! only conversations that begin while a homework page is open.

use std::sync::Arc;

use api::HomeworkCheck;
use protocol::homework::words::Language;
use protocol::homework::{Exchange, State};
use protocol::{Change, Command, Decoder, Replies, Stage, Verb};

use crate::relay::pairing::{ClientOf, Homework};
use crate::transport::tcp::Listen;

/// The commands that a client is to have.
const VERBS: [Verb; 3] = [Verb::Add, Verb::Find, Verb::Remove];

/// Bytes and chunks of a conversation that are looked at. A client of the lesson sends
/// a few messages; a program that sends a thousand is not the homework.
const LISTENED: usize = 4 * 1024;

/// What a student's own client has said, the last message of each verb.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnClient([Option<Exchange>; VERBS.len()]);

impl OwnClient {
    /// The name of its row.
    pub(crate) const NAME: &str = "my-client";

    fn learn(&mut self, verb: Verb, exchange: Exchange) {
        if let Some(at) = VERBS.iter().position(|own| *own == verb) {
            self.0[at] = Some(exchange);
        }
    }

    /// What was sent and answered.
    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        self.0.iter().flatten().cloned().collect()
    }

    /// Its row on the page.
    pub(crate) fn told(&self, language: Language) -> HomeworkCheck {
        let seen = self.0.iter().flatten().count();
        let state = match seen {
            0 => State::Waiting,
            seen if seen == VERBS.len() => State::Passed,
            _ => State::Running,
        };
        let missing = VERBS.iter().zip(&self.0).filter(|(_, seen)| seen.is_none());
        let missing: Vec<_> = missing.map(|(verb, _)| verb.word()).collect();
        let missing = missing.join(", ");
        let text = match language {
            Language::Chinese => format!("还没见到：{missing}。"),
            Language::English => format!("Not seen yet: {missing}."),
        };
        HomeworkCheck {
            name: Self::NAME.to_owned(),
            title: match language {
                Language::Chinese => "我的客户端：连课堂，发 add、find、remove",
                Language::English => "My client: add, find and remove sent to the classroom",
            }
            .to_owned(),
            state: state.word().to_owned(),
            extra: true,
            text: (state == State::Running).then_some(text),
            line: None,
        }
    }
}

/// Listens to one raw TCP conversation.
#[derive(Debug)]
pub(crate) struct Listener {
    homework: Arc<Homework>,
    client: ClientOf,
    decoder: Decoder,
    /// Bytes that may still be listened to.
    left: usize,
    /// What was sent since the last replies.
    sent: Vec<u8>,
}

impl Listener {
    /// Listens to a client.
    pub(crate) fn new(homework: &Arc<Homework>, client: ClientOf) -> Self {
        Listener {
            homework: Arc::clone(homework),
            client,
            decoder: Decoder::for_stream(Stage::Contacts),
            left: LISTENED,
            sent: Vec::new(),
        }
    }
}

impl Listen for Listener {
    fn received(&mut self, chunk: &[u8]) {
        self.left = self.left.saturating_sub(chunk.len());
        if self.left > 0 {
            self.sent.extend_from_slice(chunk);
            self.decoder.push(chunk);
        }
    }

    fn answered(&mut self, replies: &Replies) {
        let is_greeting = replies.iter().next() == Some("Welcome!");
        if self.sent.is_empty() || self.left == 0 || is_greeting {
            return;
        }
        let sent = std::mem::take(&mut self.sent);
        let mut learned = Vec::new();
        let mut names = Vec::new();
        for reply in replies.iter() {
            if self.decoder.is_waiting() {
                // The silence has passed, or there would be no reply.
                self.decoder.close();
            }
            let Some(message) = self.decoder.next_message() else { break };
            let (verb, name) = match message.command(Stage::Contacts) {
                Ok(Command::Find { name }) => (Verb::Find, name),
                Ok(Command::Change(Change::Add { name, .. })) => (Verb::Add, name),
                Ok(Command::Change(Change::Remove { name })) => (Verb::Remove, name),
                _ => continue,
            };
            names.push(name.to_owned());
            let chunks = vec![reply.as_bytes().to_vec()];
            learned.push((verb, Exchange { sent: sent.clone(), chunks }));
        }
        self.decoder.compact();
        if learned.is_empty() {
            return;
        }
        let Some(student) = self.homework.student_of(self.client, &names) else { return };
        student.progress().send_modify(|progress| {
            for (verb, exchange) in learned {
                progress.client.learn(verb, exchange);
            }
        });
    }
}
