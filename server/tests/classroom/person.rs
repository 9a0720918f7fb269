//! The people of a class as the teacher's page and the board follow them, and a page
//! that says how far it is.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use api::{Board, ClassState, People, Person, Student};

use super::events::EventClient;
use super::{HttpResponse, TcpClient, TestServer, WebSocketClient, must, response};

/// The rows of a teacher's page, as it keeps them.
pub struct Roster {
    events: EventClient,
    pub rows: BTreeMap<u64, Person>,
    /// How many events with people have come.
    pub events_seen: usize,
    /// How many rows were in them.
    pub rows_seen: usize,
}

impl Roster {
    pub async fn open(server: &TestServer) -> Self {
        Self::open_in(server, "", &server.token).await
    }

    /// The roster of one class of many, which is in a folder.
    pub async fn open_in(server: &TestServer, folder: &str, token: &str) -> Self {
        let headers = format!("Authorization: Bearer {token}\r\n");
        let path = format!("{folder}{}", api::TEACHER);
        let events = EventClient::open_path_with(server.http, &path, &headers).await;
        Roster { events, rows: BTreeMap::new(), events_seen: 0, rows_seen: 0 }
    }

    /// Takes the next event with people.
    pub async fn take(&mut self) -> People {
        loop {
            let (name, data) = self.events.named().await.expect("it goes on");
            if name != api::PEOPLE_EVENT {
                continue;
            }
            let people: People = serde_json::from_str(&data).expect(&data);
            assert_eq!(people.complete, self.events_seen == 0, "complete first, then changes");
            self.events_seen += 1;
            self.rows_seen += people.rows.len();
            for id in &people.gone {
                assert!(self.rows.remove(id).is_some(), "{id} was in the list");
            }
            for row in &people.rows {
                self.rows.insert(row.id, row.clone());
            }
            return people;
        }
    }

    /// Takes events until the rows are so.
    pub async fn until(&mut self, what: &str, mut are_so: impl FnMut(&[Person]) -> bool) {
        must(what, async {
            loop {
                let rows: Vec<_> = self.rows.values().cloned().collect();
                if self.events_seen > 0 && are_so(&rows) {
                    return;
                }
                self.take().await;
            }
        })
        .await;
    }

    /// Takes events until there is one row that is so, and returns it.
    pub async fn find(&mut self, what: &str, is_so: impl Fn(&Person) -> bool) -> Person {
        self.until(what, |rows| rows.iter().any(&is_so)).await;
        self.rows.values().find(|row| is_so(row)).expect("it was there").clone()
    }
}

/// Takes boards until one is so, and returns it.
pub async fn board_until(
    board: &mut EventClient,
    what: &str,
    is_so: impl Fn(&Board) -> bool,
) -> Board {
    must(what, async {
        loop {
            let board = board.board().await.expect("it goes on");
            if is_so(&board) {
                return board;
            }
        }
    })
    .await
}

/// A student's page by its key.
pub struct Page<'s> {
    server: &'s TestServer,
    /// Where the class is, as `/r/CODE`; empty at the top.
    folder: String,
    pub key: String,
}

impl<'s> Page<'s> {
    pub fn new(server: &'s TestServer, number: usize) -> Self {
        Self::in_folder(server, "", number)
    }

    pub fn in_folder(server: &'s TestServer, folder: &str, number: usize) -> Self {
        Page { server, folder: folder.to_owned(), key: format!("key{number:020}") }
    }

    pub async fn websocket(&self) -> WebSocketClient {
        let path = format!("{}/ws?page={}", self.folder, self.key);
        let path = path.trim_start_matches('/');
        let mut client = WebSocketClient::connect_to(self.server.http, path, &[]).await.unwrap();
        client.expect("Welcome!").await;
        client
    }

    /// Says how far it is, and is believed.
    pub async fn reports(&self, student: &Student) {
        let body = serde_json::to_string(student).unwrap();
        let response = post_student_in(self.server.http, &self.folder, &self.key, &body).await;
        assert_eq!(response.status, 204, "{}", response.text());
    }

    /// Says what it has checked by itself: the letters of the checks' states.
    pub async fn says_checked(&self, checks: &str) -> HttpResponse {
        let http = self.server.http;
        let folder = &self.folder;
        let path = format!("POST {folder}{}?key={}&checks={checks}", api::HOMEWORK_PAGE, self.key);
        let head = format!("{path} HTTP/1.1\r\nHost: {http}\r\nContent-Length: 0");
        super::http(http, &head).await
    }

    /// Follows the class.
    pub async fn class(&self) -> EventClient {
        let path = format!("{}{}?key={}", self.folder, api::CLASS, self.key);
        EventClient::open_path(self.server.http, &path).await
    }
}

/// The next state of the class.
pub async fn class_state(events: &mut EventClient) -> ClassState {
    let (name, data) = events.named().await.expect("it goes on");
    assert_eq!(name, api::CLASS_EVENT);
    serde_json::from_str(&data).expect(&data)
}

/// Posts what a page says of itself, whatever it is.
pub async fn post_student(http: SocketAddr, key: &str, body: &str) -> HttpResponse {
    post_student_in(http, "", key, body).await
}

async fn post_student_in(http: SocketAddr, folder: &str, key: &str, body: &str) -> HttpResponse {
    use tokio::io::AsyncReadExt;
    let mut client = TcpClient::connect(http).await;
    let request = format!(
        "POST {folder}{}?key={key} HTTP/1.1\r\nHost: {http}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        api::STUDENT,
        body.len()
    );
    client.send(request.as_bytes()).await;
    let mut bytes = Vec::new();
    must("an HTTP response", client.stream.read_to_end(&mut bytes)).await.unwrap();
    response(&bytes)
}
