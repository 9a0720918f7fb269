//! Answering whatever a decoder holds, from a book in memory.
//!
//! This is the whole server but for the network. The page runs it when there
//! is no server to ask; the server itself keeps its book behind a lock and
//! makes the same match there.

use crate::{Command, Contacts, Decoder, Replies, Reply};

/// How a conversation goes on after a batch of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// The client may send more.
    Listen,
    /// The client said `exit`: send the replies so far, then close.
    Close,
}

/// Answers every message that `decoder` has ready, in order, into `replies`.
///
/// What follows an `exit` is left in the decoder, unanswered.
pub fn answer(decoder: &mut Decoder, contacts: &mut Contacts, replies: &mut Replies) -> Next {
    let stage = decoder.stage();
    while let Some(message) = decoder.next_message() {
        let ending = message.ending;
        match message.command(stage) {
            Ok(Command::Exit) => return Next::Close,
            Ok(Command::Say(text)) => replies.push(&Reply::Received(text), ending),
            Ok(Command::Find { name }) => replies.push(&contacts.find(name), ending),
            Ok(Command::Change(change)) => replies.push(&contacts.apply(&change), ending),
            Err(mistake) => replies.push(&Reply::Mistake(mistake), ending),
        }
    }
    Next::Listen
}
