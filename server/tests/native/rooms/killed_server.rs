//! Servers that are killed: what they confirmed is in the database, once.

use std::collections::HashSet;
use std::io::Write as _;
use std::net::TcpStream;

use super::OneRoom;
use crate::classroom::binary::{FREE_PORTS, Program, add_until_killed_or_refused, command, read};
use crate::classroom::postgres::Postgres;
use nix::sys::signal::Signal;

fn server(url: &str) -> Program {
    let mut command = command();
    command.args(FREE_PORTS).env("TCP_CLASSROOM_DATABASE", url);
    Program::run(command)
}

/// A client that has joined the room, without having sent a line end.
fn joined(server: &Program, code: &str) -> TcpStream {
    let mut client = server.welcome();
    client.write_all(format!("join;{code}").as_bytes()).unwrap();
    assert_eq!(read(&mut client, 16), "Class 3b joined!");
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_confirmed_by_a_server_before_it_was_killed_is_there_and_once() {
    const ROUNDS: usize = 4;
    const WRITERS: usize = 6;
    let Some(postgres) = Postgres::shared() else { return };
    let OneRoom { url, room, .. } = OneRoom::on(postgres).await;
    let mut confirmed = Vec::new();
    // On a machine that is busy enough.
    let mut any_refused = false;
    for round in 0..ROUNDS {
        let (mut victim, other) = (server(&url), server(&url));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                // Two of them on the server that lives on, until it ends.
                let of = if writer < 4 { &victim } else { &other };
                let client = joined(of, &room.code);
                std::thread::spawn(move || add_until_killed_or_refused(client, writer, round))
            })
            .collect();
        let mut pace = joined(&victim, &room.code);
        for n in 0..=round * 5 {
            pace.write_all(format!("add;pace{n};1").as_bytes()).unwrap();
            read(&mut pace, format!("pace{n} added!").len());
        }
        match round % 2 {
            0 => victim.child.kill().unwrap(),
            _ => victim.signal(Signal::SIGTERM),
        }
        victim.exit();
        drop(other);
        for (writer, thread) in writers.into_iter().enumerate() {
            let (count, refused) = thread.join().unwrap();
            any_refused |= refused;
            confirmed.extend((0..count).map(|n| format!("r{round}w{writer}n{n}")));
        }
    }
    println!("{} confirmed changes in {ROUNDS} rounds", confirmed.len());
    assert!(confirmed.len() > ROUNDS * WRITERS, "{}", confirmed.len());
    let client = postgres.connect(url.rsplit('/').next().unwrap()).await;
    let sql = "select name, seq from tcp_classroom.contacts where name like 'r%'";
    let rows = client.query(sql, &[]).await.unwrap();
    let stored: HashSet<&str> = rows.iter().map(|row| row.get(0)).collect();
    let lost: Vec<_> = confirmed.iter().filter(|name| !stored.contains(&***name)).collect();
    assert!(lost.is_empty(), "{} of {} lost: {lost:?}", lost.len(), confirmed.len());
    // One that is told to stop loses no reply: what it has made it has confirmed.
    let told: HashSet<&str> = confirmed.iter().map(|name| &**name).collect();
    let is_of_stopped = |name: &&&str| {
        let stopped = (0..ROUNDS).filter(|round| round % 2 == 1);
        stopped
            .flat_map(|round| (0..4).map(move |writer| format!("r{round}w{writer}n")))
            .any(|start| name.starts_with(&start))
    };
    let untold: Vec<_> =
        stored.iter().filter(is_of_stopped).filter(|name| !told.contains(**name)).collect();
    assert!(any_refused || untold.is_empty(), "made and not confirmed: {untold:?}");
    // Each name was added once, and so has raised the room's number once; `pace` names
    // were added again in later rounds.
    let row = client.query_one("select seq from tcp_classroom.rooms", &[]).await.unwrap();
    let paces: usize = (0..ROUNDS).map(|round| round * 5 + 1).sum();
    assert_eq!(row.get::<_, i64>(0), (rows.len() + paces) as i64, "none was made twice");
}
