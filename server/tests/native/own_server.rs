//! A student's own server, connected to the class by `check.py`.

use std::process::Command;

use serde_json::json;

use crate::classroom::homework::{
    FakeCheck, HomeworkPage, KEY, RealCheck, refused_relay, right_server,
};
use crate::classroom::port::student_port;
use crate::classroom::{TestServer, WebSocketClient, get, must, needs};

fn python_is_here() -> bool {
    needs::program("python3", "--version")
}

/// A page's WebSocket to the student's own server.
async fn by_hand(server: &TestServer, key: &str) -> WebSocketClient {
    WebSocketClient::connect_to(server.http, &format!("ws?server={key}"), &[]).await.unwrap()
}

#[tokio::test]
async fn a_right_server_passes_and_a_wrong_one_is_explained_after_each_save() {
    if !python_is_here() {
        return;
    }
    let server = TestServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let right = right_server(student_port());
    let file = folder.path().join("server.py");
    std::fs::write(&file, right.replace("'%s added!'", "'%s saved'")).unwrap();
    let mut page = HomeworkPage::open(server.http, KEY).await;
    let code = page.last.code.clone();
    let mut check = RealCheck::start(server.http, folder.path(), "server.py", &code).await;
    page.result().await;
    assert!(!page.last.passed, "{:?}", page.last);
    assert_eq!(page.state("add"), "failed");
    assert!(!page.text("add").is_empty());
    let details = page.details("add").await;
    let wrong = details.iter().flat_map(|row| &row.bytes).find(|character| character.wrong);
    assert_eq!(wrong.map(|character| &*character.shown), Some("s"), "{details:?}");

    std::fs::write(&file, &right).unwrap();
    page.until(|homework| homework.running).await;
    page.result().await;
    assert!(page.last.passed, "{:?}", page.last);
    check.until_said("Passed").await;

    // Whatever was started is ended, and nothing keeps the port.
    check.end().await;
    page.until(|homework| !homework.relay).await;
    assert!(page.last.passed, "once passed is passed");
    let again = Command::new("python3")
        .args(["-c", &right.replace("while True:\n    client, _", "while False:\n    client, _")])
        .output()
        .unwrap();
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
}

#[tokio::test]
async fn between_runs_the_page_talks_to_the_student_s_own_server() {
    if !python_is_here() {
        return;
    }
    let server = TestServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("server.py"), right_server(student_port())).unwrap();
    let mut page = HomeworkPage::open(server.http, KEY).await;
    let code = page.last.code.clone();
    let _check = RealCheck::start(server.http, folder.path(), "server.py", &code).await;
    assert!(page.result().await.passed, "{:?}", page.last);
    // Twice: the first connection, which the server ends first, leaves nothing behind.
    for _ in 0..2 {
        let mut client = by_hand(&server, KEY).await;
        client.expect("Welcome!").await;
        for (command, answer) in [
            ("add;张三;13800138000", "张三 added!"),
            ("find;张三", "13800138000"),
            ("remove;张三", "张三 removed!"),
            ("find;张三", "Not Found!"),
        ] {
            client.send(command).await;
            client.expect(answer).await;
        }
        client.send("exit").await;
        assert_eq!(client.expect_close().await, 1000);
    }
}

#[tokio::test]
async fn a_page_that_speaks_while_the_checked_server_still_ends_has_it_started_anew() {
    let server = TestServer::start().await;
    let mut page = HomeworkPage::open(server.http, KEY).await;
    let mut check = FakeCheck::connect(server.http, &page.last.code).await;
    let hello = json!({"event": "hello", "file": "server.py", "port": null, "source": "x = 1"});
    check.tell(hello).await;
    let probed = check.asked_to("connect").await;
    check.tell(json!({"event": "refused", "conn": probed["conn"]})).await;
    check.asked_to("start").await;
    check.tell(json!({"event": "started"})).await;
    let asked = check.asked_to("connect").await;
    check.tell(json!({"event": "connected", "conn": asked["conn"]})).await;
    let foreign = json!({"event": "received", "conn": asked["conn"], "bytes": "SSH-2.0-x\r\n"});
    check.tell(foreign).await;
    check.asked_to("stop").await;
    page.result().await;

    let mut client = by_hand(&server, KEY).await;
    let asked = check.asked_to("connect").await;
    check.tell(json!({"event": "refused", "conn": asked["conn"]})).await;
    check.tell(json!({"event": "exited", "code": -9})).await;
    check.asked_to("start").await;
    check.tell(json!({"event": "started"})).await;
    let asked = check.asked_to("connect").await;
    let conn = &asked["conn"];
    check.tell(json!({"event": "connected", "conn": conn})).await;
    check.tell(json!({"event": "received", "conn": conn, "bytes": "Welcome!"})).await;
    client.expect("Welcome!").await;
}

#[tokio::test]
async fn each_message_by_hand_is_one_send_and_each_recv_is_one_message() {
    let server = TestServer::start().await;
    let page = HomeworkPage::open(server.http, KEY).await;
    let mut check = FakeCheck::connect(server.http, &page.last.code).await;
    // Without a hello there is no run.
    let mut client = by_hand(&server, KEY).await;
    let asked = check.asked_to("connect").await;
    assert_eq!(asked["port"], 9999);
    let conn = &asked["conn"];
    check.tell(json!({"event": "connected", "conn": conn})).await;
    client.send("find;张三\nfind;a\n").await;
    let asked = check.asked_to("send").await;
    let latin1: String = "find;张三\nfind;a\n".bytes().map(char::from).collect();
    assert_eq!(asked["bytes"], latin1);
    for chunk in ["Wel", "come!", "1"] {
        check.tell(json!({"event": "received", "conn": conn, "bytes": chunk})).await;
    }
    for chunk in ["Wel", "come!", "1"] {
        client.expect(chunk).await;
    }
    drop(client);
    assert_eq!(check.asked_to("abort").await["conn"], *conn);
}

#[tokio::test]
async fn what_is_said_before_the_server_listens_is_kept_or_the_page_is_told_that_it_is_not() {
    let server = TestServer::start().await;
    let page = HomeworkPage::open(server.http, KEY).await;
    let mut check = FakeCheck::connect(server.http, &page.last.code).await;
    let mut client = by_hand(&server, KEY).await;
    let asked = check.asked_to("connect").await;
    let messages: Vec<_> = (0..20).map(|number| format!("find;{number}")).collect();
    for message in &messages {
        client.send(message).await;
    }
    let mut hasty = by_hand(&server, KEY).await;
    check.asked_to("connect").await;
    hasty.send(&"x".repeat(60_000)).await;
    hasty.send(&"x".repeat(6_000)).await;
    assert_eq!(hasty.expect_close().await, api::CLOSED_NO_SERVER);
    check.tell(json!({"event": "connected", "conn": asked["conn"]})).await;
    for message in &messages {
        assert_eq!(check.asked_to("send").await["bytes"], **message);
    }
}

#[tokio::test]
async fn without_a_check_py_or_with_a_foreign_key_there_is_no_conversation() {
    let server = TestServer::start().await;
    let _page = HomeworkPage::open(server.http, KEY).await;
    for key in [KEY, "unknownunknown1234"] {
        let mut client = by_hand(&server, key).await;
        assert_eq!(client.expect_close().await, api::CLOSED_NO_SERVER, "{key}");
    }
    let other = WebSocketClient::connect_to(server.http, "ws?server=short", &[]).await;
    assert!(other.is_err());
    for key in ["", "short", "with%20space%20in%20it", &"k".repeat(65)] {
        let answer = get(server.http, &format!("{}?key={key}", api::HOMEWORK), "").await;
        assert_eq!(answer.status, 400, "{key}");
    }
    let answer = get(server.http, "/api/homework/check?key=unknownunknown1234&check=add", "").await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn only_a_right_code_gets_a_relay_and_no_page_of_another_origin_does() {
    let server = TestServer::start().await;
    let page = HomeworkPage::open(server.http, KEY).await;
    let answer = refused_relay(server.http, "AAAAAA", "").await;
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("no such code"), "{answer:?}");
    let foreign = "\r\nOrigin: http://evil.example";
    assert_eq!(refused_relay(server.http, &page.last.code, foreign).await.status, 403);
    let path = format!("{}?code={}", api::HOMEWORK_RELAY, page.last.code);
    assert_eq!(get(server.http, &path, "").await.status, 400, "no Upgrade");
    for _ in 0..29 {
        assert_eq!(refused_relay(server.http, "AAAAAA", "").await.status, 404);
    }
    assert_eq!(refused_relay(server.http, &page.last.code, "").await.status, 429);
}

#[tokio::test]
async fn a_second_check_py_replaces_the_first() {
    let server = TestServer::start().await;
    let mut page = HomeworkPage::open(server.http, KEY).await;
    let mut first = FakeCheck::connect(server.http, &page.last.code).await;
    page.until(|homework| homework.relay).await;
    let mut second = FakeCheck::with_port(server.http, &page.last.code, 9).await;
    assert!(first.asked_to("bye").await["text"].as_str().unwrap().contains("Another check.py"));
    first.stream.expect_end().await;
    let asked = second.asked_to("connect").await;
    assert_eq!(asked["port"], 9);
    page.until(|homework| homework.running && homework.relay).await;
}

#[tokio::test]
async fn the_page_has_the_checks_of_a_running_server_begin_anew() {
    let server = TestServer::start().await;
    let mut page = HomeworkPage::open(server.http, KEY).await;
    assert_eq!(page.run_again().await, 409, "there is no check.py");
    let mut check = FakeCheck::with_port(server.http, &page.last.code, 9).await;
    for _ in 0..2 {
        let asked = check.asked_to("connect").await;
        // While the checks run they are not begun anew.
        assert_eq!(page.run_again().await, 204);
        check.tell(json!({"event": "refused", "conn": asked["conn"]})).await;
        let said = check.asked_to("say").await;
        assert!(said["text"].as_str().unwrap().starts_with("[x]"), "{said}");
        page.until(|homework| !homework.running && homework.checks[0].state == "failed").await;
        // There is no file to save.
        while !check.asked_to("say").await["text"].as_str().unwrap().contains("Check again") {}
        assert_eq!(page.run_again().await, 204);
    }
    let mut foreign = HomeworkPage::open(server.http, "another0student1234567").await;
    assert_eq!(foreign.run_again().await, 409, "only its own");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_told_by_the_classroom() {
    if !python_is_here() {
        return;
    }
    let server = TestServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let page = HomeworkPage::open(server.http, KEY).await;
    let code = page.last.code.clone();
    let mut check = RealCheck::start(server.http, folder.path(), "no_such_file.py", &code).await;
    check.until_said("The file cannot be read").await;
    assert_eq!(check.ended().await.code(), Some(1));
}

#[tokio::test]
async fn a_server_that_stops_answers_every_page_and_relay_with_an_end() {
    let server = TestServer::start().await;
    let page = HomeworkPage::open(server.http, KEY).await;
    let mut check = FakeCheck::connect(server.http, &page.last.code).await;
    let mut client = by_hand(&server, KEY).await;
    check.asked_to("connect").await;
    server.begin_stop();
    assert_eq!(client.expect_close().await, 1001);
    check.stream.rest().await;
    server.stop().await;
}

/// Plays a relay that does harm; another student's and the lesson go on.
async fn harmless(harm: impl AsyncFnOnce(FakeCheck)) {
    let server = TestServer::start().await;
    let page = HomeworkPage::open(server.http, KEY).await;
    let mut other = HomeworkPage::open(server.http, "another0student1234567").await;
    harm(FakeCheck::with_port(server.http, &page.last.code, 9999).await).await;
    server.serves_others().await;
    let mut check = FakeCheck::with_port(server.http, &other.last.code, 7).await;
    let asked = check.asked_to("connect").await;
    check.tell(json!({"event": "refused", "conn": asked["conn"]})).await;
    other.result().await;
    assert_eq!(other.state("connect"), "failed");
    let states = page.last.checks.iter().map(|check| &*check.state);
    assert!(states.into_iter().all(|state| state == "waiting"), "its own row only");
}

#[tokio::test]
async fn garbage_ends_its_own_relay_alone() {
    for garbage in [
        &b"\x16\x03\x01garbage\n"[..],
        b"{}\n",
        b"{\"event\":\"closed\"}\n",
        b"{\"event\":\"received\",\"conn\":-1,\"bytes\":\"\"}\n",
        &[0xff; 4096],
        b"\n",
    ] {
        harmless(async |mut check| {
            check.stream.send(garbage).await;
            check.stream.send(b"\n").await;
            assert!(check.asked_to("bye").await["text"].as_str().unwrap().contains("cannot read"));
        })
        .await;
    }
}

#[tokio::test]
async fn an_endless_line_is_cut_off() {
    harmless(async |mut check| {
        let megabyte = vec![b'x'; 1024 * 1024];
        // It may be cut off before all is sent.
        let sent = tokio::io::AsyncWriteExt::write_all(&mut check.stream.stream, &megabyte);
        let _ = must("it is taken or refused", sent).await;
        assert!(check.asked_to("bye").await["text"].as_str().unwrap().contains("cannot read"));
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_invented_connections_are_ignored() {
    harmless(async |mut check| {
        for conn in 100..10_100 {
            check.tell(json!({"event": "connected", "conn": conn})).await;
            check.tell(json!({"event": "received", "conn": conn, "bytes": "Welcome!"})).await;
        }
        check.tell(json!({"event": "hello", "file": "x.py", "port": null, "source": ""})).await;
        check.tell(json!({"event": "exited", "code": 4_294_967_295_u32})).await;
    })
    .await;
}

#[tokio::test]
async fn a_relay_that_never_answers_and_never_reads_is_alone_with_it() {
    harmless(async |_check| {}).await;
}

#[tokio::test]
async fn a_silent_relay_is_given_up_and_a_living_one_is_kept() {
    let soon = std::time::Duration::from_millis(300);
    let server = TestServer::with(|config| {
        (config.limits.ping_every, config.limits.dead_after) = (soon, 3 * soon);
    })
    .await;
    let mut page = HomeworkPage::open(server.http, KEY).await;
    let mut check = FakeCheck::connect(server.http, &page.last.code).await;
    page.until(|homework| homework.relay).await;
    for _ in 0..5 {
        check.asked_to("ping").await;
        check.tell(json!({"event": "pong"})).await;
    }
    assert!(page.last.relay);
    page.until(|homework| !homework.relay).await;
}

#[tokio::test]
async fn the_script_has_the_address_it_was_asked_for_and_runs_nowhere_else() {
    let server = TestServer::start().await;
    let address = |page: &str| format!("CLASSROOM = '{page}'");
    let script = get(server.http, "/check.py?code=K7M2QX", "").await;
    assert_eq!(script.header("content-type"), Some("text/x-python; charset=utf-8"));
    assert!(script.text().contains(&address(&format!("http://{}/", server.http))));
    assert!(script.text().contains("CODE = 'K7M2QX'"));
    let page = format!("/check.py?code=a'b&page=http://{}/class/", server.http);
    let script = get(server.http, &page, "").await.text();
    assert!(script.contains(&address(&format!("http://{}/class/", server.http))), "{script}");
    assert!(script.contains("CODE = 'ab'"));
}

#[tokio::test]
async fn the_script_has_nothing_that_python_3_6_cannot_read() {
    if !python_is_here() {
        return;
    }
    let server = TestServer::start().await;
    let script = get(server.http, "/check.py?code=K7M2QX", "").await.text();
    assert!((100..150).contains(&script.lines().count()), "{} lines", script.lines().count());
    let read = |text: &str| {
        let code = "import ast, sys; ast.parse(sys.argv[1], feature_version=(3, 6))";
        Command::new("python3").args(["-c", code, text]).output().unwrap()
    };
    assert!(!read("(newer := 1)").status.success(), "it tells what is newer");
    let output = read(&script);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_hostile_server_of_a_student_floods_its_own_relay_only() {
    if !python_is_here() {
        return;
    }
    let server = TestServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let port = student_port();
    std::fs::write(
        folder.path().join("server.py"),
        format!(
            "import socket\ns = socket.socket()\ns.bind(('127.0.0.1', {port}))\ns.listen(5)\n\
             while True:\n    c, _ = s.accept()\n    try:\n        while True:\n            \
             c.send(b'x' * 65536)\n            print('y' * 65536)\n    except OSError:\n        \
             pass\n"
        ),
    )
    .unwrap();
    let mut page = HomeworkPage::open(server.http, KEY).await;
    let code = page.last.code.clone();
    let mut check = RealCheck::start(server.http, folder.path(), "server.py", &code).await;
    server.serves_others().await;
    // It is told why, and no time is spent on the rest.
    page.result().await;
    let is_told = |check: &&api::HomeworkCheck| {
        check.text.as_ref().is_some_and(|text| text.contains("sends and sends"))
    };
    // With the first bytes, or where an answer should be.
    assert!(page.last.checks.iter().take(3).any(|check| is_told(&check)), "{:?}", page.last);
    assert_eq!((page.state("connect"), page.state("add")), ("passed", "skipped"));
    check.end().await;
    page.until(|homework| !homework.relay).await;
    assert!(!page.last.passed);
    server.serves_others().await;
}

#[tokio::test]
async fn the_student_s_own_client_is_seen_by_its_address_or_by_the_name_it_uses() {
    let server = TestServer::start().await;
    let talk = async |lines: &[&str]| {
        let mut client = server.tcp().await;
        for line in lines {
            client.send(line.as_bytes()).await;
            let mut reply = [0; 64];
            let read = tokio::io::AsyncReadExt::read(&mut client.stream, &mut reply);
            assert!(must("a reply", read).await.unwrap() > 0);
        }
    };
    talk(&["add;linxiaoyu;1"]).await;
    let mut page = HomeworkPage::open_as(server.http, KEY, "linxiaoyu").await;
    assert_eq!(page.state("my-client"), "waiting", "what was before does not count");
    // The only page from this address.
    talk(&["add;zhangsan;1", "find;nobody"]).await;
    page.until(|homework| homework.checks.last().unwrap().state == "running").await;
    talk(&["message1", "find;zhangsan"]).await;
    page.until(|homework| homework.checks.last().unwrap().text.is_some()).await;
    assert_eq!(page.text("my-client"), "Not seen yet: remove.");
    let other = HomeworkPage::open_as(server.http, "another0student1234567", "").await;
    talk(&["remove;zhangsan"]).await;
    talk(&["remove;linxiaoyu"]).await;
    page.until(|homework| homework.checks.last().unwrap().state == "passed").await;
    assert_eq!(other.state("my-client"), "waiting");
    let rows = page.details("my-client").await;
    let text = |row: &api::CheckedBytes| -> String {
        row.bytes.iter().map(|character| &*character.shown).collect()
    };
    let rows: Vec<_> = rows.iter().map(|row| (&*row.class, text(row))).collect();
    assert_eq!(
        rows[4..],
        [("sent", "remove;linxiaoyu".to_owned()), ("recv", "linxiaoyu\u{b7}removed!".to_owned()),]
    );
}

#[tokio::test]
async fn after_a_restart_of_the_classroom_check_py_finds_its_page_again() {
    if !python_is_here() {
        return;
    }
    let server = TestServer::start().await;
    let (tcp, http) = (server.tcp, server.http);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("server.py"), right_server(student_port())).unwrap();
    let mut page = HomeworkPage::open(http, KEY).await;
    let code = page.last.code.clone();
    let mut check = RealCheck::start(http, folder.path(), "server.py", &code).await;
    page.until(|homework| homework.running).await;
    server.stop().await;
    check.until_said("classroom is gone").await;
    let server = TestServer::with(|config| (config.tcp, config.http) = (tcp, http)).await;
    let mut page = HomeworkPage::open(http, KEY).await;
    assert_eq!(page.last.code, code);
    page.result().await;
    assert!(page.last.passed, "{:?}", page.last);
    drop(server);
}
