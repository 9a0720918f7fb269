//! The control file: how a command on this computer finds the server that has a book
//! open, and is let in by it.
//!
//! The server writes its address and the teacher's token into a file beside the book
//! that only its user may read, and deletes it when it stops. The command is then the
//! teacher. What is left of a crash names a server that does not answer.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use api::{Act, Action};
use serde::{Deserialize, Serialize};

use crate::book::store::file_beside;
use crate::classroom::lead::access::Secret;
use crate::join::hosts::on_this_computer;

/// What the file's name has behind the book's.
const ENDING: &str = "-control";

/// How long the server may take to connect, and to send or take something more. The
/// largest book is written in some seconds.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The file, as long as the server runs. Dropping it deletes it.
#[derive(Debug)]
pub struct ControlFile {
    path: PathBuf,
    content: String,
}

/// What stands in it.
#[derive(Debug, Serialize, Deserialize)]
struct Content {
    http: SocketAddr,
    /// The lesson's port; none in a file of an older version.
    #[serde(default)]
    lesson: Option<u16>,
    token: String,
}

impl ControlFile {
    /// Writes the file beside a book that this process has open.
    ///
    /// # Errors
    ///
    /// The folder cannot be written. The commands then do not find the server.
    pub fn write(
        book: &Path,
        tcp: SocketAddr,
        http: SocketAddr,
        token: &Secret,
    ) -> anyhow::Result<Self> {
        let path = file_beside(book, ENDING)?;
        let http = SocketAddr::new(on_this_computer(http), http.port());
        let lesson = Some(tcp.port());
        let content = Content { http, lesson, token: token.as_str().to_owned() };
        let content = serde_json::to_string(&content).context("it has a JSON form")?;
        let folder = path.parent().unwrap_or(Path::new("."));
        // A temporary file is its user's alone (0600) from the first moment.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(content.as_bytes())?;
        file.persist(&path)?;
        Ok(ControlFile { path, content })
    }
}

impl Drop for ControlFile {
    fn drop(&mut self) {
        // Another server may have begun with the book meanwhile.
        if std::fs::read_to_string(&self.path).is_ok_and(|content| content == self.content) {
            // If it cannot be deleted it names a server that does not answer.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The server that has a book open.
#[derive(Debug)]
pub(crate) struct RunningServer(Content);

impl RunningServer {
    /// The server that says it has this book open; none if none does.
    pub(crate) fn of(book: &Path) -> Option<Self> {
        let content = std::fs::read(file_beside(book, ENDING).ok()?).ok()?;
        serde_json::from_slice(&content).ok().map(RunningServer)
    }

    /// The lesson's port and the page's.
    pub(crate) fn ports(&self) -> Option<(u16, u16)> {
        Some((self.0.lesson?, self.0.http.port()))
    }

    /// The contacts as CSV.
    ///
    /// # Errors
    ///
    /// It does not answer, or is another server by now.
    pub(crate) fn contacts(&self, bom: bool) -> anyhow::Result<Vec<u8>> {
        self.ask("GET", &format!("{}?bom={bom}", api::TEACHER_CONTACTS), "")
    }

    /// Empties the book and keeps the old one as a file of this name beside it.
    ///
    /// # Errors
    ///
    /// As [`contacts`](Self::contacts), or it was refused with a sentence for the user.
    pub(crate) fn begin_new_book(&self, keep: &str) -> anyhow::Result<()> {
        let text = Some(keep.to_owned());
        let act = Act { action: Action::NewBook, person: None, text, millis: None };
        let act = serde_json::to_string(&act).context("it has a JSON form")?;
        self.ask("POST", api::TEACHER_ACT, &act).map(drop)
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> anyhow::Result<Vec<u8>> {
        let Content { http, token, .. } = &self.0;
        let mut stream = TcpStream::connect_timeout(http, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {http}\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.context("the answer ends too soon")? + 4;
        let body = answer.split_off(end);
        let head = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: Option<usize> = length.and_then(|length| length.trim().parse().ok());
        if length.is_some_and(|length| length != body.len()) {
            bail!("the answer ends too soon");
        }
        match head.split(' ').nth(1) {
            Some("200" | "204") => Ok(body),
            Some("400" | "404" | "409" | "503") => {
                Err(Declined(String::from_utf8_lossy(&body).into_owned()).into())
            }
            _ => bail!("it is another server"),
        }
    }
}

/// The server did not do it; its sentence for the user says why.
#[derive(Debug)]
pub(crate) struct Declined(String);

impl std::fmt::Display for Declined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Declined {}
