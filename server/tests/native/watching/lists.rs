//! What a page asks for: the contacts in order, and where the server is.

use super::{adds, both_kinds, encoded, entry, make, page, read};
use crate::classroom::{TcpClient, TestServer, get};
use api::{Classroom, Page};
use tcp_classroom::Book;

#[tokio::test]
async fn pages_hold_all_contacts_in_order_each_once() {
    for (server, _folder) in both_kinds().await {
        assert_eq!(
            page(&server, "").await,
            Page { seq: 0, count: 0, contacts: vec![], next: None }
        );
        let mut names: Vec<String> = (0..1200).map(|number| format!("n{number}")).collect();
        names.extend(["张三", "a", "~", "O'Neil & Söhne+%=?#", "\"\\", "𝄞"].map(ToOwned::to_owned));
        make(&server, &adds(names.iter().cloned())).await;
        names.sort();

        let first = page(&server, "").await;
        assert_eq!((first.count, first.contacts.len()), (1206, 500));
        for limit in [1, 7, 603, 1000] {
            let mut listed = Vec::new();
            let mut after = Some(names[0].clone());
            while let Some(name) = after {
                let page = page(&server, &format!("?limit={limit}&after={}", encoded(&name))).await;
                assert!(page.contacts.len() <= limit);
                listed.extend(page.contacts.into_iter().map(|entry| entry.name));
                // A few of the smallest pages are enough.
                after = page.next.filter(|_| listed.len() < 1200.min(limit * 100));
            }
            assert_eq!(listed, names[1..=listed.len()], "{limit}");
            assert!(listed.len() == 1205 || limit < 603);
        }
        // The last page does not promise another one.
        let last = page(&server, &format!("?limit=1&after={}", encoded(&names[1204]))).await;
        assert_eq!((last.contacts[0].name.as_str(), last.next), ("𝄞", None));
        // A name need not be there to be a place.
        let behind = page(&server, "?limit=1&after=n1199x").await;
        assert_eq!(behind.contacts[0].name, "n12");
    }
}

#[tokio::test]
async fn a_book_that_changes_while_it_is_read_still_lists_who_stays_exactly_once() {
    for (server, _folder) in both_kinds().await {
        make(&server, &adds((0..2000).map(|number| format!("{number:04} stays")))).await;
        let changing = async {
            for round in 0..10 {
                let come = (0..500).map(|number| format!("add;{:04} comes;{round}\n", number * 4));
                let go = (0..500).map(|number| format!("remove;{:04} comes\n", number * 4));
                make(&server, &come.chain(go).collect::<Vec<_>>()).await;
            }
        };
        let reading = async {
            for _ in 0..5 {
                let (mut listed, mut seq) = (Vec::new(), 0);
                let mut after = Some(String::new());
                while let Some(name) = after {
                    let page = page(&server, &format!("?limit=100&after={}", encoded(&name))).await;
                    assert!(page.seq >= seq);
                    seq = page.seq;
                    listed.extend(page.contacts.into_iter().map(|entry| entry.name));
                    after = page.next;
                }
                assert!(listed.is_sorted_by(|one, next| one < next));
                listed.retain(|name| name.ends_with("stays"));
                assert!(
                    listed.into_iter().eq((0..2000).map(|number| format!("{number:04} stays")))
                );
            }
        };
        tokio::join!(changing, reading);
    }
}

#[tokio::test]
async fn a_question_that_makes_no_sense_gets_a_clear_answer() {
    let server = TestServer::start().await;
    for query in [
        "?limit=0",
        "?limit=1001",
        "?limit=-1",
        "?limit=",
        "?limit=many",
        "?limit=1.5",
        "?limit=99999999999999999999999",
        "?limt=5",
        "?limit=5&limit=6",
        "?after=a&after=b",
        "?afterwards",
    ] {
        let response = get(server.http, &format!("/api/contacts{query}"), "").await;
        assert_eq!(response.status, 400, "{query}");
        assert_eq!(response.header("cache-control"), Some("no-store"));
        let text = response.text();
        assert!(text.contains("Ask like this") && text.contains("可以这样写"), "{query}: {text}");
    }
    let post = format!("POST /api/contacts HTTP/1.1\r\nHost: {}\r\nContent-Length: 0", server.http);
    assert_eq!(crate::classroom::http(server.http, &post).await.status, 405);
}

#[tokio::test]
async fn the_page_learns_where_raw_tcp_clients_connect() {
    let server = TestServer::start().await;
    let told: Classroom = read(&get(server.http, "/api/classroom", "").await);
    assert_eq!(told.tcp_host.as_deref(), Some("127.0.0.1"));
    assert_eq!(told.tcp_port, server.tcp.port());
    assert_eq!((told.echoes, told.number), (false, 1));
    let told: Classroom = read(&get(server.http, "/api/classroom", "").await);
    assert_eq!(told.number, 2, "each page has another one");

    let everywhere = TestServer::with(|config| {
        config.tcp.set_ip([0, 0, 0, 0].into());
        config.stage = protocol::Stage::Echo;
    })
    .await;
    let told: Classroom = read(&get(everywhere.http, "/api/classroom", "").await);
    assert_eq!(told.tcp_port, everywhere.tcp.port());
    assert!(told.echoes);
}

/// What a server on all addresses, which its teacher calls `classroom.test`, tells where
/// it is asked with these headers.
async fn told_everywhere(headers: &str) -> (Option<String>, Option<String>, String, String) {
    let server = TestServer::with(|config| {
        config.tcp.set_ip([0, 0, 0, 0].into());
        config.http.set_ip([0, 0, 0, 0].into());
        config.advertise = Some("classroom.test".to_owned());
    })
    .await;
    let (tcp, http) = (server.tcp.port(), server.http.port());
    let get = async |path: &str| {
        let headers = headers.replace("PORT", &http.to_string());
        let request = format!("GET {path} HTTP/1.1\r\n{headers}");
        crate::classroom::http(([127, 0, 0, 1], http).into(), &request).await
    };
    let told: Classroom = read(&get("/api/classroom").await);
    // The lines of the programs that say where the class is.
    let line = |program: &str, has: &str| {
        let found = program.lines().find(|line| line.contains(has)).unwrap().to_owned();
        found.replace(&tcp.to_string(), "TCP").replace(&http.to_string(), "PORT")
    };
    let client = line(&get("/client.py").await.text(), "\"CLASSROOM\"");
    let check = line(&get("/check.py").await.text(), "CLASSROOM = ");
    let page = told.page.map(|page| page.replace(&http.to_string(), "PORT"));
    (told.tcp_host, page, client, check)
}

#[tokio::test]
async fn what_the_teacher_shows_from_this_computer_has_the_address_that_students_use() {
    for asked in ["Host: 127.0.0.1:PORT", "Host: localhost:PORT", "Host: [::1]:PORT"] {
        let (host, page, client, check) = told_everywhere(asked).await;
        assert_eq!(host.as_deref(), Some("classroom.test"), "{asked}");
        assert_eq!(page.as_deref(), Some("http://classroom.test:PORT/"), "{asked}");
        assert!(client.contains("\"classroom.test:TCP\""), "{asked}: {client}");
        assert!(check.contains("'http://classroom.test:PORT/'"), "{asked}: {check}");
    }
}

#[tokio::test]
async fn a_page_opened_by_another_address_or_through_a_proxy_or_tunnel_uses_that_one() {
    for asked in [
        "Host: 127.0.0.1:PORT\r\nX-Forwarded-For: 192.168.1.7",
        "Host: 192.168.1.5:PORT",
        "Host: 127.0.0.1:90",
    ] {
        let (host, page, client, check) = told_everywhere(asked).await;
        assert_eq!(page, None, "{asked}");
        let name = if asked.contains("192.168.1.5") { "192.168.1.5" } else { "127.0.0.1" };
        assert_eq!(host, None, "{asked}");
        assert!(client.contains(&format!("\"{name}:TCP\"")), "{asked}: {client}");
        assert!(check.contains(&format!("'http://{name}:")), "{asked}: {check}");
    }
}

#[tokio::test]
async fn after_a_restart_no_page_gets_a_number_whose_contacts_are_another_s() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Book::open(&folder.path().join("contacts.db"), 1_000_000).unwrap();
    let number = async |server: &TestServer| {
        read::<Classroom>(&get(server.http, "/api/classroom", "").await).number
    };
    let server = TestServer::with_book(open(), |_| {}).await;
    assert_eq!([number(&server).await, number(&server).await], [1, 2]);
    let stored = ["zhangsan", "zhangsan2", "lisi3", "张三5", "zhangsan06", "zhangsan7x"];
    make(&server, &adds(stored.map(ToOwned::to_owned).into_iter())).await;
    assert_eq!(number(&server).await, 4, "a page that kept its number has stored lisi3");
    server.stop().await;

    let server = TestServer::with_book(open(), |_| {}).await;
    // The first page of a class has the lesson's own names, whatever the book holds.
    let mut given = Vec::new();
    for _ in 0..4 {
        given.push(number(&server).await);
    }
    assert_eq!(given, [1, 4, 6, 7]);
}

#[tokio::test]
async fn a_page_brings_its_number_to_a_server_that_was_restarted() {
    let page = async |server: &TestServer, key: &str, brought: u64| {
        let path = format!("/api/classroom?page={key}0123456789abcdef&number={brought}");
        read::<Classroom>(&get(server.http, &path, "").await).number
    };
    let server = TestServer::start().await;
    assert_eq!([page(&server, "a", 0).await, page(&server, "b", 0).await], [1, 2]);
    server.stop().await;
    // Nothing of them stands in the book.
    let server = TestServer::start().await;
    assert_eq!(page(&server, "b", 2).await, 2);
    assert_eq!([page(&server, "new", 0).await, page(&server, "newer", 0).await], [1, 3]);
    // The one that comes too late gives way; what another page has is not taken from it.
    assert_eq!(page(&server, "a", 1).await, 4);
    assert_eq!([page(&server, "new", 1).await, page(&server, "a", 4).await], [1, 4]);
    for claim in ["?page=short&number=1", "?number=1", "?page=&number=x"] {
        let path = format!("/api/classroom{claim}");
        let told = read::<Classroom>(&get(server.http, &path, "").await).number;
        assert!(told > 4, "{claim}: {told}");
    }
}

#[tokio::test]
async fn other_hosts_and_origins_read_nothing() {
    let server = TestServer::start().await;
    for path in ["/api/events", "/api/contacts", "/api/classroom"] {
        let rebound = format!("GET {path} HTTP/1.1\r\nHost: rebound.test");
        assert_eq!(crate::classroom::http(server.http, &rebound).await.status, 403, "{path}");
        for origin in ["http://evil.test", "null"] {
            let response = get(server.http, path, &format!("\r\nOrigin: {origin}")).await;
            assert_eq!(response.status, 403, "{path}");
            assert!(response.text().contains("通讯录"), "{path}");
        }
    }
    let own = format!("\r\nOrigin: http://{}", server.http);
    let response = get(server.http, "/api/contacts", &own).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("cross-origin-resource-policy"), Some("same-origin"));
}

#[tokio::test]
async fn lists_that_hundreds_ask_for_again_and_again_leave_everybody_served() {
    let server = TestServer::with_book(Book::in_memory(1_000_000), |_| {}).await;
    make(&server, &adds((0..20_000).map(|number| format!("{number:05}")))).await;
    let request = format!("GET /api/contacts?limit=1000 HTTP/1.1\r\nHost: {}\r\n\r\n", server.http);
    let mut clients = Vec::new();
    for _ in 0..550 {
        let mut client = TcpClient::connect(server.http).await;
        client.send(request.as_bytes()).await;
        clients.push(client);
    }
    // Behind all of them.
    let listed = page(&server, "?limit=1&after=19998").await;
    assert_eq!(listed.contacts, [entry("19999", Some("1"))]);
    server.serves_others().await;
}
