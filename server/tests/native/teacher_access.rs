//! Who may lead the class: the token, the cookie, and this computer itself.

use crate::classroom::teacher::Teacher;
use crate::classroom::{TestServer, get, http};

const PAUSE: &str = r#"{"action":"pause"}"#;

/// `POST` of an act with some headers, from this computer.
async fn posts(server: &TestServer, host: &str, headers: &str) -> u16 {
    let mut somebody = Teacher::of(server);
    (somebody.host, somebody.headers) = (host.to_owned(), headers.to_owned());
    somebody.request("POST", "/api/teacher/act", PAUSE).await.status
}

#[tokio::test]
async fn the_token_lets_the_teacher_in_from_anywhere_and_nothing_else_does() {
    let server = TestServer::start().await;
    let elsewhere = "classroom.test";
    assert_eq!(posts(&server, elsewhere, "").await, 401);
    let token = &server.token;
    let right = format!("\r\nAuthorization: Bearer {token}");
    assert_eq!(posts(&server, elsewhere, &right).await, 204);
    for wrong in [
        format!("Bearer {}x", token),
        format!("Bearer {}", &token[1..]),
        format!("Basic {token}"),
        token.clone(),
        "Bearer ".to_owned(),
    ] {
        let headers = format!("\r\nAuthorization: {wrong}");
        assert_eq!(posts(&server, elsewhere, &headers).await, 401, "{wrong}");
    }
    for path in ["/api/teacher", "/api/teacher/contacts.csv"] {
        let request = format!("GET {path}?token={token} HTTP/1.1\r\nHost: {elsewhere}");
        assert_eq!(http(server.http, &request).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn this_computer_leads_without_a_token_unless_something_has_passed_the_request_on() {
    let server = TestServer::start().await;
    let port = server.http.port();
    for host in [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("[::1]:{port}")]
    {
        assert_eq!(posts(&server, &host, "").await, 204, "{host}");
    }
    let here = format!("localhost:{port}");
    for passed_on in [
        "X-Forwarded-For: 192.168.1.7",
        "X-Forwarded-Proto: https",
        "X-Real-IP: 192.168.1.7",
        "Forwarded: for=192.168.1.7",
        "Via: 1.1 proxy",
    ] {
        assert_eq!(posts(&server, &here, &format!("\r\n{passed_on}")).await, 401, "{passed_on}");
    }
    // A wrong token is a wrong token, wherever it comes from.
    assert_eq!(posts(&server, &here, "\r\nAuthorization: Bearer x").await, 401);
}

#[tokio::test]
async fn a_page_of_another_origin_leads_nobody_s_class() {
    let server = TestServer::start().await;
    let here = server.http.to_string();
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1"] {
        assert_eq!(posts(&server, &here, &format!("\r\nOrigin: {origin}")).await, 403, "{origin}");
    }
    let own = format!("\r\nOrigin: http://{here}");
    assert_eq!(posts(&server, &here, &own).await, 204);
}

#[tokio::test]
async fn the_cookie_of_a_session_stands_for_the_token_and_pages_of_students_never_see_it() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    let session = teacher.request("POST", "/api/teacher/session", "").await;
    assert_eq!(session.status, 204);
    let cookie = session.header("set-cookie").unwrap().to_owned();
    assert!(cookie.ends_with("; HttpOnly; SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains(&server.token), "the token itself is in no cookie");
    let pair = cookie.split(';').next().unwrap();
    let from_a_phone = |cookie: &str| format!("\r\nCookie: other=1; {cookie}");
    assert_eq!(posts(&server, "classroom.test", &from_a_phone(pair)).await, 204);
    let cut = &pair[..pair.len() - 1];
    assert_eq!(posts(&server, "classroom.test", &from_a_phone(cut)).await, 401);
    for path in ["/board", "/", "/api/board-not", "/api/classroom", "/teacher"] {
        let answer = get(server.http, path, "").await;
        assert!(!String::from_utf8_lossy(&answer.body).contains(&server.token), "{path}");
    }
}

#[tokio::test]
async fn five_hundred_guesses_lock_out_their_own_address_and_nobody_else() {
    let server = TestServer::start().await;
    let guesser = Teacher::with_token(&server, "00000000000000000000000000000000");
    let teacher = Teacher::of(&server).from([127, 0, 0, 2]);
    let mut statuses = Vec::new();
    for number in 0..500 {
        statuses.push(guesser.tries(PAUSE).await.0);
        if number % 50 == 0 {
            teacher.acts(PAUSE).await;
        }
    }
    assert!(statuses[..10].iter().all(|status| *status == 401), "{:?}", &statuses[..12]);
    assert!(statuses[10..].iter().all(|status| *status == 429));
    // It is not told there whether a token is right.
    let late = Teacher::of(&server).request("POST", "/api/teacher/act", PAUSE).await;
    assert_eq!(late.status, 429);
    assert!(late.header("retry-after").unwrap().parse::<u64>().unwrap() <= 60);
    teacher.acts(PAUSE).await;
}

#[tokio::test]
async fn what_is_no_act_is_refused_with_a_sentence_in_the_page_s_language() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    for (act, status, told) in [
        ("", 400, "that is no act"),
        ("{}", 400, "that is no act"),
        (r#"{"action":"shout"}"#, 400, "that is no act"),
        (r#"{"action":"slow"}"#, 400, "0 to 30 seconds"),
        (r#"{"action":"slow","millis":30001}"#, 400, "0 to 30 seconds"),
        (r#"{"action":"announce"}"#, 400, "the text is missing"),
        (r#"{"action":"announce","text":" "}"#, 400, "one line"),
        (r#"{"action":"announce","text":"a\u001b[2J"}"#, 400, "one line"),
        (r#"{"action":"delete","text":"nobody"}"#, 404, "no such contact"),
        (r#"{"action":"undo"}"#, 409, "nothing to undo"),
        (r#"{"action":"disconnect"}"#, 400, "which student"),
        (r#"{"action":"disconnect","person":99}"#, 404, "not here any more"),
        (r#"{"action":"unblock","text":"here"}"#, 400, "no IP address"),
        (r#"{"action":"unblock","text":"10.0.0.1"}"#, 404, "not blocked"),
        (r#"{"action":"new-book","text":"x"}"#, 409, "in memory only"),
    ] {
        let (got, sentence) = teacher.tries(act).await;
        assert!(got == status && sentence.contains(told), "{act}: {got} {sentence}");
    }
    let long = format!(r#"{{"action":"announce","text":"{}"}}"#, "a".repeat(8_000));
    assert_eq!(teacher.tries(&long).await.0, 413);
    let undo = r#"{"action":"undo"}"#;
    for language in ["zh", "zh-CN"] {
        let path = format!("/api/teacher/act?lang={language}");
        let chinese = teacher.request("POST", &path, undo).await;
        assert_eq!(chinese.text(), "没有可以撤销的操作", "{language}");
    }
}
