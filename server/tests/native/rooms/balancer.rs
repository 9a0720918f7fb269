//! Two servers behind nginx, set up as `deploy/many-classes/nginx.conf` says.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{OneRoom, say};
use crate::classroom::person::Roster;
use crate::classroom::port::student_port;
use crate::classroom::postgres::Postgres;
use crate::classroom::teacher::Teacher;
use crate::classroom::{TcpClient, TestServer, WebSocketClient, get, needs, wait_until};
use tcp_classroom::Rooms;

/// Where Debian's nginx has its `stream`, in a package of its own.
const STREAM: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";

/// nginx in front of two servers.
struct Balancer {
    nginx: Child,
    /// For raw TCP, and for the pages.
    tcp: SocketAddr,
    http: SocketAddr,
}

impl Balancer {
    /// Starts it with its files in a folder, or nothing where the test is skipped.
    fn start(folder: &Path, servers: &[TestServer]) -> Option<Self> {
        let [one, two] = servers else { panic!("there are two") };
        if !needs::program("nginx", "-v") {
            return None;
        }
        let module = match Path::new(STREAM).exists() {
            true => format!("load_module {STREAM};"),
            // Elsewhere it is in the program.
            false if needs::tool(has_stream(), "nginx has no `stream`") => String::new(),
            false => return None,
        };
        let (tcp, http) = (student_port(), student_port());
        let here = folder.display();
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/many-classes/nginx.conf");
        let mut all = std::fs::read_to_string(shipped).unwrap();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {here}/{kind};"))
            .concat();
        let main = format!(
            "{module} daemon off; master_process off; pid {here}/pid; error_log {here}/errors;"
        );
        for (before, after) in [
            ("worker_processes auto;", main),
            ("http {", format!("http {{ {temporary}")),
            ("listen 9999;", format!("listen 127.0.0.1:{tcp};")),
            ("server one:9999", format!("server {}", one.tcp)),
            ("server two:9999", format!("server {}", two.tcp)),
            ("listen 8080;", format!("listen 127.0.0.1:{http};")),
            ("server one:8080", format!("server {}", one.http)),
            ("server two:8080", format!("server {}", two.http)),
        ] {
            assert_eq!(all.matches(before).count(), 1, "{before}");
            all = all.replacen(before, &after, 1);
        }
        std::fs::write(folder.join("nginx.conf"), all).unwrap();
        let mut nginx = Command::new("nginx");
        nginx.arg("-p").arg(folder).args(["-e", "errors", "-c", "nginx.conf"]);
        let nginx = nginx.stderr(Stdio::null()).spawn().unwrap();
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let balancer = Balancer { nginx, tcp: at(tcp), http: at(http) };
        wait_until("nginx listens", || TcpStream::connect(balancer.http).is_ok());
        Some(balancer)
    }

    async fn page(&self, code: &str) -> WebSocketClient {
        let path = format!("r/{code}/ws?page=key00000000000000000001");
        let mut page = WebSocketClient::connect_to(self.http, &path, &[]).await.unwrap();
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

/// Whether nginx was compiled with `stream` in it, as it says on stderr.
fn has_stream() -> bool {
    let told = Command::new("nginx").arg("-V").output();
    told.is_ok_and(|told| String::from_utf8_lossy(&told.stderr).contains("--with-stream "))
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
            config.proxy_protocol = true;
        };
        servers.push(TestServer::with_rooms_and(rooms, trusts).await);
    }
    let folder = tempfile::tempdir().unwrap();
    let started = Balancer::start(folder.path(), &servers);
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
    other.address(balancer.http);
    let report = format!("/r/{code}{}?key=key00000000000000000002", api::STUDENT);
    assert_eq!(other.request("POST", &report, r#"{"name":"Ann","steps":3}"#).await.status, 204);
    let folder = format!("/r/{code}");
    let token = here.room.token.as_str();
    let mut roster = Roster::open_in(&servers[1 - with], &folder, token).await;
    let ann = roster.find("Ann", |row| row.name == "Ann").await;
    assert_eq!(ann.address, "127.0.0.5");
    // On raw TCP, too, whichever server it comes to.
    let mut clients = Vec::new();
    for number in 6..10 {
        let mut client = TcpClient::connect_from([127, 0, 0, number], balancer.tcp).await;
        client.expect(b"Welcome!").await;
        assert_eq!(say(&mut client, &format!("join;{code}")).await, "Class 3b joined!");
        assert_eq!(say(&mut client, "find;a").await, "1");
        let address = format!("127.0.0.{number}");
        roster.find(&address, |row| row.raw && row.address == address).await;
        clients.push(client);
    }

    let stopping = servers.remove(with);
    stopping.stop().await;
    let mut client = TcpClient::connect(balancer.tcp).await;
    client.expect(b"Welcome!").await;
    assert_eq!(say(&mut client, &format!("join;{code}")).await, "Class 3b joined!");
    pages[0].expect_close().await;
    let mut page = balancer.page(code).await;
    page.send("find;a").await;
    page.expect("1").await;
}
