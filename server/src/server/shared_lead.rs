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

/// Tells other servers what is switched here, and switches here what they tell, until
/// `ended` is cancelled.
pub(super) async fn share(classroom: Arc<Classroom>, text: SharedText, ended: CancellationToken) {
    let sharing = async {
        let (mut here, mut there) = (classroom.lead().watch(), text.number());
        let (mut known, mut number) = (None, None);
        loop {
            let switched = here.borrow_and_update().clone();
            let now = SharedSwitches::of(&switched, Instant::now());
            let newest = *there.borrow_and_update();
            let done = if number.is_none_or(|number| number < newest) {
                take_over(&classroom, &text).await.map(|(read, told)| {
                    number = Some(read);
                    known = told.or(Some(now));
                })
            } else if known.as_ref().is_some_and(|known| !known.is_like(&now)) {
                tell(&text, &now).await.map(|written| {
                    number = Some(written);
                    known = Some(now);
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
                sleep(RETRY).await;
            }
        }
    };
    tokio::select! { () = sharing => {} () = ended.cancelled() => {} }
}

async fn tell(text: &SharedText, switches: &SharedSwitches) -> anyhow::Result<i64> {
    text.write(&serde_json::to_string(switches)?).await
}

/// Switches here what is told. Returns the number of what was read, and what it was.
async fn take_over(
    classroom: &Classroom,
    text: &SharedText,
) -> anyhow::Result<(i64, Option<SharedSwitches>)> {
    let read = text.read().await?;
    let Some(told) = read.text else { return Ok((read.number, None)) };
    // What another version of the program wrote may lack something, and is taken as far
    // as it goes.
    let told: SharedSwitches = serde_json::from_str(&told)?;
    let lesson = classroom.lead().watch().borrow().lesson;
    if told.lesson > lesson {
        classroom.forget_lesson();
        classroom.lead().undo().lock().await.clear();
        classroom.lead().switch(|switches| switches.undo = None);
    }
    classroom.book().set_frozen(told.frozen);
    classroom.playground().let_neighbours(told.servers);
    let before = classroom.lead().watch().borrow().blocked.clone();
    classroom.lead().switch(|switches| told.apply(switches, read.age, Instant::now()));
    let now = classroom.lead().watch().borrow().blocked.clone();
    let is_new = |address: &IpAddr| before.iter().all(|(known, _)| known != address);
    for (address, _) in now.into_iter().filter(|(address, _)| is_new(address)) {
        classroom.people().disconnect_address(address);
    }
    let now = SharedSwitches::of(&classroom.lead().watch().borrow(), Instant::now());
    Ok((read.number, Some(now)))
}
