//! From a decoder's messages to replies.
//!
//! The one place where a command meets the book, whatever brought the bytes.
//! [`answer`] executes each message at once; [`read`] hands them over parsed,
//! for a caller that executes some of them elsewhere.

use crate::batch::{Batch, Request};
use crate::book::Book;
use crate::command::Command;
use crate::decoder::{Decoder, Ending};
use crate::foreign::ForeignProtocol;
use crate::heard::Outcome;
use crate::reply::{Replies, Reply};
use crate::verb::Verb;

/// How a conversation goes on after some messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// Everything that has arrived is answered; the client may send more.
    Listen,
    /// There is more to answer already.
    More,
    /// The client said `exit`: send the replies so far, then close.
    Close,
    /// The client speaks another protocol: nothing it sent or will send is
    /// executed. Tell it so in that protocol, or just close.
    Foreign(ForeignProtocol),
}

/// Takes the messages that `decoder` has ready, `most` of them at most, and
/// hands each to `each`, parsed, with how it ended. The limit keeps a flood of
/// tiny messages from becoming one huge batch of replies.
///
/// What follows an `exit` is left in the decoder. The decoder also counts what it
/// [heard](Decoder::take_heard).
pub fn read(decoder: &mut Decoder, most: usize, mut each: impl FnMut(Request<'_>, Ending)) -> Next {
    let stage = decoder.stage();
    for _ in 0..most {
        let Some(message) = decoder.next_message() else {
            return decoder.foreign().map_or(Next::Listen, Next::Foreign);
        };
        let ending = message.ending;
        let (outcome, request) = match message.command(stage) {
            Ok(Command::Exit) => {
                decoder.note(Outcome::Command(Verb::Exit));
                return Next::Close;
            }
            Ok(Command::Find { name }) => (Outcome::Command(Verb::Find), Request::Find { name }),
            Ok(Command::Change(change)) => {
                (Outcome::Command(change.verb()), Request::Change(change))
            }
            Ok(Command::Say(text)) => (Outcome::Text, Request::Answered(Reply::Received(text))),
            Err(mistake) => {
                let outcome = Outcome::Mistake(mistake.cause());
                (outcome, Request::Answered(Reply::Mistake(mistake)))
            }
        };
        each(request, ending);
        decoder.note(outcome);
    }
    Next::More
}

/// Answers the messages that `decoder` has ready, `most` of them at most, in
/// order, into `replies`.
pub fn answer(
    decoder: &mut Decoder,
    book: &mut impl Book,
    replies: &mut Replies,
    most: usize,
) -> Next {
    read(decoder, most, |request, ending| execute(&request, ending, book, replies))
}

impl Batch {
    /// Answers all messages in it, in order, into `replies`.
    pub fn answer(&self, book: &mut impl Book, replies: &mut Replies) {
        self.requests().for_each(|(request, ending)| execute(&request, ending, book, replies));
    }
}

fn execute(request: &Request<'_>, ending: Ending, book: &mut impl Book, replies: &mut Replies) {
    match request {
        Request::Find { name } => replies.push(&book.find(name), ending),
        Request::Change(change) => replies.push(&book.apply(change), ending),
        Request::Answered(reply) => replies.push(reply, ending),
    }
}
