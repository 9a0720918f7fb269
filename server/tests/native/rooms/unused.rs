//! Unused classes are archived after a while, with their contacts, and deleted only
//! where the operator has said so.

use std::num::NonZeroU32;
use std::time::{Duration, SystemTime};

use super::{OneRoom, QUOTA, say};
use crate::classroom::TestServer;
use crate::classroom::postgres::Postgres;
use tcp_classroom::{Rooms, UnusedRooms};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn settings(archive: u32, delete: u32) -> UnusedRooms {
    let (archive_after, delete_after) = (NonZeroU32::new(archive), NonZeroU32::new(delete));
    UnusedRooms { archive_after, delete_after }
}

#[tokio::test]
async fn an_unused_class_is_archived_with_its_contacts_and_deleted_only_if_that_is_wanted() {
    let Some(postgres) = Postgres::shared() else { return };
    let OneRoom { rooms, room, url } = OneRoom::on(postgres).await;
    let used = rooms.create("used later", QUOTA).await.unwrap();
    let server = TestServer::with_rooms(Rooms::connect(&url).await.unwrap()).await;
    let mut client = server.tcp().await;
    say(&mut client, &format!("join;{}", room.code)).await;
    assert_eq!(say(&mut client, "add;a;1").await, "a added!");
    let database = postgres.connect(url.rsplit('/').next().unwrap()).await;
    let later =
        "update tcp_classroom.rooms set used = current_date + 100 where name = 'used later'";
    assert_eq!(database.execute(later, &[]).await.unwrap(), 1);

    let now = SystemTime::now();
    let tidy = |days: u32, settings| {
        let rooms = &rooms;
        async move { rooms.tidy(&settings, now + DAY * days).await.unwrap() }
    };
    assert_eq!(tidy(178, settings(180, 30)).await, (0, 0));
    assert_eq!(tidy(900, settings(0, 30)).await, (0, 0), "never, where that is said");
    assert_eq!(tidy(182, settings(180, 30)).await, (1, 0), "the class, and not the other one");
    assert!(rooms.book(&room.code).await.is_err());
    assert!(rooms.book(&used.code).await.is_ok());
    let kept = "select count(*) from tcp_classroom.contacts";
    assert_eq!(database.query_one(kept, &[]).await.unwrap().get::<_, i64>(0), 1);

    assert_eq!(tidy(900, settings(0, 0)).await, (0, 0), "the archive is kept for good");
    assert_eq!(tidy(182 + 29, settings(0, 30)).await, (0, 0));
    assert_eq!(tidy(182 + 31, settings(0, 30)).await, (0, 1));
    assert_eq!(database.query_one(kept, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn a_class_that_is_opened_again_is_not_archived_the_next_night() {
    let Some(postgres) = Postgres::shared() else { return };
    let OneRoom { rooms, room, url } = OneRoom::on(postgres).await;
    let database = postgres.connect(url.rsplit('/').next().unwrap()).await;
    let long_ago = "update tcp_classroom.rooms set used = current_date - 400";
    database.execute(long_ago, &[]).await.unwrap();
    let now = SystemTime::now();
    assert_eq!(rooms.tidy(&settings(180, 0), now).await.unwrap(), (1, 0));
    let number = database.query_one("select id from tcp_classroom.rooms", &[]).await.unwrap();
    let number = number.get::<_, i64>(0).to_string();
    let mut reopen = super::command_line::room(&url, &["archive", &number, "--reopen"]);
    assert!(reopen.output().unwrap().status.success());
    assert_eq!(rooms.tidy(&settings(180, 0), now).await.unwrap(), (0, 0));
    assert!(rooms.book(&room.code).await.is_ok());
}

#[tokio::test]
async fn while_one_server_looks_after_unused_classes_another_one_leaves_them_to_it() {
    let Some(postgres) = Postgres::shared() else { return };
    let OneRoom { rooms, url, .. } = OneRoom::on(postgres).await;
    let other = postgres.connect(url.rsplit('/').next().unwrap()).await;
    let key = i64::from_be_bytes(*b"tcp-unus");
    other.execute("select pg_advisory_lock($1)", &[&key]).await.unwrap();
    let later = SystemTime::now() + DAY * 400;
    assert_eq!(rooms.tidy(&settings(180, 0), later).await.unwrap(), (0, 0));
    other.execute("select pg_advisory_unlock($1)", &[&key]).await.unwrap();
    assert_eq!(rooms.tidy(&settings(180, 0), later).await.unwrap(), (1, 0));
    assert_eq!(rooms.tidy(&settings(180, 0), later).await.unwrap(), (0, 0), "and once");
}

#[tokio::test]
async fn a_server_archives_unused_classes_when_it_starts() {
    let Some(postgres) = Postgres::shared() else { return };
    let OneRoom { room, url, .. } = OneRoom::on(postgres).await;
    let database = postgres.connect(url.rsplit('/').next().unwrap()).await;
    let long_ago = "update tcp_classroom.rooms set used = current_date - 400";
    database.execute(long_ago, &[]).await.unwrap();
    let _server = TestServer::with_rooms(Rooms::connect(&url).await.unwrap()).await;
    let archived = "select archived is not null from tcp_classroom.rooms";
    let is_archived =
        async { while !database.query_one(archived, &[]).await.unwrap().get::<_, bool>(0) {} };
    crate::classroom::must("it is archived", is_archived).await;
    assert!(Rooms::connect(&url).await.unwrap().book(&room.code).await.is_err());
}

#[tokio::test]
async fn a_class_with_as_many_conversations_as_it_may_have_takes_no_more_and_others_do() {
    let Some(postgres) = Postgres::shared() else { return };
    let OneRoom { rooms, room, url } = OneRoom::on(postgres).await;
    let other = rooms.create("Class 3c", QUOTA).await.unwrap();
    let of_server = Rooms::connect(&url).await.unwrap();
    let few = |config: &mut tcp_classroom::Config| config.rooms.connections = 2;
    let server = TestServer::with_rooms_and(of_server, few).await;
    let join = format!("join;{}", room.code);
    let (mut one, mut two, mut three) =
        (server.tcp().await, server.tcp().await, server.tcp().await);
    for client in [&mut one, &mut two] {
        assert_eq!(say(client, &join).await, "Class 3b joined!");
    }
    let refused = "Error: this class has too many connections, try again later";
    assert_eq!(say(&mut three, &join).await, refused);
    let path = format!("r/{}/ws", room.code);
    let page = crate::classroom::WebSocketClient::connect_to(server.http, &path, &[]).await;
    assert!(page.is_err_and(|error| error.to_string().contains("503")));
    assert_eq!(say(&mut three, &format!("join;{}", other.code)).await, "Class 3c joined!");
    one.end().await;
    one.rest().await;
    let mut four = server.tcp().await;
    let has_place = async { while say(&mut four, &join).await == refused {} };
    crate::classroom::must("there is a place again", has_place).await;
}
