//! The routes of the page's Python: where its interpreter is (`GET api/python` and the
//! files), and the network of a program that runs (`POST api/program`).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue,
};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::classroom::Classroom;
use crate::context::ServerContext;
use crate::http::connection::Connection;
use crate::http::examples::host;
use crate::http::json::{json_response, to_json};
use crate::playground::session::Reach;

/// Bytes of a request: 64 KB to be sent, and its line.
pub(super) const LONGEST_REQUEST: usize = 66 * 1024;

/// A file of the interpreter.
struct File {
    name: &'static str,
    /// Bytes of the file as it is.
    length: usize,
    /// The same, packed.
    gzip: &'static [u8],
}

/// The files in this program; none where it was built without them.
const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/python_files.rs"));

/// Answers with the name of the interpreter, for a page to load.
pub(super) async fn python() -> Response {
    let program = FILES.iter().find_map(|file| {
        let name = file.name.strip_suffix("_bg.wasm")?;
        Some(api::PythonProgram { name: name.to_owned(), bytes: file.length })
    });
    json_response(to_json(&api::Python { program }))
}

/// Answers with a file of the interpreter, to be kept for good: its name has a hash.
pub(super) async fn file(Path(name): Path<String>) -> Response {
    let Some(file) = FILES.iter().find(|file| file.name == name) else {
        return (StatusCode::NOT_FOUND, "There is no such file here.\n").into_response();
    };
    let kind = if name.ends_with(".js") { "text/javascript" } else { "application/wasm" };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CONTENT_ENCODING, HeaderValue::from_static("gzip")),
        (CACHE_CONTROL, HeaderValue::from_static("max-age=31536000, immutable")),
    ];
    (headers, file.gzip).into_response()
}

const UNKNOWN: &str = "There is no such program here.\n";

/// Answers a request of a program. `open` begins a session, with its secret for an
/// answer; all others need it.
pub(super) async fn program(
    State(classroom): State<Arc<Classroom>>,
    State(server): State<Arc<ServerContext>>,
    Extension(connection): Extension<Connection>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let playground = classroom.playground();
    let end = body.iter().position(|&byte| byte == b'\n').unwrap_or(body.len());
    let (line, rest) = (&body[..end], body.get(end + 1..).unwrap_or_default());
    let Ok(line) = str::from_utf8(line) else {
        return (StatusCode::BAD_REQUEST, UNKNOWN).into_response();
    };
    if line == "open" {
        let Ok(session) = playground.open(connection.peer.ip().to_canonical()) else {
            return (StatusCode::SERVICE_UNAVAILABLE, "Too many programs run here.\n")
                .into_response();
        };
        let secret = session.secret().to_owned();
        let (playground, stop) = (Arc::clone(playground), server.stop.clone());
        server.tasks.clone().spawn(async move {
            tokio::select! {
                () = session.gone() => {}
                () = stop.cancelled() => {}
            }
            playground.close(&session);
        });
        return secret.into_response();
    }
    let secret = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let secret = secret.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let Some(session) = playground.session(secret) else {
        return (StatusCode::UNAUTHORIZED, UNKNOWN).into_response();
    };
    let reach = Reach {
        lesson: server.tcp,
        host: host(&uri, &headers).to_owned(),
        is_on_network: !server.http.ip().is_loopback(),
        ports: server.limits.student_ports,
    };
    let answer = tokio::select! {
        answer = session.answer(line, rest, &reach) => answer,
        () = server.stop.cancelled() => {
            return (StatusCode::SERVICE_UNAVAILABLE, "The server stops.\n").into_response();
        }
    };
    let whole = [answer.status.to_string().as_bytes(), b"\n", &answer.bytes].concat();
    ([(CONTENT_TYPE, "application/octet-stream")], whole).into_response()
}
