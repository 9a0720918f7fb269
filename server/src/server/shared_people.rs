//! Who is connected to one server of a room, on all of them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::book::room::presence::{self, Presence};
use crate::classroom::Classroom;
use crate::classroom::people;

/// Least time between two tellings: a fifth of the 100 ms in which others are to know.
const PACE: Duration = Duration::from_millis(20);

/// Time between two tellings of what is not urgent: counts, and what was said last.
const SLOW_PACE: Duration = Duration::from_secs(1);

/// Tells other servers who is here, and takes over what they tell, until `ended` is
/// cancelled.
pub(super) async fn share(
    classroom: Arc<Classroom>,
    presence: Arc<Presence>,
    ended: CancellationToken,
) {
    let (people, mut switches) = (classroom.people(), classroom.lead().watch());
    let (mut version, mut others) = (people.version(), presence.others());
    let mut told = None;
    let mut slowly = Instant::now();
    let sharing = async {
        loop {
            // What comes from now on is seen in the next round.
            version.mark_unchanged();
            let shows = switches.borrow_and_update().shows;
            let now = people.told(shows, Instant::now());
            let is_known = told.as_ref().is_some_and(|told| now.is_same(told));
            let is_urgent = told.as_ref().is_none_or(|told| !now.is_like(told));
            if is_urgent || (!is_known && slowly <= Instant::now()) {
                match serde_json::to_string(&now) {
                    Ok(text) => presence.tell(text),
                    Err(error) => tracing::error!("people cannot be told of: {error}"),
                }
                told = Some(now);
                slowly = Instant::now() + SLOW_PACE;
            }
            sleep(PACE).await;
            tokio::select! {
                // All three senders live as long as the room.
                _ = version.changed() => {}
                _ = switches.changed() => {}
                _ = others.changed() => people.take_over(read(&others.borrow_and_update())),
                () = sleep_until(slowly), if !is_urgent && !is_known => {}
            }
        }
    };
    tokio::select! { () = sharing => {} () = ended.cancelled() => {} }
}

/// What another version of the program wrote may lack something, and is taken as far as
/// it goes.
fn read(others: &[presence::Told]) -> Vec<(Instant, people::Told)> {
    let read =
        |other: &presence::Told| Some((other.since, serde_json::from_str(&other.text).ok()?));
    others.iter().filter_map(read).collect()
}
