//! Behind a balancer that is trusted, each client counts by its own address.

use std::net::IpAddr;

use crate::classroom::events::EventClient;
use crate::classroom::person::Roster;
use crate::classroom::{TestServer, WebSocketClient, get};
use tcp_classroom::PerAddress;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// A page whose request says that it comes from an address.
async fn page(server: &TestServer, says: &str) -> Result<WebSocketClient, String> {
    let headers = [(X_FORWARDED_FOR, says)];
    WebSocketClient::connect_to(server.http, "ws", &headers).await.map_err(|e| e.to_string())
}

#[tokio::test]
async fn a_page_behind_a_trusted_proxy_is_known_by_its_own_address() {
    let server = TestServer::with(|config| config.proxies = vec![[127, 0, 0, 1].into()]).await;
    let mut client = page(&server, "1.2.3.4, 192.168.1.7").await.unwrap();
    client.expect("Welcome!").await;
    let mut roster = Roster::open(&server).await;
    roster.find("its address", |row| row.address == "192.168.1.7").await;
}

#[tokio::test]
async fn an_address_behind_a_trusted_proxy_has_as_many_connections_as_any_other() {
    let server = TestServer::with(|config| {
        config.proxies = vec![[127, 0, 0, 1].into()];
        config.limits.per_address = PerAddress::All(2);
    })
    .await;
    let mut open = Vec::new();
    for address in ["192.168.1.7", "192.168.1.7", "192.168.1.8", "192.168.1.8"] {
        let mut client = page(&server, address).await.unwrap();
        client.expect("Welcome!").await;
        open.push(client);
    }
    let refused = page(&server, "192.168.1.7").await.err().unwrap();
    assert!(refused.contains("503"), "{refused}");
}

#[tokio::test]
async fn a_stream_of_events_keeps_the_place_of_its_address_behind_a_trusted_proxy() {
    let paths = [api::EVENTS, api::BOARD, &format!("{}?key=0123456789abcdef", api::CLASS)];
    for path in paths {
        let server = TestServer::with(|config| {
            config.proxies = vec![[127, 0, 0, 1].into()];
            config.limits.per_address = PerAddress::All(1);
        })
        .await;
        let header = "X-Forwarded-For: 192.168.1.7";
        let headers = format!("{header}\r\n");
        let mut events = EventClient::open_path_with(server.http, path, &headers).await;
        events.named().await.expect("it has begun");
        let refused = get(server.http, "/healthz", &format!("\r\n{header}")).await;
        assert_eq!(refused.status, 503, "{path}");
        let other = get(server.http, "/healthz", "\r\nX-Forwarded-For: 192.168.1.8").await;
        assert_eq!(other.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_trusted_is_the_client_itself() {
    let server = TestServer::start().await;
    let mut client = page(&server, "192.168.1.7").await.unwrap();
    client.expect("Welcome!").await;
    let here = |address: &str| address.parse::<IpAddr>().unwrap().is_loopback();
    let mut roster = Roster::open(&server).await;
    roster.find("the proxy's address", |row| here(&row.address)).await;
}
