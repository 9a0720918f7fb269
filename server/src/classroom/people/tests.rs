//! States of people as time goes by.

use std::time::Duration;

use api::Student;
use futures_util::FutureExt as _;
use tokio::time::advance;

use super::*;

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 7));
const KEYS: [&str; 2] = ["abcdefghijklmnop1", "abcdefghijklmnop2"];

fn page(key: usize) -> Visitor<'static> {
    Visitor::page(ADDRESS, Some(KEYS[key]))
}

/// The states of everybody, after a sample.
fn states(people: &People) -> Vec<(u64, String)> {
    people.sample(|_| None, Instant::now());
    people.rows(Instant::now()).into_iter().map(|row| (row.id, row.state)).collect()
}

fn is(id: u64, state: &str) -> (u64, String) {
    (id, state.to_owned())
}

#[tokio::test(start_paused = true)]
async fn who_is_here_and_says_nothing_for_three_minutes_is_idle_unless_all_is_done() {
    let (people, stop) = (People::default(), CancellationToken::new());
    let _here = [people.enter(page(0), &stop), people.enter(page(1), &stop)];
    let reports = |key: usize, done| {
        let student = Student { steps: 3, done, ..Student::default() };
        people.report(KEYS[key], ADDRESS, student).unwrap();
    };
    advance(Duration::from_secs(179)).await;
    assert_eq!(states(&people), [is(1, "fine"), is(2, "fine")]);
    advance(Duration::from_secs(1)).await;
    assert_eq!(states(&people), [is(1, "idle"), is(2, "idle")]);
    reports(0, 0b001);
    reports(1, 0b111);
    assert_eq!(states(&people), [is(1, "fine"), is(2, "fine")], "a step is a sign of life");
    advance(Duration::from_secs(180)).await;
    assert_eq!(states(&people), [is(1, "idle"), is(2, "fine")], "whoever is done may rest");
}

#[tokio::test(start_paused = true)]
async fn who_left_is_gone_for_a_while_and_then_forgotten() {
    let (people, stop) = (People::default(), CancellationToken::new());
    drop(people.enter(page(0), &stop));
    drop(people.enter(Visitor::raw_tcp(ADDRESS), &stop));
    drop(people.enter(Visitor::page(ADDRESS, None), &stop));
    assert_eq!(states(&people), [is(1, "gone"), is(2, "gone"), is(3, "gone")]);
    advance(Duration::from_secs(2 * 60)).await;
    assert_eq!(states(&people), [is(1, "gone")]);
    drop(people.enter(page(0), &stop));
    advance(Duration::from_secs(59 * 60)).await;
    assert_eq!(states(&people), [is(1, "gone")], "it was here in between");
    advance(Duration::from_secs(60)).await;
    assert_eq!(states(&people), []);
    people.report(KEYS[0], ADDRESS, Student::default()).unwrap();
    assert_eq!(states(&people), [is(4, "gone")]);
}

#[tokio::test(start_paused = true)]
async fn idle_times_are_no_changes_and_states_are() {
    let (people, stop) = (Arc::new(People::default()), CancellationToken::new());
    let _here = people.enter(page(0), &stop);
    let mut watcher = people.watch();
    let all = watcher.changed().now_or_never().expect("the first comes at once");
    assert!(all.complete && all.rows.len() == 1);
    for _ in 0..100 {
        advance(Duration::from_millis(500)).await;
        people.sample(|_| None, Instant::now());
        assert_eq!(watcher.changed().now_or_never(), None);
    }
    advance(Duration::from_secs(180)).await;
    people.sample(|_| None, Instant::now());
    let news = watcher.changed().now_or_never().expect("it is idle now");
    assert!(!news.complete);
    assert_eq!((news.rows[0].state.as_str(), news.rows[0].idle), ("idle", 230_000));
}

#[tokio::test(start_paused = true)]
async fn who_was_slowed_down_is_named_for_ten_seconds() {
    use crate::transport::conversation::Observer as _;
    let (people, stop) = (People::default(), CancellationToken::new());
    let flooder = people.enter(Visitor::raw_tcp(ADDRESS), &stop);
    let floods = || {
        people.sample(|_| None, Instant::now());
        people.rows(Instant::now())[0].flooding
    };
    assert!(!floods());
    flooder.slowed();
    assert!(floods());
    advance(Duration::from_secs(9)).await;
    assert!(floods());
    advance(Duration::from_secs(1)).await;
    assert!(!floods());
}

#[tokio::test(start_paused = true)]
async fn a_disconnected_person_is_told_apart_from_a_server_that_stops() {
    use crate::transport::conversation::Observer as _;
    let (people, stop) = (People::default(), CancellationToken::new());
    let (one, other) = (people.enter(page(0), &stop), people.enter(page(1), &stop));
    assert!(people.disconnect(PersonId(1)) && !people.disconnect(PersonId(9)));
    assert!(one.is_removed() && one.stop().is_cancelled() && !other.stop().is_cancelled());
    stop.cancel();
    assert!(other.stop().is_cancelled() && !other.is_removed());
}

#[test]
fn another_device_has_come_when_it_is_not_this_computer_under_any_of_its_addresses() {
    let people = People::default();
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    for (from, to) in [
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1"),
        ("192.168.50.1", "::ffff:192.168.50.1"),
    ] {
        people.reach(ip(from), || Some(ip(to)));
        assert!(!people.board(None, Instant::now()).reached, "{from}");
    }
    people.reach(ip("::ffff:192.168.50.23"), || Some(ip("::ffff:192.168.50.1")));
    assert!(people.board(None, Instant::now()).reached);
}
