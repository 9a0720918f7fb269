//! Retention of the classes of a database: the unused ones are archived or deleted, once a
//! day.

use std::time::{Duration, SystemTime};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::book::room::RoomId;
use crate::book::room::database::Database;
use crate::config::UnusedRooms;
use crate::language::localized;
use crate::rooms::unused::{self, Tidied};

/// Time between two looks.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Archives and deletes unused rooms at the start of a server and each day from then on, until
/// it stops. Those that are `open` on it are in use.
pub(super) async fn look_after(
    database: Database,
    settings: UnusedRooms,
    open: impl Fn() -> Vec<RoomId>,
    stop: CancellationToken,
) {
    let mut days = interval(DAY);
    days.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = days.tick() => {}
        }
        match unused::tidy(&database, &settings, &open(), SystemTime::now()).await {
            Ok(tidied) => tidied.iter().for_each(|tidied| say(tidied, &settings)),
            // Tomorrow will do.
            Err(error) => tracing::debug!("unused classes cannot be looked after: {error:#}"),
        }
    }
}

fn say(Tidied { archived, deleted }: &Tidied, settings: &UnusedRooms) {
    let numbers = |rooms: &[RoomId]| {
        let numbers: Vec<_> = rooms.iter().map(|room| room.0.to_string()).collect();
        numbers.join(", ")
    };
    if !archived.is_empty() {
        let days = settings.archive_after.map_or(0, |days| days.get());
        let numbers = numbers(archived);
        tracing::warn!(
            "{}",
            localized!(
                "归档了 {days} 天没有使用的课堂：{numbers}；联系人都还在，\
                 room archive 编号 --reopen 可以重新开放",
                "archived the classes that were not used for {days} days: {numbers}; their \
                 contacts are kept, and room archive NUMBER --reopen opens them again"
            )
        );
    }
    if !deleted.is_empty() {
        let days = settings.delete_after.map_or(0, |days| days.get());
        let numbers = numbers(deleted);
        tracing::warn!(
            "{}",
            localized!(
                "删除了归档超过 {days} 天的课堂：{numbers}",
                "deleted the classes that had been archived for {days} days: {numbers}"
            )
        );
    }
}
