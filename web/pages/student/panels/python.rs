//! Which messages the Python export is made of.

use web::core::message::Direction;

use crate::model::Model;
use crate::model::conversation::LogEntry;

/// The most messages shown as a program: more than a lesson's conversation has.
const PROGRAM: usize = 30;

/// What the program sends, and whether that is only the message that is looked
/// at; else it is the conversation, the last of it if it is long.
pub fn messages(model: &Model) -> (bool, Vec<&str>) {
    let is_sent = |said: &&LogEntry| said.direction == Direction::Sent;
    let log = model.conversation().log();
    let selected = model.selected().map(|id| &log.entries()[id as usize]);
    if let Some(selected) = selected.filter(is_sent) {
        return (true, vec![&selected.text]);
    }
    let sent = log.newest_conversation().iter().rev().filter(is_sent).take(PROGRAM);
    let mut texts: Vec<_> = sent.map(|said| &*said.text).collect();
    texts.reverse();
    (false, texts)
}
