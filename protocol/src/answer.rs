//! Answering whatever a decoder holds, from a book in memory.
//!
//! This is the whole server but for the network: the one place where a command
//! meets the book, whatever brought the bytes.

use crate::{Command, Contacts, Decoder, Replies, Reply};

/// How a conversation goes on after a batch of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// Everything that has arrived is answered; the client may send more.
    Listen,
    /// There is more to answer already.
    More,
    /// The client said `exit`: send the replies so far, then close.
    Close,
}

/// Answers the messages that `decoder` has ready, in order, into `replies`, and
/// stops when those hold `most` of them, so that a flood of tiny messages does
/// not become one huge batch of replies.
///
/// What follows an `exit` is left in the decoder, unanswered.
pub fn answer(
    decoder: &mut Decoder,
    contacts: &mut Contacts,
    replies: &mut Replies,
    most: usize,
) -> Next {
    let stage = decoder.stage();
    while replies.len() < most {
        let Some(message) = decoder.next_message() else { return Next::Listen };
        let ending = message.ending;
        match message.command(stage) {
            Ok(Command::Exit) => return Next::Close,
            Ok(Command::Say(text)) => replies.push(&Reply::Received(text), ending),
            Ok(Command::Find { name }) => replies.push(&contacts.find(name), ending),
            Ok(Command::Change(change)) => replies.push(&contacts.apply(&change), ending),
            Err(mistake) => replies.push(&Reply::Mistake(mistake), ending),
        }
    }
    Next::More
}
