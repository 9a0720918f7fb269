//! What a message and its replies amount to.

use protocol::command::{Change, Command, Stage, Verb, parts};
use protocol::decoder::{Decoder, Ending};
use protocol::{Reason, Replies, Reply};

use super::action::{Action, Actions};

/// The most names whose phones are remembered: two classes.
pub(super) const NAMES: usize = 100;

/// Finds out which actions a message and its replies amount to.
#[derive(Debug, Default)]
pub(super) struct ActionDetector {
    /// The phones last heard of, to notice when one is overwritten. A name that
    /// was removed has an empty one.
    pub(super) phones: Vec<(String, String)>,
}

impl ActionDetector {
    /// Another book than before is talked about.
    pub(super) fn forget_book(&mut self) {
        self.phones.clear();
    }

    /// What a message and its replies come to. A reply that is none of the
    /// protocol's, or is that of a full book, comes to nothing.
    pub(super) fn detect(&mut self, sent: &str, replies: &[String]) -> Actions {
        let mut actions = Actions::default();
        let mut decoder = Decoder::new(Stage::Contacts);
        decoder.push(sent.as_bytes());
        decoder.close();
        for reply in replies {
            let Some(message) = decoder.next_message() else { break };
            if let Ok(text) = message.text {
                // At the echo stage commands come back too.
                if is(reply, &Reply::Received(text)) {
                    actions.add(Action::Echo);
                    continue;
                }
                if is_glued(text) {
                    actions.add(Action::Glued);
                }
            }
            match message.command(Stage::Contacts) {
                Ok(Command::Exit | Command::Say(_)) => {}
                Ok(Command::Find { name } | Command::Change(Change::Remove { name }))
                    if is(reply, &Reply::NotFound) =>
                {
                    self.learn(name, "");
                    actions.add(Action::NotFound);
                }
                Ok(Command::Find { name }) => {
                    self.learn(name, reply);
                    actions.add(Action::Found);
                }
                Ok(Command::Change(Change::Remove { name })) => {
                    if is(reply, &Reply::Removed { name }) {
                        self.learn(name, "");
                        actions.add(Action::Removed);
                    }
                }
                Ok(Command::Change(Change::Add { name, phone })) => {
                    if is(reply, &Reply::Added { name }) && is_swapped(name, phone) {
                        actions.add(Action::Swapped);
                    } else if is(reply, &Reply::Added { name }) {
                        actions.add(Action::Added);
                        if name.chars().any(is_han) {
                            actions.add(Action::Han);
                        }
                        if self.learn(name, phone) {
                            actions.add(Action::Overwritten);
                        }
                    }
                }
                Err(mistake) => {
                    let kind = match mistake.reason {
                        Reason::TooFew { .. } | Reason::TooMany { .. } => Action::Fields,
                        Reason::FullWidthSeparator { .. } => Action::Semicolon,
                        _ => Action::Mistake,
                    };
                    if is(reply, &Reply::Mistake(mistake)) {
                        actions.add(Action::Mistake);
                        actions.add(kind);
                    }
                }
            }
        }
        if replies.len() > 1 {
            actions.add(Action::Cut);
        }
        actions
    }

    /// Remembers the phone of a name. Returns whether it had another one.
    fn learn(&mut self, name: &str, phone: &str) -> bool {
        if let Some((_, known)) = self.phones.iter_mut().find(|(known, _)| known == name) {
            let is_other = !known.is_empty() && known != phone;
            phone.clone_into(known);
            return is_other;
        }
        if self.phones.len() == NAMES {
            self.phones.clear();
        }
        self.phones.push((name.to_string(), phone.to_string()));
        false
    }
}

/// Whether a reply that came is the one expected.
fn is(reply: &str, expected: &Reply<'_>) -> bool {
    // As the server writes it: the page offline has this code already.
    let mut replies = Replies::default();
    replies.push(expected, Ending::Packet);
    replies.as_bytes() == reply.as_bytes()
}

/// Whether a second command begins inside a field of the first, as in
/// `add;a;1find;a`, where the phone seems to be `1find`.
pub fn is_glued(text: &str) -> bool {
    let swallows = |field: &str| {
        let verb = |verb: Verb| field.len() > verb.word().len() && field.ends_with(verb.word());
        Verb::ALL.into_iter().any(verb)
    };
    parts(text).skip(1).any(swallows)
}

/// Whether name and phone have changed places: the name has digits only, and the
/// phone letters only.
pub fn is_swapped(name: &str, phone: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit();
    name.chars().all(|c| is_digit(c) || matches!(c, '+' | '-' | ' '))
        && phone.contains(is_letter)
        && !phone.contains(is_digit)
}

/// Whether a name is written with it: a letter of ASCII or a Chinese character. The
/// tables of all alphabets would add 2 KB to every visit.
pub fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || is_han(c)
}

/// Whether it is a Chinese character, by Unicode's blocks of CJK ideographs.
fn is_han(c: char) -> bool {
    matches!(c, '\u{3007}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}
