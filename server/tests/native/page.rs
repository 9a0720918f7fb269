//! What a browser gets over HTTP: small, cached, locked down, and complete.

use std::collections::BTreeSet;
use std::io::Read as _;

use crate::classroom::events::EventClient;
use crate::classroom::{TestServer, get};
use flate2::read::GzDecoder;

/// What a visit may weigh in all, whatever of the page is opened: fifty phones on
/// one Wi-Fi pay for each kilobyte fifty times.
const BUDGET: usize = 120 * 1024;

/// The files with the page's words. A visit loads one of them, by a name that
/// its program builds.
const LANGUAGES: [&str; 2] = ["/zh.html", "/en.html"];

/// Every file the page names, itself included. Relative addresses in the HTML, quoted
/// or not, are all there is: the content policy forbids anything else.
fn files(html: &str) -> BTreeSet<String> {
    html.split(['"', '\'', '=', '>', ' '])
        .filter_map(|part| part.strip_prefix("./").or_else(|| part.strip_prefix('/')))
        .filter(|part| part.contains('.') && !part.contains([' ', '<', '\n']))
        .map(|part| format!("/{part}"))
        .chain(["/".to_owned()])
        .collect()
}

#[track_caller]
fn assert_built(status: u16) {
    assert_eq!(status, 200, "the page is not built; `cargo xtask test` builds it first");
}

#[tokio::test]
async fn a_visit_grows_no_heavier_whatever_packing_the_browser_asks_for() {
    let server = TestServer::start().await;
    let page = get(server.http, "/", "").await;
    assert_built(page.status);
    let mut files = files(&page.text());
    for kind in [".wasm", ".js", ".css"] {
        assert!(files.iter().any(|file| file.ends_with(kind)), "no {kind} among {files:?}");
    }
    files.extend(LANGUAGES.map(str::to_owned));
    // A phone's on plain http, and a desktop's on the server's own machine.
    for encoding in ["gzip", "br"] {
        let mut total = 0;
        let mut languages = Vec::new();
        for file in &files {
            let headers = format!("\r\nAccept-Encoding: {encoding}");
            let response = get(server.http, file, &headers).await;
            assert_eq!(response.status, 200, "{file}");
            assert_eq!(response.header("content-encoding"), Some(encoding), "{file}");
            println!("{:>7} bytes  {file} ({encoding})", response.wire_length);
            if LANGUAGES.contains(&file.as_str()) {
                languages.push(response.wire_length);
            } else {
                total += response.wire_length;
            }
        }
        total += languages.into_iter().max().unwrap();
        println!("{total:>7} bytes in all, in the longer language ({encoding})");
        assert!(total <= BUDGET, "{total} bytes ({encoding})");
    }
}

#[tokio::test]
async fn files_come_compressed_with_types_and_are_cached_for_good_but_the_page_is_asked_for_again()
{
    let server = TestServer::start().await;
    let page = get(server.http, "/", "").await;
    assert_built(page.status);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    let etag = page.header("etag").unwrap().to_owned();
    let again = get(server.http, "/", &format!("\r\nIf-None-Match: {etag}")).await;
    assert_eq!((again.status, again.body.len()), (304, 0));

    for file in LANGUAGES {
        let words = get(server.http, file, "\r\nAccept-Encoding: gzip").await;
        assert!(words.header("content-type").unwrap().starts_with("text/html"));
        assert_eq!(words.header("content-encoding"), Some("gzip"), "{file}");
        assert_eq!(words.header("cache-control"), Some("no-cache"), "{file}");
        let etag = words.header("etag").unwrap().to_owned();
        let again = get(server.http, file, &format!("\r\nIf-None-Match: {etag}")).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{file}");
    }

    for file in files(&page.text()).iter().filter(|file| *file != "/") {
        let kind = file.rsplit('.').next().unwrap();
        let expected = match kind {
            "wasm" => "application/wasm",
            "js" => "text/javascript",
            "css" => "text/css",
            other => panic!("what is {other}?"),
        };
        for encoding in ["br", "gzip"] {
            let headers = format!("\r\nAccept-Encoding: {encoding}");
            let response = get(server.http, file, &headers).await;
            assert_eq!(response.header("content-type"), Some(expected), "{file}");
            assert_eq!(response.header("content-encoding"), Some(encoding), "{file}");
            assert_eq!(response.header("cache-control"), Some("max-age=31536000, immutable"));
            assert_eq!(response.header("vary"), Some("accept-encoding"), "{file}");
        }
    }
}

#[tokio::test]
async fn a_packed_file_is_the_file() {
    let server = TestServer::start().await;
    let page = get(server.http, "/", "").await;
    assert_built(page.status);
    for file in files(&page.text()).into_iter().chain(LANGUAGES.map(str::to_owned)) {
        let plain = get(server.http, &file, "").await;
        assert_eq!(plain.header("content-encoding"), None, "{file}");
        let packed = get(server.http, &file, "\r\nAccept-Encoding: gzip").await;
        assert!(packed.body.len() < plain.body.len(), "{file}");
        let mut unpacked = Vec::new();
        GzDecoder::new(&packed.body[..]).read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == plain.body, "{file}");
        // One for all encodings, and so a weak one.
        assert_eq!(packed.header("etag"), plain.header("etag"), "{file}");
        // What is kept for good has none.
        let is_asked_for_again = plain.header("cache-control") == Some("no-cache");
        let has_weak = plain.header("etag").is_some_and(|etag| etag.starts_with("W/\""));
        assert_eq!(has_weak, is_asked_for_again, "{file}");
    }
}

#[tokio::test]
async fn encodings_are_asked_for_in_any_case_and_with_weights() {
    let server = TestServer::start().await;
    assert_built(get(server.http, "/", "").await.status);
    for (asked, given) in [
        ("GZIP", Some("gzip")),
        ("Gzip, Deflate", Some("gzip")),
        ("BR", Some("br")),
        ("gzip;Q=0.5, BR;q=0.1", Some("gzip")),
        ("GZIP;q=0", None),
        ("DEFLATE", None),
        ("identity", None),
    ] {
        let page = get(server.http, "/", &format!("\r\nAccept-Encoding: {asked}")).await;
        assert_eq!(page.header("content-encoding"), given, "{asked}");
    }
}

#[tokio::test]
async fn a_cached_file_is_recognised_whatever_encoding_it_was_cached_in() {
    let server = TestServer::start().await;
    let page = get(server.http, "/", "").await;
    assert_built(page.status);
    let weak = page.header("etag").unwrap();
    let strong = weak.strip_prefix("W/").unwrap();
    for cached in [weak, strong, "*", &format!("\"other\", {weak}")] {
        for encoding in ["identity", "gzip", "br"] {
            let headers = format!("\r\nAccept-Encoding: {encoding}\r\nIf-None-Match: {cached}");
            let again = get(server.http, "/", &headers).await;
            assert_eq!((again.status, again.header("etag")), (304, Some(weak)), "{headers}");
        }
    }
    let other = get(server.http, "/", "\r\nIf-None-Match: W/\"other\"").await;
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn every_answer_that_may_be_a_document_carries_the_content_policy() {
    let server = TestServer::start().await;
    for path in ["/", "/healthz", "/nothing", "/ws"] {
        let response = get(server.http, path, "").await;
        assert_eq!(
            response.header("content-security-policy"),
            Some(
                "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
                 connect-src 'self'; worker-src 'self'; img-src 'self' data:; base-uri 'none'; \
                 form-action 'none'; frame-ancestors 'none'"
            ),
            "{path}"
        );
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
    let page = get(server.http, "/", "").await;
    assert_built(page.status);
    for file in files(&page.text()).into_iter().filter(|file| file != "/") {
        let response = get(server.http, &file, "").await;
        assert_eq!(response.header("content-security-policy"), None, "{file}");
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"), "{file}");
    }
}

#[tokio::test]
async fn the_server_tells_the_programs_that_its_pages_load() {
    let server = TestServer::start().await;
    let told = get(server.http, api::CLASSROOM, "").await.text();
    let classroom: api::Classroom = serde_json::from_str(&told).unwrap();
    let board = EventClient::open_board(server.http).await.board().await.unwrap();
    for (page, told) in [("/", classroom.program), ("/board", board.program)] {
        let page = get(server.http, page, "").await;
        assert_built(page.status);
        let text = page.text();
        let loaded =
            text.split(['"', '/', ' ', '>']).find_map(|part| part.strip_suffix("_bg.wasm"));
        assert!(loaded.is_some());
        assert_eq!(told.as_deref(), loaded);
    }
}

#[tokio::test]
async fn the_page_names_no_other_server() {
    let server = TestServer::start().await;
    let page = get(server.http, "/", "").await;
    assert_built(page.status);
    let known = LANGUAGES.map(str::to_owned);
    for file in files(&page.text()).iter().chain(&known).filter(|file| !file.ends_with(".wasm")) {
        let text = get(server.http, file, "").await.text();
        // A name, not an address; and comments of the generated bindings.
        let text = text.replace("http://www.w3.org/2000/svg", "");
        let text: Vec<_> =
            text.lines().filter(|line| !line.trim().starts_with(['*', '/'])).collect();
        let text = text.join("\n");
        assert!(!text.contains("http://") && !text.contains("https://"), "{file}");
    }
}

#[tokio::test]
async fn health_and_unknown_addresses_are_answered_plainly() {
    let server = TestServer::start().await;
    let health = get(server.http, "/healthz", "").await;
    assert_eq!((health.status, health.text().as_str()), (200, "ok\n"));
    let nothing = get(server.http, "/nothing/here", "").await;
    assert_eq!(nothing.status, 404);
    assert!(nothing.text().contains("The page is at /"));
    let plain = get(server.http, "/ws", "").await;
    assert_eq!(plain.status, 400, "a WebSocket's door is no page");
}
