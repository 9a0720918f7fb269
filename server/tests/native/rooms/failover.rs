//! The primary dies under load, or stops and goes on after another one has taken its place:
//! what was acknowledged is there, once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::{QUOTA, say};
use crate::classroom::binary::WRITERS_REST;
use crate::classroom::postgres_pair::Pair;
use crate::classroom::{TestServer, must};
use tcp_classroom::Rooms;

const WRITERS: usize = 8;

/// Writers that add one name after another, each once, in two rooms on two servers.
struct Load {
    /// Names that were confirmed.
    count: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
    writers: Vec<tokio::task::JoinHandle<(Vec<String>, usize)>>,
    _servers: [TestServer; 2],
}

impl Load {
    async fn on(url: &str) -> Self {
        let mut servers = Vec::new();
        let mut codes = Vec::new();
        for number in 0..2 {
            let rooms = Rooms::connect(url).await.unwrap();
            codes.push(rooms.create(&format!("class {number}"), QUOTA).await.unwrap().code);
            servers.push(TestServer::with_rooms(rooms).await);
        }
        let (count, ended) = <(Arc<AtomicUsize>, Arc<AtomicBool>)>::default();
        let mut writers = Vec::new();
        for writer in 0..WRITERS {
            let mut client = servers[writer % 2].tcp().await;
            let joined = say(&mut client, &format!("join;{}", codes[writer / 2 % 2])).await;
            assert!(joined.ends_with("joined!"), "{joined}");
            let (count, ended) = (Arc::clone(&count), Arc::clone(&ended));
            writers.push(tokio::spawn(async move {
                let (mut confirmed, mut refused) = (Vec::new(), 0);
                for n in 0.. {
                    if ended.load(Ordering::SeqCst) {
                        break;
                    }
                    let name = format!("w{writer}n{n}");
                    let reply = say(&mut client, &format!("add;{name};1")).await;
                    if reply == format!("{name} added!") {
                        confirmed.push(name);
                        count.fetch_add(1, Ordering::SeqCst);
                    } else {
                        assert!(reply.starts_with("Error: not confirmed"), "{reply}");
                        refused += 1;
                    }
                    tokio::time::sleep(WRITERS_REST).await;
                }
                (confirmed, refused)
            }));
        }
        let _servers = <[TestServer; 2]>::try_from(servers).ok().unwrap();
        Load { count, ended, writers, _servers }
    }

    /// Waits until so many more names are confirmed.
    async fn goes_on(&self, more: usize) {
        let enough = self.count.load(Ordering::SeqCst) + more;
        let going_on = async {
            while self.count.load(Ordering::SeqCst) < enough {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        must("changes are confirmed", going_on).await;
    }

    /// Ends the load, and compares what was confirmed with what the new primary has.
    async fn compare_with(self, pair: &Pair) {
        self.ended.store(true, Ordering::SeqCst);
        let (mut confirmed, mut refused) = (Vec::new(), 0);
        for writer in self.writers {
            let (names, not) = writer.await.unwrap();
            confirmed.extend(names);
            refused += not;
        }
        println!("{} confirmed, {refused} not", confirmed.len());
        let client = pair.new_primary().await;
        let rows = client.query("select name from tcp_classroom.contacts", &[]).await.unwrap();
        let stored: std::collections::HashSet<&str> = rows.iter().map(|row| row.get(0)).collect();
        let lost: Vec<_> = confirmed.iter().filter(|name| !stored.contains(&***name)).collect();
        assert!(lost.is_empty(), "{} of {} lost: {lost:?}", lost.len(), confirmed.len());
        // Each name was tried once, and has raised its room's number once.
        let sql = "select sum(seq)::bigint, count(*) from tcp_classroom.rooms";
        let row = client.query_one(sql, &[]).await.unwrap();
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (rows.len() as i64, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_primary_dies_nothing_acknowledged_is_lost_or_made_twice() {
    let Some(pair) = Pair::start().await else { return };
    let load = Load::on(&pair.url()).await;
    load.goes_on(500).await;
    let pair = pair.does("crash", "crashed").await;
    let pair = pair.does("promote", "promoted").await;
    load.goes_on(500).await;
    load.compare_with(&pair).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_old_primary_goes_on_beside_the_new_one_nothing_acknowledged_is_lost() {
    let Some(mut pair) = Pair::start().await else { return };
    let load = Load::on(&pair.url()).await;
    load.goes_on(300).await;
    pair = pair.does("stop", "stopped").await;
    pair = pair.does("promote", "promoted").await;
    load.goes_on(200).await;
    // Both take connections now, until the one who leads the cluster ends the old one.
    pair = pair.does("continue", "continued").await;
    load.goes_on(200).await;
    pair = pair.does("crash", "crashed").await;
    load.goes_on(500).await;
    load.compare_with(&pair).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_primary_keeps_nobody_out_of_an_open_class_or_for_long_out_of_another() {
    let Some(pair) = Pair::start().await else { return };
    let rooms = Rooms::connect(&pair.url()).await.unwrap();
    let mut joins = Vec::new();
    for name in ["open", "other"] {
        joins.push(format!("join;{}", rooms.create(name, QUOTA).await.unwrap().code));
    }
    let server = TestServer::with_rooms(rooms).await;
    assert_eq!(say(&mut server.tcp().await, &joins[0]).await, "open joined!");
    let pair = pair.does("stop", "stopped").await;
    let mut waiting = server.tcp().await;
    let refused = must("an answer", say(&mut waiting, &joins[1])).await;
    assert!(refused.starts_with("Error: not joined, try again"), "{refused}");
    // It was looked up before that, too long ago to be taken for current.
    let joined = must("an answer", say(&mut server.tcp().await, &joins[0])).await;
    assert_eq!(joined, "open joined!");
    let _pair = pair.does("promote", "promoted").await;
    let joins = async { while say(&mut waiting, &joins[1]).await != "other joined!" {} };
    must("the other class is entered", joins).await;
}
