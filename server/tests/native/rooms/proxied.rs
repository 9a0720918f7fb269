//! Raw TCP behind a balancer that says in a header of the PROXY protocol whose a connection
//! is.

use super::{OneRoom, say};
use crate::classroom::person::Roster;
use crate::classroom::postgres::Postgres;
use crate::classroom::{TcpClient, TestServer};
use tcp_classroom::{Config, PerAddress, RoomPort, Rooms};

/// What a balancer sends first.
fn header(client: &str) -> String {
    format!("PROXY TCP4 {client} 10.0.0.1 51234 9999\r\n")
}

/// Trusts this computer, or another one, to say so.
fn trusting(address: [u8; 4]) -> impl FnOnce(&mut Config) {
    move |config| {
        config.proxies = vec![address.into()];
        config.proxy_protocol = true;
        config.limits.per_address = PerAddress::All(2);
    }
}

/// A client that comes by the balancer.
async fn behind(server: &TestServer, address: &str) -> TcpClient {
    let mut client = TcpClient::connect(server.tcp).await;
    client.send(header(address).as_bytes()).await;
    client
}

#[tokio::test]
async fn a_client_behind_the_balancer_is_known_and_limited_by_its_own_address() {
    let Some(postgres) = Postgres::shared() else { return };
    let here = OneRoom::on(postgres).await;
    let rooms = Rooms::connect(&here.url).await.unwrap();
    let server = TestServer::with_rooms_and(rooms, trusting([127, 0, 0, 1])).await;
    let mut open = Vec::new();
    for address in ["192.168.1.7", "192.168.1.7", "192.168.1.8"] {
        let mut client = behind(&server, address).await;
        client.expect(b"Welcome!").await;
        let joined = say(&mut client, &format!("join;{}", here.room.code)).await;
        assert_eq!(joined, "Class 3b joined!");
        open.push(client);
    }
    let refused = behind(&server, "192.168.1.7").await.rest().await;
    assert!(refused.starts_with("Error: your computer has too many"), "{refused}");
    let folder = format!("/r/{}", here.room.code);
    let mut roster = Roster::open_in(&server, &folder, here.room.token.as_str()).await;
    for address in ["192.168.1.7", "192.168.1.8"] {
        roster.find(address, |row| row.address == address).await;
    }
    assert!(roster.rows.values().all(|row| row.address != "127.0.0.1"));
}

#[tokio::test]
async fn a_balancer_that_sends_no_header_has_its_clients_told_and_its_operator_s_checks_do_not_harm()
 {
    let Some(postgres) = Postgres::shared() else { return };
    let here = OneRoom::on(postgres).await;
    let rooms = Rooms::connect(&here.url).await.unwrap();
    let server = TestServer::with_rooms_and(rooms, trusting([127, 0, 0, 1])).await;
    for sent in [&b"join;abc\n"[..], b"GET / HTTP/1.1\r\n\r\n", b"PROXY TCP4 nonsense\r\n"] {
        let mut client = TcpClient::connect(server.tcp).await;
        client.send(sent).await;
        let told = client.rest().await;
        let why = "Error: the balancer before this server does not say whose connection this is";
        assert!(told.starts_with(why), "{told}");
    }
    // A check of its health: a connection without a word, and one for itself.
    drop(TcpClient::connect(server.tcp).await);
    let mut check = TcpClient::connect(server.tcp).await;
    check.send(b"PROXY UNKNOWN\r\n").await;
    check.expect(b"Welcome!").await;
    behind(&server, "192.168.1.9").await.expect(b"Welcome!").await;
}

#[tokio::test]
async fn a_client_that_is_no_trusted_balancer_cannot_say_that_it_is_somebody_else() {
    let Some(postgres) = Postgres::shared() else { return };
    let here = OneRoom::on(postgres).await;
    let rooms = Rooms::connect(&here.url).await.unwrap();
    let server = TestServer::with_rooms_and(rooms, trusting([10, 0, 0, 1])).await;
    let mut client = behind(&server, "192.168.1.7").await;
    client.expect(b"Welcome!").await;
    assert!(client.line().await.starts_with("Error: which class?"), "it is a message");
    let joined = say(&mut client, &format!("join;{}", here.room.code)).await;
    assert_eq!(joined, "Class 3b joined!");
    let folder = format!("/r/{}", here.room.code);
    let mut roster = Roster::open_in(&server, &folder, here.room.token.as_str()).await;
    roster.find("its own address", |row| row.address == "127.0.0.1").await;
    assert!(roster.rows.values().all(|row| row.address != "192.168.1.7"));
}

#[tokio::test]
async fn the_header_counts_on_a_class_s_own_port_and_on_a_server_of_one_class() {
    let Some(postgres) = Postgres::shared() else { return };
    let here = OneRoom::on(postgres).await;
    let port = RoomPort::bind(&here.room.code, ([127, 0, 0, 1], 0).into()).unwrap();
    let address = port.local_addr().unwrap();
    let rooms = Rooms::connect(&here.url).await.unwrap();
    let trusts = trusting([127, 0, 0, 1]);
    let many = TestServer::with_ports_and(rooms, vec![port], trusts).await;
    let one = TestServer::with(trusting([127, 0, 0, 1])).await;
    let folder = format!("/r/{}", here.room.code);
    let mut of_room = Roster::open_in(&many, &folder, here.room.token.as_str()).await;
    for (address, roster) in [(address, &mut of_room), (one.tcp, &mut Roster::open(&one).await)] {
        let mut client = TcpClient::connect(address).await;
        client.send(format!("{}add;a;1\n", header("192.168.1.7")).as_bytes()).await;
        client.expect(b"Welcome!a added!\n").await;
        roster.find("the client", |row| row.address == "192.168.1.7").await;
    }
}
