//! The page's Python: which it is (`GET /api/python`), and its files (`GET /python/NAME`).
//! They are in this program, or in a folder where a build leaves them while the server
//! runs already.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use axum::extract::{self, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};

use crate::context::ServerContext;
use crate::http::json::{json_response, to_json};

/// The names and bytes of the files in this program, packed with gzip; none where it
/// was built without them.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/python_files.rs"));

/// What the interpreter's name is followed by in the name of its packed program.
const PROGRAM: &str = "_bg.wasm.gz";

/// Answers with the name of the interpreter, for a page to load.
pub(super) async fn python(State(server): State<Arc<ServerContext>>) -> Response {
    let folder = server.python.as_deref();
    let program = files(folder).into_iter().find_map(|name| {
        let bytes = unpacked_length(&read(folder, &name)?)?;
        Some(api::PythonProgram { name: name.strip_suffix(PROGRAM)?.to_owned(), bytes })
    });
    let coming = program.is_none() && folder.is_some();
    json_response(to_json(&api::Python { program, coming }))
}

/// Answers with a file of the interpreter, to be kept for good: its name has a hash.
pub(super) async fn file(
    State(server): State<Arc<ServerContext>>,
    extract::Path(name): extract::Path<String>,
) -> Response {
    let kind = match name.rsplit_once('.') {
        Some((_, "js")) => "text/javascript",
        _ => "application/wasm",
    };
    let packed = format!("{name}.gz");
    let folder = server.python.as_deref();
    // One of those there are, so that the name is no path.
    let file = files(folder).contains(&packed).then(|| read(folder, &packed)).flatten();
    let Some(file) = file else {
        return (StatusCode::NOT_FOUND, "There is no such file here.\n").into_response();
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CONTENT_ENCODING, HeaderValue::from_static("gzip")),
        (CACHE_CONTROL, HeaderValue::from_static("max-age=31536000, immutable")),
    ];
    match file {
        Cow::Borrowed(bytes) => (headers, bytes).into_response(),
        Cow::Owned(bytes) => (headers, bytes).into_response(),
    }
}

/// The names of the files: what the folder has, which is newer, or else the program.
fn files(folder: Option<&Path>) -> Vec<String> {
    let built = folder.and_then(|folder| names(folder).ok()).filter(|names| !names.is_empty());
    built.unwrap_or_else(|| FILES.iter().map(|(name, _)| (*name).to_owned()).collect())
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().into_string()));
    let names = names.collect::<io::Result<Vec<_>>>()?.into_iter().flatten();
    Ok(names.filter(|name| name.ends_with(".gz")).collect())
}

fn read(folder: Option<&Path>, name: &str) -> Option<Cow<'static, [u8]>> {
    let built = folder.and_then(|folder| fs::read(folder.join(name)).ok());
    let inside = || FILES.iter().find(|(file, _)| *file == name).map(|(_, bytes)| *bytes);
    built.map(Cow::Owned).or_else(|| inside().map(Cow::Borrowed))
}

/// How long a packed file is once unpacked: its last four bytes (RFC 1952, 2.3.1).
fn unpacked_length(packed: &[u8]) -> Option<usize> {
    let length = packed.last_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*length)).ok()
}
