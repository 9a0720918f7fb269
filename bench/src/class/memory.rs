//! What people are remembered with, in memory: they were here, said as many messages as
//! are kept of anybody, and left.

use anyhow::Result;

use super::student::Client;
use crate::contender::{Book, Lab, Running};
use crate::flood::LIMITS;
use crate::gauge;
use crate::results::{Fact, Verdict};

/// As many as are remembered.
const PEOPLE: usize = 1_000;

/// Messages of each, a few more than are kept.
const MESSAGES: usize = 25;

/// Characters of each: as many as the reply still fits into a short frame with. What is
/// kept is bounded at 200.
const CHARACTERS: usize = 35;

/// At most so much a person, in KiB: ten messages and ten replies of 110 bytes with as much
/// again for the allocator, and 3 for everything else.
const MOST: f64 = 8.0;

/// One fact.
///
/// # Errors
///
/// When the server does not start, or does not answer.
pub(super) fn measure(lab: &mut Lab) -> Result<Fact> {
    let server = lab.server_with(Book::Memory, &LIMITS)?;
    let message = "好".repeat(CHARACTERS);
    // As many others first, whose connections leave the allocator as it is later.
    visit(&server, 0, "")?;
    let before = gauge::settled(server.process())?;
    visit(&server, PEOPLE, &message)?;
    let after = gauge::settled(server.process())?;
    let each = after.saturating_sub(before) as f64 / PEOPLE as f64 / 1024.0;
    Ok(Fact {
        what: format!("{PEOPLE} people remembered, after 25 messages each: memory"),
        value: format!("{each:.1} KiB each, {:.0} MiB in all", after as f64 / 1024.0 / 1024.0),
        verdict: Some(Verdict {
            target: format!("at most {MOST} KiB each"),
            met: Some(each <= MOST),
        }),
    })
}

/// A thousand pages come one after the other, say something, and leave.
fn visit(server: &Running, first: usize, message: &str) -> Result<()> {
    for number in first..first + PEOPLE {
        let mut page = Client::page(server.http, number)?;
        for _ in 0..MESSAGES {
            if !message.is_empty() {
                page.say(message)?;
            }
        }
    }
    Ok(())
}
