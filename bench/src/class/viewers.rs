//! A board and a teacher's page, which read all that they are told.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use api::{Board, People, Person};

use super::tally::is_flooder;

/// Both, each read by a thread.
#[derive(Debug)]
pub(super) struct Viewers {
    seen: Arc<Mutex<Seen>>,
    streams: [TcpStream; 2],
}

#[derive(Debug, Default)]
struct Seen {
    board: Option<Board>,
    people: BTreeMap<u64, Person>,
}

impl Viewers {
    /// Opens both on this computer, where the teacher needs no token.
    pub(super) fn open(http: SocketAddr) -> Result<Self> {
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let streams = [watch(http, api::BOARD, &seen)?, watch(http, api::TEACHER, &seen)?];
        Ok(Viewers { seen, streams })
    }

    /// The last board.
    pub(super) fn board(&self) -> Board {
        let none = Board {
            addresses: Vec::new(),
            pages: 0,
            clients: 0,
            contacts: 0,
            program: None,
            class: api::BoardClass::default(),
        };
        lock(&self.seen).board.clone().unwrap_or(none)
    }

    /// Everybody.
    pub(super) fn people(&self) -> Vec<Person> {
        lock(&self.seen).people.values().cloned().collect()
    }

    /// Who is said to flood and does not, or floods and is not said to.
    pub(super) fn wrong_flooders(&self, floods: bool) -> Vec<String> {
        let people = self.people();
        let mut wrong: Vec<_> = people
            .iter()
            .filter(|person| person.flooding && !is_flooder(person))
            .map(|person| format!("{} is said to flood", person.address))
            .collect();
        let is_named = people.iter().any(|person| person.flooding && is_flooder(person));
        if floods && !is_named {
            wrong.push("the flood is not named".to_owned());
        }
        wrong
    }
}

impl Drop for Viewers {
    fn drop(&mut self) {
        for stream in &self.streams {
            // Ends its thread.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn watch(http: SocketAddr, path: &str, seen: &Arc<Mutex<Seen>>) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(http).context("cannot connect a viewer")?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {http}\r\n\r\n").as_bytes())?;
    let (reading, seen) = (BufReader::new(stream.try_clone()?), Arc::clone(seen));
    std::thread::spawn(move || {
        let mut name = String::new();
        // A chunk may end within a line.
        let mut rest = String::new();
        for chunk in chunks(reading) {
            rest.push_str(&chunk);
            while let Some(end) = rest.find('\n') {
                let line: String = rest.drain(..=end).collect();
                let line = line.trim_end();
                if let Some(value) = line.strip_prefix("event: ") {
                    name = value.to_owned();
                } else if let Some(data) = line.strip_prefix("data: ") {
                    lock(&seen).take(&name, data);
                }
            }
        }
    });
    Ok(stream)
}

/// The chunks of an answer, each as text; the headers come before the first.
fn chunks(mut reading: BufReader<TcpStream>) -> impl Iterator<Item = String> {
    let mut line = String::new();
    while reading.read_line(&mut line).is_ok_and(|length| length > 2) {
        line.clear();
    }
    std::iter::from_fn(move || {
        let mut size = String::new();
        reading.read_line(&mut size).ok()?;
        let size = usize::from_str_radix(size.trim_end(), 16).ok().filter(|size| *size > 0)?;
        // With the line end behind it.
        let mut chunk = vec![0; size + 2];
        reading.read_exact(&mut chunk).ok()?;
        chunk.truncate(size);
        String::from_utf8(chunk).ok()
    })
}

impl Seen {
    fn take(&mut self, name: &str, data: &str) {
        match name {
            api::BOARD_EVENT => self.board = serde_json::from_str(data).ok(),
            api::PEOPLE_EVENT => {
                let Ok(people) = serde_json::from_str::<People>(data) else { return };
                if people.complete {
                    self.people.clear();
                }
                people.gone.iter().for_each(|id| drop(self.people.remove(id)));
                self.people.extend(people.rows.into_iter().map(|row| (row.id, row)));
            }
            _ => {}
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
