//! While the database is away: honest errors, open connections, recovery by itself.

use std::time::{Duration, Instant};

use super::{OneRoom, lists, say};
use crate::classroom::must;
use crate::classroom::postgres::Postgres;

#[tokio::test]
async fn while_the_database_is_away_nothing_is_confirmed_and_then_it_goes_on_by_itself() {
    let Some(postgres) = Postgres::start() else { return };
    let room = OneRoom::on(&postgres).await;
    let server = room.server().await;
    let (mut client, mut other) = (server.tcp().await, server.tcp().await);
    assert_eq!(say(&mut client, "add;before;1").await, "before added!");
    postgres.crash();
    let (change, find) =
        tokio::join!(say(&mut client, "add;during;1"), say(&mut other, "find;before"));
    assert!(change.starts_with("Error: not confirmed, try again"), "{change}");
    assert!(find.starts_with("Error: not found out, try again"), "{find}");
    // What needs no database is answered, mistakes included.
    assert_eq!(say(&mut client, "hello").await, "Received hello;");
    assert!(say(&mut client, "ad;x;1").await.starts_with("Error: "));

    postgres.start_again();
    let recovers = async { while say(&mut client, "add;after;1").await != "after added!" {} };
    must("changes are confirmed again", recovers).await;
    assert_eq!(say(&mut other, "find;before").await, "1");
    let during = say(&mut other, "find;during").await;
    let mut names = vec!["after", "before"];
    if during == "1" {
        names.push("during");
    } else {
        assert_eq!(during, "Not Found!");
    }
    lists(&server, &names).await;
}

#[tokio::test]
async fn a_change_that_the_database_refuses_is_not_tried_again() {
    let Some(postgres) = Postgres::shared() else { return };
    let room = OneRoom::on(postgres).await;
    let server = room.server().await;
    let database = postgres.connect(room.url.rsplit('/').next().unwrap()).await;
    let refuse = "alter table tcp_classroom.contacts add check (name <> 'eve')";
    database.batch_execute(refuse).await.unwrap();
    let mut client = server.tcp().await;
    assert_eq!(say(&mut client, "add;ann;1").await, "ann added!");
    let asked = Instant::now();
    let refused = say(&mut client, "add;eve;1").await;
    assert!(refused.starts_with("Error: not confirmed, try again"), "{refused}");
    // A database that is away is given 5 s.
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    assert_eq!(say(&mut client, "add;bob;1").await, "bob added!");
}
