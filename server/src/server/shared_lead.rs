//! What a teacher switches on one server of a room, on all of them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::book::room::shared_text::SharedText;
use crate::classroom::Classroom;
use crate::classroom::lead::shared::SharedSwitches;

/// Time until a next attempt where the database is away.
const RETRY: Duration = Duration::from_millis(500);

/// What a server knows of the switches that the servers of its room share.
#[derive(Debug)]
pub(super) struct Known {
    /// The number of what was read or told last.
    number: i64,
    switches: SharedSwitches,
}

/// Tells other servers what is switched here, and switches here what they tell, until
/// `ended` is cancelled. What was told before is `known`.
pub(super) async fn share(
    classroom: Arc<Classroom>,
    text: SharedText,
    mut known: Known,
    ended: CancellationToken,
) {
    let sharing = async {
        let (mut here, mut there) = (classroom.lead().watch(), text.number());
        let mut is_behind = false;
        loop {
            let switched = here.borrow_and_update().clone();
            let now = SharedSwitches::of(&switched, Instant::now());
            let newest = *there.borrow_and_update();
            let done = if is_behind || known.number < newest {
                take_over(&classroom, &text, Some(&known.switches)).await.map(|read| {
                    known = read;
                    is_behind = false;
                })
            } else if !known.switches.is_like(&now) {
                tell(&text, &now, known.number).await.map(|written| match written {
                    Some(number) => known = Known { number, switches: now },
                    None => is_behind = true,
                })
            } else {
                tokio::select! {
                    // Both senders live as long as the room.
                    _ = here.changed() => {}
                    _ = there.changed() => {}
                }
                continue;
            };
            if let Err(error) = done {
                tracing::debug!("what the teacher switches is not shared: {error:#}");
                // It may be written all the same.
                is_behind = true;
                sleep(RETRY).await;
            }
        }
    };
    tokio::select! { () = sharing => {} () = ended.cancelled() => {} }
}

async fn tell(
    text: &SharedText,
    switches: &SharedSwitches,
    known: i64,
) -> anyhow::Result<Option<i64>> {
    text.write(&serde_json::to_string(switches)?, known).await
}

/// Switches here what is told, but for what was switched here since `known` was told.
/// Returns what is told, the present switches where nothing has been.
///
/// # Errors
///
/// The database is away.
pub(super) async fn take_over(
    classroom: &Classroom,
    text: &SharedText,
    known: Option<&SharedSwitches>,
) -> anyhow::Result<Known> {
    let read = text.read().await?;
    let now = Instant::now();
    let here = classroom.lead().watch().borrow().clone();
    // What another version of the program wrote may lack something, and is taken as far
    // as it goes.
    let told = read.text.and_then(|told| {
        let told = serde_json::from_str::<SharedSwitches>(&told);
        told.inspect_err(|error| tracing::debug!("switches of another version: {error}")).ok()
    });
    let Some(told) = told else {
        let switches = known.cloned().unwrap_or_else(|| SharedSwitches::of(&here, now));
        return Ok(Known { number: read.number, switches });
    };
    if told.lesson > here.lesson {
        // The journal and what can be undone are forgotten with the act.
        classroom.forget_lesson();
    }
    let mut only_told = here;
    told.apply(&mut only_told, read.age, now);
    let mut before = Vec::new();
    classroom.lead().switch(|switches| {
        before.clone_from(&switches.blocked);
        let here = switches.clone();
        told.apply(switches, read.age, now);
        if let Some(known) = known {
            known.keep_changes(&here, switches, now);
        }
        classroom.book().set_frozen(switches.frozen);
        classroom.playground().let_neighbours(switches.servers);
    });
    let blocked = classroom.lead().watch().borrow().blocked.clone();
    let is_new = |address: &IpAddr| before.iter().all(|(known, _)| known != address);
    for (address, _) in blocked.into_iter().filter(|(address, _)| is_new(address)) {
        classroom.people().disconnect_address(address);
    }
    Ok(Known { number: read.number, switches: SharedSwitches::of(&only_told, now) })
}
