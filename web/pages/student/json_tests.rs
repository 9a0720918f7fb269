//! The reading of JSON in [`web::browser::json`], in a browser. It is tested in this program
//! since a program of tests in WebAssembly takes 6 s of a processor to be linked with its
//! JavaScript and to be started in a browser of its own.

use api::{
    Board, BoardClass, Changes, ClassServer, Classroom, Entry, JoinAddress, Page, Servers, Snapshot,
};
use wasm_bindgen_test::wasm_bindgen_test;
use web::browser::json::parse;

#[wasm_bindgen_test]
fn every_message_of_the_server_is_read() {
    let entry = |name: &str, phone: Option<&str>| Entry {
        name: name.to_string(),
        phone: phone.map(ToString::to_string),
    };
    let snapshot = Snapshot { seq: 0, count: 9_007_199_254_740_991 };
    assert_eq!(parse(r#"{"seq":0,"count":9007199254740991}"#), Some(snapshot));
    let text = r#"{"seq":17,"count":3,"changes":[
        {"name":"O'Neil \"Bo\" \\ /","phone":"+86 138"}, {"name":"\u5f20\ud834\udd1e","phone":null}
    ]}"#;
    let changes = vec![entry("O'Neil \"Bo\" \\ /", Some("+86 138")), entry("张𝄞", None)];
    assert_eq!(parse(text), Some(Changes { seq: 17, count: 3, changes }));
    let text = r#"{"next":"张","contacts":[{"phone":"1","name":"a"}],"count":2,"seq":1}"#;
    let contacts = vec![entry("a", Some("1"))];
    let next = Some("张".to_string());
    assert_eq!(parse(text), Some(Page { seq: 1, count: 2, contacts, next }));
    let text = r#"{"tcp_host":null,"tcp_port":9999,"page":"http://10.0.0.7/",
        "echoes":true,"number":7,"program":"student-1a"}"#;
    let classroom = Classroom {
        tcp_host: None,
        tcp_port: 9999,
        page: Some("http://10.0.0.7/".to_string()),
        echoes: true,
        number: 7,
        program: Some("student-1a".to_string()),
    };
    assert_eq!(parse(text), Some(classroom));
    // A server of before the pages asked for more.
    let text = r#"{"tcp_host":null,"tcp_port":9999}"#;
    let classroom = Classroom {
        tcp_host: None,
        tcp_port: 9999,
        page: None,
        echoes: false,
        number: 0,
        program: None,
    };
    assert_eq!(parse(text), Some(classroom));
    let text = r#"{"addresses":[{"interface":"wlan0","url":"http://192.168.1.5:8080/",
        "host":"192.168.1.5","port":9999,"qr":["10","01"]}],"pages":3,"clients":2,"contacts":17,
        "program":"board-2b"}"#;
    let address = JoinAddress {
        interface: "wlan0".to_string(),
        url: "http://192.168.1.5:8080/".to_string(),
        host: "192.168.1.5".to_string(),
        port: 9999,
        qr: vec!["10".to_string(), "01".to_string()],
    };
    let program = Some("board-2b".to_string());
    let class = BoardClass::default();
    let board =
        Board { addresses: vec![address], pages: 3, clients: 2, contacts: 17, program, class };
    assert_eq!(parse(text), Some(board));
    let text = r#"{"network":true,"open":true,"servers":[{"name":"","address":"h:10000"}]}"#;
    let server = ClassServer { name: String::new(), address: "h:10000".to_string() };
    assert_eq!(parse(text), Some(Servers { network: true, open: true, servers: vec![server] }));
}

#[wasm_bindgen_test]
fn what_a_newer_server_adds_is_ignored_and_what_is_missing_is_no_message() {
    let snapshot = Snapshot { seq: 1, count: 2 };
    let text = r#"{"seq":1,"more":{"deep":[1,null]},"count":2}"#;
    assert_eq!(parse(text), Some(snapshot));
    for text in [
        "",
        "null",
        "[1,2]",
        "<!doctype html>",
        r#"{"seq":1}"#,
        r#"{"seq":1,"count":-1}"#,
        r#"{"seq":1,"count":1.5}"#,
        r#"{"seq":1,"count":"2"}"#,
        r#"{"seq":1,"count":2"#,
    ] {
        assert_eq!(parse::<Snapshot>(text), None, "{text}");
    }
}
