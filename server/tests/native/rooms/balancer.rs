//! Two servers behind nginx, set up as `deploy/many-classes/nginx.conf` says.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::OneRoom;
use crate::classroom::person::Roster;
use crate::classroom::port::student_port;
use crate::classroom::postgres::Postgres;
use crate::classroom::teacher::Teacher;
use crate::classroom::{TestServer, WebSocketClient, get, needs, wait_until};
use tcp_classroom::Rooms;

/// nginx in front of two servers.
struct Balancer {
    nginx: Child,
    address: SocketAddr,
}

impl Balancer {
    /// Starts it with its files in a folder, or nothing where the test is skipped. The
    /// lesson's port is left out: Debian's nginx has no `stream`.
    fn start(folder: &Path, one: SocketAddr, two: SocketAddr) -> Option<Self> {
        if !needs::program("nginx", "-v") {
            return None;
        }
        let port = student_port();
        let here = folder.display();
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/many-classes/nginx.conf");
        let shipped = std::fs::read_to_string(shipped).unwrap();
        let mut pages = shipped[shipped.find("http {").unwrap()..].to_owned();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {here}/{kind};"))
            .concat();
        for (before, after) in [
            ("http {", format!("http {{ {temporary}")),
            ("listen 8080;", format!("listen 127.0.0.1:{port};")),
            ("server one:8080", format!("server {one}")),
            ("server two:8080", format!("server {two}")),
        ] {
            assert!(pages.contains(before), "{before}");
            pages = pages.replacen(before, &after, 1);
        }
        let all = format!(
            "daemon off; master_process off; pid {here}/pid; error_log {here}/errors;\n\
             events {{}}\n{pages}"
        );
        std::fs::write(folder.join("nginx.conf"), all).unwrap();
        let mut nginx = Command::new("nginx");
        nginx.arg("-p").arg(folder).args(["-e", "errors", "-c", "nginx.conf"]);
        let nginx = nginx.stderr(Stdio::null()).spawn().unwrap();
        let balancer = Balancer { nginx, address: ([127, 0, 0, 1], port).into() };
        wait_until("nginx listens", || TcpStream::connect(balancer.address).is_ok());
        Some(balancer)
    }

    async fn page(&self, code: &str) -> WebSocketClient {
        let path = format!("r/{code}/ws?page=key00000000000000000001");
        let mut page = WebSocketClient::connect_to(self.address, &path, &[]).await.unwrap();
        page.expect("Welcome!").await;
        page
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.nginx.kill();
        let _ = self.nginx.wait();
    }
}

#[tokio::test]
async fn behind_the_balancer_a_class_is_on_one_server_and_on_the_other_when_that_stops() {
    let Some(postgres) = Postgres::shared() else { return };
    let here = OneRoom::on(postgres).await;
    let mut servers = Vec::new();
    for _ in 0..2 {
        let rooms = Rooms::connect(&here.url).await.unwrap();
        let trusts = |config: &mut tcp_classroom::Config| {
            config.proxies = vec![[127, 0, 0, 1].into()];
        };
        servers.push(TestServer::with_rooms_and(rooms, trusts).await);
    }
    let folder = tempfile::tempdir().unwrap();
    let started = Balancer::start(folder.path(), servers[0].http, servers[1].http);
    let Some(balancer) = started else { return };

    let code = &here.room.code;
    let mut pages = Vec::new();
    for _ in 0..4 {
        pages.push(balancer.page(code).await);
    }
    pages[0].send("add;a;1").await;
    pages[0].expect("a added!").await;
    let mut counts = Vec::new();
    for server in &servers {
        let metrics = get(server.http, "/metrics", "").await.text();
        counts.push(metrics.contains(r#"tcp_classroom_connections{kind="page"} 4"#));
    }
    assert_eq!(counts.iter().filter(|has_all| **has_all).count(), 1, "all are on one server");
    let with = counts.iter().position(|has_all| *has_all).unwrap();

    // A student's page from another computer is known by that one's address, and the
    // teacher finds it on the other server, too.
    let mut other = Teacher::with_token(&servers[with], "").from([127, 0, 0, 5]);
    other.address(balancer.address);
    let report = format!("/r/{code}{}?key=key00000000000000000002", api::STUDENT);
    assert_eq!(other.request("POST", &report, r#"{"name":"Ann","steps":3}"#).await.status, 204);
    let folder = format!("/r/{code}");
    let token = here.room.token.as_str();
    let mut roster = Roster::open_in(&servers[1 - with], &folder, token).await;
    let ann = roster.find("Ann", |row| row.name == "Ann").await;
    assert_eq!(ann.address, "127.0.0.5");

    let stopping = servers.remove(with);
    stopping.stop().await;
    pages[0].expect_close().await;
    let mut page = balancer.page(code).await;
    page.send("find;a").await;
    page.expect("1").await;
}
