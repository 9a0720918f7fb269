use super::*;
use crate::config::PortRange;
use crate::playground::reach::tests;

fn reach() -> Reach {
    // Which no other test takes meanwhile.
    Reach { ports: PortRange { first: 10_184, last: 10_186 }, ..tests::reach() }
}

fn session() -> (Arc<Playground>, Arc<Session>) {
    let playground = Arc::new(Playground::default());
    let session = playground.open(IpAddr::from([127, 0, 0, 1]), "").unwrap();
    (playground, session)
}

#[tokio::test(start_paused = true)]
async fn a_page_that_asks_nothing_is_gone_within_thirty_seconds() {
    let (_playground, session) = session();
    let begun = Instant::now();
    // A program waits for a line, twice for as long as a request may take.
    for _ in 0..2 {
        let answer = session.answer("input 60000", b"", &reach()).await;
        assert_eq!(answer.status, AGAIN);
    }
    let asked = Instant::now();
    assert_eq!(asked - begun, 2 * LONGEST);
    session.gone(|_| false).await;
    assert!(asked.elapsed() <= Duration::from_secs(30), "{:?}", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_page_whose_conversation_is_open_may_be_late_as_long_as_it_is() {
    for (leaves_after, gone_after) in [(10, GONE), (40, Duration::from_secs(40)), (90, GONE_HIDDEN)]
    {
        let (_playground, session) = session();
        let begun = Instant::now();
        session.gone(|_| begun.elapsed() < Duration::from_secs(leaves_after)).await;
        let late = begun.elapsed() - gone_after;
        assert!(late <= LOOK, "{leaves_after} s: {late:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_falls_silent_during_a_request_gives_its_port_back_within_thirty_seconds() {
    let (playground, session) = session();
    assert_eq!(session.answer("bind 127.0.0.1 9998", b"", &reach()).await.status, 0);
    let listens = session.answer("listen 1", b"", &reach()).await;
    let address = String::from_utf8(listens.bytes).unwrap();
    let asked = Instant::now();
    // A computer that has fallen asleep: its connection is there, and it is answered.
    let reach = reach();
    let accept = async {
        let status = session.answer("accept 1 20000", b"", &reach).await.status;
        (status, asked.elapsed())
    };
    let close = async {
        session.gone(|_| false).await;
        playground.close(&session);
        asked.elapsed()
    };
    let ((status, answered), closed) = tokio::join!(accept, close);
    assert_eq!((status, answered.as_secs()), (AGAIN, LONGEST.as_secs()));
    assert!(closed > LONGEST && closed <= Duration::from_secs(30), "{closed:?}");
    assert!(TcpStream::connect(&*address).await.is_err(), "{address} is free");
}

#[tokio::test(start_paused = true)]
async fn a_request_is_answered_after_twenty_seconds_at_most_also_in_a_flood() {
    let (_playground, session) = session();
    let (session, reach) = (&session, &reach());
    // So many at once that those at the end would wait a minute for their share.
    let flood = (0..11_000).map(|_| async {
        let asked = Instant::now();
        session.answer("input 60000", b"", reach).await;
        asked.elapsed()
    });
    let longest = futures_util::future::join_all(flood).await.into_iter().max().unwrap();
    assert!(longest <= LONGEST + Duration::from_millis(10), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_requests_is_slowed_down_to_its_share() {
    let (_playground, session) = session();
    let begun = Instant::now();
    for _ in 0..11_000 {
        assert_eq!(session.answer("alive", b"", &reach()).await.status, 0);
    }
    let took = begun.elapsed().as_secs();
    assert!((59..=61).contains(&took), "10,000 beyond the burst took {took} s");
}

#[tokio::test]
async fn a_neighbour_is_let_in_no_longer_than_the_teacher_lets_neighbours_in() {
    let (playground, session) = session();
    let [own, neighbour] = ["127.0.0.1", "192.168.1.9"].map(|ip| ip.parse().unwrap());
    for lets in [false, true, false] {
        playground.let_neighbours(lets);
        assert_eq!((session.lets_in(own), session.lets_in(neighbour)), (true, lets));
    }
}

#[tokio::test]
async fn one_address_leaves_ports_for_others_and_one_page_has_one() {
    let playground = Arc::new(Playground::default());
    let ports = PortRange { first: 10_150, last: 10_154 };
    let reach = Reach { ports, ..tests::reach() };
    let listens = async |address: [u8; 4], key: &str| {
        let session = playground.open(IpAddr::from(address), key).unwrap();
        assert_eq!(session.answer("bind 127.0.0.1 9998", b"", &reach).await.status, 0);
        let status = session.answer("listen 1", b"", &reach).await.status;
        (session, status)
    };
    let (first, second) = ([192, 168, 1, 5], [192, 168, 1, 6]);
    let mut kept = Vec::new();
    for (address, key, status) in [
        (first, "", 0),
        (first, "", 0),
        (first, "key", 0),
        // Three of five.
        (first, "", IN_USE),
        // The page was loaded anew: its earlier server is closed.
        (first, "key", 0),
        (first, "other", IN_USE),
        (second, "", 0),
        ([127, 0, 0, 1], "", 0),
    ] {
        let (session, answered) = listens(address, key).await;
        assert_eq!(answered, status, "{address:?} {key}");
        kept.push(session);
    }
    assert_eq!(kept[2].answer("accept 1 20", b"", &reach).await.status, IN_USE);
    assert_eq!(kept[4].answer("accept 1 20", b"", &reach).await.status, AGAIN);
}

#[tokio::test]
async fn a_line_of_more_than_four_kilobytes_is_not_taken() {
    let (_playground, session) = session();
    let line = [b'x'; 4097];
    assert_eq!(session.answer("type", &line, &reach()).await.status, TOO_MANY);
    assert_eq!(session.answer("type", &line[1..], &reach()).await.status, 0);
    assert_eq!(session.answer("input 20", b"", &reach()).await.bytes, &line[1..]);
    assert_eq!(session.answer("input 20", b"", &reach()).await.status, AGAIN);
}

#[tokio::test]
async fn secrets_are_long_and_differ() {
    let (playground, session) = session();
    let other = playground.open(IpAddr::from([127, 0, 0, 1]), "").unwrap();
    assert_eq!(session.secret().len(), 32);
    assert_ne!(session.secret(), other.secret());
    playground.close(&session);
    assert!(playground.session(session.secret()).is_none());
}
