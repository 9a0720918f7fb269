//! Entrance: what a raw TCP client says before it is in a class, where a server has
//! many. It is welcomed as everywhere, and the first thing it has to say is `join;CODE`.

use std::io;
use std::time::Duration;

use protocol::command::{parts, trim};
use protocol::decoder::SILENCE;
use protocol::{Decoder, Replies, Reply, Stage};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::transport::conversation::{Begun, CloseReason, Opening, Received, Transport, welcome};
use crate::transport::rate_limit::RateLimiter;
use crate::transport::refusal::Refusal;

/// Waited before a wrong code is answered, so that few are tried.
const WRONG_CODE: Duration = Duration::from_secs(1);

const WHICH_CLASS: Reply<'_> = Reply::Written("Error: which class? send join;CODE first");
const NO_SUCH_CLASS: Reply<'_> =
    Reply::Written("Error: there is no class with this code, look at it again, send join;CODE");
const AWAY: Reply<'_> = Reply::Written(
    "Error: not joined, try again: the server's database does not answer for now; send join;CODE",
);

/// What a code leads to.
#[derive(Debug)]
pub(crate) enum Entry<C> {
    /// A class, and what it is called.
    Class(C, String),
    /// One that lets this client not in.
    Refused(Refusal),
    /// There is none.
    Unknown,
    /// That cannot be told for now.
    Away,
}

/// The classes that can be entered.
pub(crate) trait Classes {
    /// One of them.
    type Class;

    /// What a code leads to.
    fn look_up(&self, code: &str) -> impl Future<Output = Entry<Self::Class>> + Send;
}

/// How the entrance goes on after some messages.
enum Next<C> {
    Listen,
    /// There may be more to answer, once the replies are sent.
    Answer,
    Enter(C),
    Close(CloseReason),
}

/// Answers the client until it names a class. Returns the class and the client, which
/// has been welcomed and may have said more already; none if it has left.
///
/// # Errors
///
/// The connection broke.
pub(crate) async fn enter<T: Transport, C: Classes>(
    mut transport: T,
    mut limiter: Option<&mut RateLimiter>,
    stop: &CancellationToken,
    classes: &C,
) -> io::Result<Option<(Opening<T>, C::Class)>> {
    let mut decoder = T::decoder(Stage::default());
    let (mut welcomed, mut heard, mut ended) = (false, false, false);
    let reason = loop {
        let mut replies = Replies::default();
        let next = answer(&mut decoder, &mut replies, stop, classes).await;
        let has_more = matches!(next, Next::Answer);
        if let Some(protocol) = decoder.foreign() {
            break CloseReason::Foreign(protocol);
        }
        let undecided = replies.is_empty() && decoder.is_waiting();
        if !welcomed && heard && !undecided {
            welcome(&mut transport).await?;
            welcomed = true;
        }
        if !replies.is_empty() {
            transport.send(&replies).await?;
        }
        match next {
            Next::Enter(class) => {
                let begun = Some(Box::new(Begun { decoder, welcomed }));
                return Ok(Some((Opening { transport, begun }, class)));
            }
            Next::Close(reason) => break reason,
            Next::Listen if ended => break CloseReason::Ended,
            Next::Listen | Next::Answer => {}
        }
        if let Some(limiter) = &mut limiter {
            sleep(limiter.spend(replies.len().max(1), Instant::now())).await;
        }
        if has_more {
            continue;
        }
        decoder.compact();
        let received = tokio::select! {
            biased;
            () = stop.cancelled() => break CloseReason::Stopping,
            received = transport.receive(&mut decoder) => received?,
            () = sleep(SILENCE), if !welcomed || decoder.is_waiting() => {
                if !welcomed {
                    welcome(&mut transport).await?;
                    welcomed = true;
                }
                decoder.close();
                continue;
            }
        };
        heard = true;
        if received == Received::End {
            decoder.close();
            ended = true;
        }
    };
    transport.close(reason).await;
    Ok(None)
}

/// Answers the messages that are there, up to the first that leads somewhere, or to a
/// wrong code, whose reply is sent before another one is tried.
async fn answer<C: Classes>(
    decoder: &mut Decoder,
    replies: &mut Replies,
    stop: &CancellationToken,
    classes: &C,
) -> Next<C::Class> {
    while let Some(message) = decoder.next_message() {
        let ending = message.ending;
        let code = match message.text {
            Ok(text) if trim(text) == "exit" => return Next::Close(CloseReason::Exit),
            Ok(text) => code(text),
            Err(mistake) => {
                replies.push(&Reply::Mistake(mistake), ending);
                continue;
            }
        };
        let Some(code) = code else {
            replies.push(&WHICH_CLASS, ending);
            continue;
        };
        match classes.look_up(code).await {
            Entry::Class(class, name) => {
                replies.push(&Reply::Written(&format!("{name} joined!")), ending);
                return Next::Enter(class);
            }
            Entry::Refused(refusal) => {
                let reason = refusal.reason();
                replies.push(&Reply::Written(&format!("Error: {reason}")), ending);
            }
            Entry::Unknown => {
                tokio::select! {
                    () = stop.cancelled() => return Next::Close(CloseReason::Stopping),
                    () = sleep(WRONG_CODE) => replies.push(&NO_SUCH_CLASS, ending),
                }
                return Next::Answer;
            }
            Entry::Away => replies.push(&AWAY, ending),
        }
    }
    Next::Listen
}

/// The code in `join;CODE`.
fn code(text: &str) -> Option<&str> {
    let mut parts = parts(text);
    let (verb, code) = (parts.next()?, parts.next()?);
    (verb == "join" && parts.next().is_none()).then_some(code)
}
