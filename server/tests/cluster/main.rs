//! Many classes on two servers and a database of three machines under Patroni, which are
//! killed, cut off and paused under load: `cargo xtask test --cluster`, some four minutes.
//! Everything that a server confirmed is in the database in the end, once and in order.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic and says what it has counted"
)]

mod checker;
#[path = "../classroom/mod.rs"]
mod classroom;
mod door;
mod etcd;
mod load;
mod machines;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use classroom::binary::{Program, command};
use classroom::port::student_port;
use classroom::{needs, postgres};
use load::Load;
use machines::Cluster;
use nix::sys::signal::Signal;
use tcp_classroom::Rooms;

const ROOMS: usize = 20;

/// More contacts than a room gets.
const QUOTA: usize = 1_000_000;

/// Where Patroni's packages are, where the test is asked for.
fn patroni() -> Option<PathBuf> {
    let patroni = std::env::var_os("TCP_CLASSROOM_PATRONI");
    let asked = needs::request(patroni.is_some(), "needs Patroni: cargo xtask test --cluster");
    patroni.filter(|_| asked).map(PathBuf::from)
}

/// Awaits something that must happen in a time.
async fn within<T>(what: &str, time: Duration, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(time, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited {time:?} in vain: {what}"),
    }
}

/// A server, at an address of its own, at which it can be started again.
struct Server {
    url: String,
    tcp: SocketAddr,
    http: SocketAddr,
    program: Program,
}

impl Server {
    fn start(url: String) -> Self {
        let [tcp, http] = [(); 2].map(|()| SocketAddr::from(([127, 0, 0, 1], student_port())));
        let program = Self::program(&url, tcp, http);
        Server { url, tcp, http, program }
    }

    fn program(url: &str, tcp: SocketAddr, http: SocketAddr) -> Program {
        let mut command = command();
        command.args(["--tcp", &tcp.to_string(), "--http", &http.to_string()]);
        command.env("TCP_CLASSROOM_DATABASE", url);
        Program::run(command)
    }

    fn start_again(&mut self) {
        self.program = Self::program(&self.url, self.tcp, self.http);
    }

    /// Kills it as the system does when it is out of memory.
    fn kill(&mut self) {
        self.program.child.kill().unwrap();
        self.program.exit();
    }
}

/// What is broken, and what it is broken under.
struct Trial {
    servers: [Server; 2],
    load: Load,
    cluster: Cluster,
}

impl Trial {
    /// Says what the load went through.
    fn tell(&self, what: &str) {
        let load::Counts { confirmed: [one, two], uncertain, pause, .. } = self.load.take_counts();
        let pause = pause.as_secs_f64();
        println!(
            "{what}: {one} + {two} confirmed so far, {uncertain} uncertain, longest pause {pause:.1} s"
        );
    }

    async fn goes_on(&self) {
        self.load.goes_on(&[0, 1], 200).await;
    }

    /// The machine with the primary loses its power and comes back.
    async fn kill_primary(&mut self) {
        let primary = self.cluster.primary().await;
        self.cluster.does(primary, "kill");
        self.goes_on().await;
        self.cluster.does(primary, "start");
        self.cluster.is_whole().await;
        self.tell("the primary's machine killed");
    }

    /// Another machine becomes the primary as planned.
    async fn hand_over(&mut self) {
        self.cluster.hand_over(self.cluster.primary().await).await;
        self.goes_on().await;
        self.cluster.is_whole().await;
        self.tell("the primary handed over");
    }

    /// The network is cut in two: the primary and server one, and all else.
    async fn partition(&mut self) {
        let primary = self.cluster.primary().await;
        self.cluster.set_whole(false, primary, 0);
        self.load.goes_on(&[1], 200).await;
        self.cluster.set_whole(true, primary, 0);
        self.goes_on().await;
        self.cluster.is_whole().await;
        self.tell("the primary and server one cut off");
    }

    async fn kill_server(&mut self) {
        self.servers[1].kill();
        self.load.goes_on(&[0], 400).await;
        self.servers[1].start_again();
        self.goes_on().await;
        self.tell("server two killed");
    }

    /// The primary's machine hangs, until another one has taken its place, and goes on.
    async fn pause_primary(&mut self) {
        let primary = self.cluster.primary().await;
        let leads = etcd::leader_may_hang();
        needs::privilege(
            leads,
            "the machine that hangs does not lead etcd, which is older than 3.5.13",
        );
        let leader = if leads { primary } else { (primary + 1) % machines::MACHINES };
        etcd::make_leader(&self.cluster.etcd, leader).await;
        self.cluster.does(primary, "pause");
        self.goes_on().await;
        self.cluster.does(primary, "continue");
        self.goes_on().await;
        self.cluster.is_whole().await;
        self.tell("the primary's machine paused");
    }

    async fn pause_server(&mut self) {
        self.servers[0].program.signal(Signal::SIGSTOP);
        self.load.goes_on(&[1], 400).await;
        self.servers[0].program.signal(Signal::SIGCONT);
        self.goes_on().await;
        self.tell("server one paused");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_dies_hangs_or_is_cut_off_nothing_acknowledged_is_lost_twice_or_out_of_order() {
    let Some(patroni) = patroni() else { return };
    if postgres::missing() || !needs::program("etcd", "--version") {
        return;
    }
    let cluster = Cluster::start(&patroni).await;
    cluster.make_database().await;
    let servers = [0, 1].map(|number| Server::start(cluster.url(number)));
    checker::note_changes(&cluster.client().await).await;
    let rooms = Rooms::connect(&cluster.url(1)).await.unwrap();
    let mut codes = Vec::new();
    for number in 0..ROOMS {
        codes.push(rooms.create(&format!("class {number}"), QUOTA).await.unwrap().code);
    }
    drop(rooms);
    let addresses = [servers[0].tcp, servers[1].tcp];
    let load = Load::on(addresses, &codes);
    let mut trial = Trial { servers, load, cluster };
    trial.goes_on().await;
    trial.tell("before");
    trial.hand_over().await;
    trial.kill_primary().await;
    trial.partition().await;
    trial.kill_server().await;
    trial.pause_primary().await;
    trial.pause_server().await;

    let Trial { load, cluster, servers } = trial;
    let records = load.end().await;
    let outcome = checker::compare(records, &cluster.client().await, addresses, &codes).await;
    println!("{outcome:#?}");
    assert_eq!(outcome.faults(), [0; 6]);
    assert!(outcome.uncertain > 0, "no fault was noticed");
    drop(servers);
}
