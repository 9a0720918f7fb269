//! Notifications: how servers wake each other, in a session of its own.
//!
//! `NOTIFY` within the transaction of a change takes a lock of the whole database at its
//! commit: 1,120 transactions a second instead of 5,744, measured. So it is sent after
//! the commit, for all rooms of some milliseconds together, and one that is lost is made up
//! for by the [feed](super::feed)'s comparison.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::future::poll_fn;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_postgres::AsyncMessage;
use tokio_postgres::types::ToSql;

use super::RoomId;
use super::database::Database;
use super::lane::RETRY;

/// The names that servers listen to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Channel {
    /// Rooms whose books, switches or acts have changed.
    Rooms,
    /// Rooms of which somebody told who is connected.
    Presence,
}

impl Channel {
    fn name(self) -> &'static str {
        match self {
            Channel::Rooms => "tcp_classroom",
            Channel::Presence => "tcp_classroom_presence",
        }
    }
}

/// Rooms in one notification, which may have 8,000 bytes: at 20 bytes an id.
const MOST: usize = 390;

/// Least time between two notifications: a twentieth of the 100 ms in which a change is to
/// be everywhere. Under load all rooms that have changed meanwhile share one.
const PACE: Duration = Duration::from_millis(5);

/// Notifies other servers of the rooms in `changed`, and `wakes` of theirs, until nothing
/// more can come. `me` tells this server's own notifications from theirs.
pub(super) async fn exchange(
    database: Database,
    channel: Channel,
    me: u64,
    mut changed: UnboundedReceiver<Vec<RoomId>>,
    wakes: UnboundedSender<Vec<RoomId>>,
) {
    while let Err(error) = session(&database, channel, me, &mut changed, &wakes).await {
        tracing::debug!("the session of notifications ended: {error:#}");
        sleep(RETRY).await;
        // Other servers have compared meanwhile, or will; what waits must not grow.
        while changed.try_recv().is_ok() {}
    }
}

async fn session(
    database: &Database,
    channel: Channel,
    me: u64,
    changed: &mut UnboundedReceiver<Vec<RoomId>>,
    wakes: &UnboundedSender<Vec<RoomId>>,
) -> anyhow::Result<()> {
    let (client, mut connection) = database.connect_apart().await?;
    let (told, mut notifications) = unbounded_channel();
    // It ends with the client.
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notification(notification) = message
                && told.send(notification.payload().to_owned()).is_err()
            {
                return;
            }
        }
    });
    let notify = database
        .in_time(async {
            // A notification is lost with the database's machine at worst: none waits for
            // the disk.
            let listen = format!("set synchronous_commit = off; listen {}", channel.name());
            client.batch_execute(&listen).await?;
            Ok(client.prepare("select pg_notify($1, $2)").await?)
        })
        .await?;
    let (mut received, mut due) = (Vec::new(), BTreeSet::new());
    let mut not_before = Instant::now();
    loop {
        let is_over = tokio::select! {
            count = changed.recv_many(&mut received, MOST) => {
                due.extend(received.drain(..).flatten());
                count == 0
            }
            () = sleep_until(not_before), if !due.is_empty() => false,
            payload = notifications.recv() => {
                let payload = payload.context("the connection broke")?;
                let _ = wakes.send(others(me, &payload));
                false
            }
        };
        // The last notification does not wait: the server stops.
        if !due.is_empty() && (is_over || Instant::now() >= not_before) {
            let rooms: Vec<_> = std::mem::take(&mut due).into_iter().collect();
            for rooms in rooms.chunks(MOST) {
                let payload = payload(me, rooms);
                let values: [&(dyn ToSql + Sync); 2] = [&channel.name(), &payload];
                let notifying = async { Ok(client.execute(&notify, &values).await?) };
                database.in_time(notifying).await?;
            }
            not_before = Instant::now() + PACE;
        }
        if is_over {
            return Ok(());
        }
    }
}

/// `SERVER:ROOM,ROOM`
fn payload(me: u64, rooms: &[RoomId]) -> String {
    let mut payload = format!("{me:x}:");
    for (number, room) in rooms.iter().enumerate() {
        let comma = if number > 0 { "," } else { "" };
        write!(payload, "{comma}{}", room.0).expect("writing to a String cannot fail");
    }
    payload
}

/// The rooms in another server's payload.
fn others(me: u64, payload: &str) -> Vec<RoomId> {
    let Some((from, rooms)) = payload.split_once(':') else { return Vec::new() };
    if u64::from_str_radix(from, 16) == Ok(me) {
        return Vec::new();
    }
    rooms.split(',').filter_map(|room| room.parse().ok()).map(RoomId).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_notification_fits_and_a_server_is_not_woken_by_itself() {
        let rooms = vec![RoomId(i64::MAX); MOST];
        let longest = payload(u64::MAX, &rooms);
        assert!(longest.len() < 8_000, "{}", longest.len());
        assert_eq!(others(1, &longest), rooms);
        assert_eq!(others(u64::MAX, &longest), []);
        for broken in ["", "7", "7:", "7:x,", ":"] {
            assert_eq!(others(1, broken), [], "{broken}");
        }
    }
}
