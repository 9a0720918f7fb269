//! The Python programs of the lesson, to be downloaded: `/client.py` and its like,
//! each with this server's address filled in.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderName, Uri};
use axum::routing::get;

use crate::context::ServerContext;
use crate::host_names::single_value;
use crate::http::HttpState;
use crate::http::this_computer::Readers;

/// The files, by their paths.
const FILES: [(&str, &str); 5] = [
    ("/client.py", include_str!("../../../examples/client.py")),
    ("/client2.py", include_str!("../../../examples/client2.py")),
    ("/pipeline.py", include_str!("../../../examples/pipeline.py")),
    ("/server.py", include_str!("../../../examples/server.py")),
    ("/server2.py", include_str!("../../../examples/server2.py")),
];

/// The address that the files have in place of this server's.
const LESSONS: &str = "\"127.0.0.1:9999\"";

/// Shown by a browser, or saved where the link says so.
const AS_TEXT: [(HeaderName, &str); 1] = [(CONTENT_TYPE, "text/plain; charset=utf-8")];

/// The routes of all the files.
pub(super) fn routes() -> Router<HttpState> {
    FILES.into_iter().fold(Router::new(), |routes, (path, source)| {
        let file = async move |State(server): State<Arc<ServerContext>>,
                               readers: Readers,
                               uri: Uri,
                               headers: HeaderMap| {
            let known = readers.tcp_host(&server).await;
            let address = address(known, host(&uri, &headers), server.tcp.port());
            (AS_TEXT, filled_in(source, &address))
        };
        routes.route(path, get(file))
    })
}

/// The host that the request names, without its port. It has been let in by
/// [`check_host`](super::guard::check_host).
pub(super) fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> &'a str {
    let named = uri.authority().map(|authority| authority.as_str());
    let host = named.or_else(|| single_value(headers, HOST)).unwrap_or_default();
    match host.rsplit_once(':') {
        // The colons within brackets are an address's own.
        Some((name, _)) if !host.ends_with(']') => name,
        _ => host,
    }
}

/// Where raw TCP clients connect: at a known host, or where the page came from.
fn address(known: Option<String>, asked: &str, port: u16) -> String {
    let host = match known {
        Some(known) if known.contains(':') => format!("[{known}]"),
        Some(known) => known,
        None => asked.to_owned(),
    };
    format!("{host}:{port}")
}

/// The program for a server at that address. What cannot stand in a host name is
/// no host to write into a program.
fn filled_in(source: &str, address: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_:[]%".contains(c);
    if address.starts_with(':') || !address.chars().all(is_plain) {
        return source.to_owned();
    }
    source.replace(LESSONS, &format!("\"{address}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_connects_to_a_known_host_or_where_the_page_came_from() {
        for (known, asked, expected) in [
            (Some("127.0.0.1"), "localhost", "127.0.0.1:9999"),
            (Some("192.168.1.23"), "classroom.test", "192.168.1.23:9999"),
            (None, "192.168.1.23", "192.168.1.23:9999"),
            (None, "[fe80::1]", "[fe80::1]:9999"),
            (Some("::1"), "localhost", "[::1]:9999"),
        ] {
            let known = known.map(ToOwned::to_owned);
            assert_eq!(address(known, asked, 9999), expected, "{asked}");
        }
    }

    #[test]
    fn every_client_has_a_place_for_the_address_and_nothing_else_is_written_there() {
        for (path, source) in FILES {
            let is_client = !path.starts_with("/server");
            assert_eq!(source.matches(LESSONS).count(), usize::from(is_client), "{path}");
            assert!(source.contains("PORT = 9998") != is_client, "{path}");
        }
        let (_, client) = FILES[0];
        assert!(filled_in(client, "10.0.0.7:9999").contains("\"10.0.0.7:9999\""));
        for address in [":9999", "a\"b:1", "a b:1", "张三:1"] {
            assert_eq!(filled_in(client, address), client, "{address}");
        }
    }
}
