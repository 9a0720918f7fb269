//! Servers that are restarted one after another under load: a client that comes back by the
//! other one has a reply to everything that was made.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::OneRoom;
use crate::classroom::binary::{FREE_PORTS, Program, WRITERS_REST, command};
use crate::classroom::postgres::Postgres;
use crate::classroom::{DEADLINE, get, must};
use nix::sys::signal::Signal;

/// How long a server goes on after the signal.
const DRAIN: &str = "700ms";

fn server(url: &str) -> Program {
    let mut command = command();
    command.args(FREE_PORTS).args(["--drain", DRAIN]).env("TCP_CLASSROOM_DATABASE", url);
    Program::run(command)
}

/// Where a balancer sends new clients.
type Balanced = Arc<Mutex<Vec<SocketAddr>>>;

/// Adds names until it is told to stop, one at a time, and connects again whenever a
/// connection ends. Returns those that were confirmed, and how often it connected.
fn write(balanced: &Balanced, code: &str, writer: usize, stop: &AtomicBool) -> (Vec<String>, u32) {
    let (mut confirmed, mut connections, mut number) = (Vec::new(), 0, 0);
    'connecting: while !stop.load(Ordering::SeqCst) {
        let to = {
            let open = balanced.lock().unwrap();
            open[(writer + connections as usize) % open.len()]
        };
        let Ok(mut client) = TcpStream::connect(to) else { continue };
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        connections += 1;
        if client.write_all(format!("join;{code}\n").as_bytes()).is_err() {
            continue;
        }
        let Some(_) = line(&mut client, "joined!\n") else { continue };
        while !stop.load(Ordering::SeqCst) {
            let name = format!("w{writer}n{number}");
            number += 1;
            if client.write_all(format!("add;{name};1\n").as_bytes()).is_err() {
                continue 'connecting;
            }
            match line(&mut client, "\n") {
                Some(reply) if reply == format!("{name} added!\n") => confirmed.push(name),
                Some(reply) => assert!(reply.starts_with("Error: not confirmed"), "{reply}"),
                None => continue 'connecting,
            }
            std::thread::sleep(WRITERS_REST);
        }
    }
    (confirmed, connections)
}

/// What comes up to an end, or nothing if the connection ends before.
fn line(client: &mut TcpStream, end: &str) -> Option<String> {
    let (mut line, mut byte) = (String::new(), [0]);
    while !line.ends_with(end) {
        client.read_exact(&mut byte).ok()?;
        line.push(char::from(byte[0]));
    }
    Some(line)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_loses_no_reply_and_the_balancer_is_told_before() {
    const WRITERS: usize = 6;
    const RESTARTS: usize = 4;
    let Some(postgres) = Postgres::shared() else { return };
    let OneRoom { url, room, .. } = OneRoom::on(postgres).await;
    let mut servers = vec![server(&url), server(&url)];
    let balanced: Balanced = Arc::default();
    *balanced.lock().unwrap() = servers.iter().map(|server| server.tcp).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (balanced, stop, code) = (balanced.clone(), stop.clone(), room.code.clone());
            std::thread::spawn(move || write(&balanced, &code, writer, &stop))
        })
        .collect();
    for _ in 0..RESTARTS {
        let mut old = servers.remove(0);
        assert_eq!(get(old.http, "/healthz", "").await.status, 200);
        let told = Instant::now();
        old.signal(Signal::SIGTERM);
        let says_so = async { while get(old.http, "/healthz", "").await.status != 503 {} };
        must("its health says that it stops", says_so).await;
        // It still serves whom the balancer sends before it looks.
        let mut late = TcpStream::connect(old.tcp).unwrap();
        late.set_read_timeout(Some(DEADLINE)).unwrap();
        late.write_all(format!("join;{}\nfind;nobody\n", room.code).as_bytes()).unwrap();
        assert!(line(&mut late, "joined!\nNot Found!\n").is_some());
        servers.push(server(&url));
        *balanced.lock().unwrap() = servers.iter().map(|server| server.tcp).collect();
        assert!(old.exit().success());
        assert!(told.elapsed() >= Duration::from_millis(700), "{:?}", told.elapsed());
    }
    stop.store(true, Ordering::SeqCst);
    let (mut confirmed, mut connections) = (HashSet::new(), 0);
    for writer in writers {
        let (names, count) = writer.join().unwrap();
        connections += count;
        confirmed.extend(names);
    }
    println!("{} confirmed changes, {connections} connections", confirmed.len());
    assert!(connections > WRITERS as u32, "they were sent elsewhere");
    let client = postgres.connect(url.rsplit('/').next().unwrap()).await;
    let rows = client.query("select name from tcp_classroom.contacts", &[]).await.unwrap();
    let stored: HashSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let lost: Vec<_> = confirmed.difference(&stored).collect();
    assert!(lost.is_empty(), "confirmed and lost: {lost:?}");
    let untold: Vec<_> = stored.difference(&confirmed).collect();
    assert!(untold.is_empty(), "made, and the reply lost: {untold:?}");
}
