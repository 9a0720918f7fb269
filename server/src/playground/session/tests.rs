use super::*;
use crate::playground::reach::tests::reach;

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
    session.gone().await;
    assert!(asked.elapsed() <= Duration::from_secs(30), "{:?}", asked.elapsed());
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
async fn secrets_are_long_and_differ() {
    let (playground, session) = session();
    let other = playground.open(IpAddr::from([127, 0, 0, 1]), "").unwrap();
    assert_eq!(session.secret().len(), 32);
    assert_ne!(session.secret(), other.secret());
    playground.close(&session);
    assert!(playground.session(session.secret()).is_none());
}
