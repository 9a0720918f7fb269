//! Answering whatever a decoder holds, from a book in memory.
//!
//! This is the whole server but for the network: the one place where a command
//! meets the book, whatever brought the bytes.

use crate::command::Change;
use crate::{Command, Decoder, ForeignProtocol, Replies, Reply};

/// A contact book, as far as a conversation knows it.
pub trait Book {
    /// Answers `find;NAME`.
    fn find(&self, name: &str) -> Reply<'_>;

    /// Makes a change and answers it, or returns `None` if changes are made
    /// elsewhere.
    fn apply<'a>(&'a mut self, change: &Change<'a>) -> Option<Reply<'a>>;
}

/// How a conversation goes on after a batch of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// Everything that has arrived is answered; the client may send more.
    Listen,
    /// There is more to answer already.
    More,
    /// The next message is a change, which this book does not make.
    Change,
    /// The client said `exit`: send the replies so far, then close.
    Close,
    /// The client speaks another protocol: nothing it sent or will send is
    /// executed. Tell it so in that protocol, or just close.
    Foreign(ForeignProtocol),
}

/// Answers the messages that `decoder` has ready, in order, into `replies`, and
/// stops when those hold `most` of them, so that a flood of tiny messages does
/// not become one huge batch of replies.
///
/// What follows an `exit` is left in the decoder, unanswered, and so is a
/// change that the book does not make.
pub fn answer(
    decoder: &mut Decoder,
    book: &mut impl Book,
    replies: &mut Replies,
    most: usize,
) -> Next {
    let stage = decoder.stage();
    while replies.len() < most {
        let mark = decoder.mark();
        let Some(message) = decoder.next_message() else {
            return decoder.foreign().map_or(Next::Listen, Next::Foreign);
        };
        let ending = message.ending;
        match message.command(stage) {
            Ok(Command::Exit) => return Next::Close,
            Ok(Command::Say(text)) => replies.push(&Reply::Received(text), ending),
            Ok(Command::Find { name }) => replies.push(&book.find(name), ending),
            Ok(Command::Change(change)) => match book.apply(&change) {
                Some(reply) => replies.push(&reply, ending),
                None => {
                    decoder.rewind(mark);
                    return Next::Change;
                }
            },
            Err(mistake) => replies.push(&Reply::Mistake(mistake), ending),
        }
    }
    Next::More
}
