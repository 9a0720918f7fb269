//! Lessons: what a thousand classes take at once, at the pace of students and not as fast as
//! it goes. It is what `docs/many-classes.md` computes the costs of.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use crate::classroom::postgres::Postgres;
use crate::clients::{Lines, load};
use crate::measure::Database;
use crate::usage::{Usage, megabytes};

const CLASSES: usize = 1_000;

/// Time between two messages of a class: thirty students, each of whom sends one in 20 s.
const PACE: Duration = Duration::from_millis(667);

/// How long each kind of message is measured, and the same without any.
const LASTS: Duration = Duration::from_secs(5);

/// Bytes between a server and its database, both ways.
#[derive(Clone, Default)]
struct Counted(Arc<AtomicU64>);

/// Measures and prints what the costs are computed of.
pub async fn inputs(postgres: &Postgres) {
    let database = Database::with_rooms(postgres, CLASSES).await;
    let folder = tempfile::tempdir().unwrap();
    let counted = Counted::default();
    let url = counted.pass_on(postgres, folder.path(), &database.name);
    let servers = [database.server(Some(&url))];
    let before = megabytes(&servers);
    let opening = Instant::now();
    let clients = database.clients(&servers, CLASSES).await;
    let opened = opening.elapsed();
    let a_room = (megabytes(&servers) - before) * 1_024.0 / CLASSES as f64;
    println!(
        "\n{CLASSES} classes on one server, with a client in each that sends a message in {} ms:\n\
         opened in {:.1} s; {a_room:.1} KB of memory a class and its client",
        PACE.as_millis(),
        opened.as_secs_f64(),
    );
    println!(
        "             a second  p50 ms  p99 ms | ms of processor a second | bytes a message, or a second without any\n\
         \x20                                    |   server     database    | to clients  to database  log"
    );
    let kinds: [(&str, Option<Lines>); 3] = [
        ("adds", Some(|c, n| format!("add;zhang san {c}.{n};138001{n:05}\n"))),
        ("finds", Some(|c, n| format!("find;zhang san {c}.{}\n", n % 5))),
        ("nothing", None),
    ];
    let mut clients = clients;
    for (what, lines) in kinds {
        let (bytes, before) = (counted.bytes(), Usage::now(postgres, &servers).await);
        let start = Instant::now();
        let done = match lines {
            Some(lines) => load(std::mem::take(&mut clients), LASTS, Some(PACE), lines).await,
            None => {
                tokio::time::sleep(LASTS).await;
                Default::default()
            }
        };
        let took = start.elapsed().as_secs_f64();
        let used = Usage::now(postgres, &servers).await.since(before);
        let count = done.replies;
        // A second, where there is no message.
        let each = |bytes: f64| bytes / if count == 0 { took } else { count as f64 };
        println!(
            "{what:10} {:10.0} {:7.1} {:7.1} | {:8.0} {:12.0}    | {:10.0} {:12.0} {:4.0}",
            count as f64 / took,
            done.at(0.5),
            done.at(0.99),
            used.servers * 1_000.0 / took,
            used.database * 1_000.0 / took,
            each(done.bytes as f64),
            each((counted.bytes() - bytes) as f64),
            each(used.log),
        );
        clients.extend(done.clients);
    }
}

impl Counted {
    fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Listens in a folder for a server's connections, and passes them on to the database.
    /// Returns the address.
    fn pass_on(&self, postgres: &Postgres, folder: &Path, database: &str) -> String {
        let (socket, counted) = (postgres.socket(), self.clone());
        let name = socket.file_name().unwrap();
        let listener = UnixListener::bind(folder.join(name)).unwrap();
        tokio::spawn(async move {
            while let Ok((server, _)) = listener.accept().await {
                let (from, to) = server.into_split();
                let (back_from, back_to) = UnixStream::connect(&socket).await.unwrap().into_split();
                tokio::spawn(counted.clone().copy(from, back_to));
                tokio::spawn(counted.clone().copy(back_from, to));
            }
        });
        let folder = folder.to_str().unwrap().replace('/', "%2F");
        format!("postgres://classroom@{folder}/{database}")
    }

    async fn copy(
        self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let mut bytes = vec![0; 16 * 1_024];
        loop {
            let length = from.read(&mut bytes).await?;
            if length == 0 {
                return to.shutdown().await;
            }
            self.0.fetch_add(length as u64, Ordering::Relaxed);
            to.write_all(&bytes[..length]).await?;
        }
    }
}
