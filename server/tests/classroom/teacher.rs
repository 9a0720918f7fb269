//! The teacher as the tests play it: by its token, from some address.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::{HttpResponse, TestServer, must, response};

/// Somebody who says to be the teacher.
pub struct Teacher {
    http: SocketAddr,
    /// The address the requests come from.
    from: SocketAddr,
    /// The `Host` that is asked.
    pub host: String,
    /// Headers that say so.
    pub headers: String,
}

impl Teacher {
    /// The teacher at another computer, who has the token.
    pub fn of(server: &TestServer) -> Self {
        Self::with_token(server, &server.token)
    }

    /// Somebody with a token from 127.0.0.1.
    pub fn with_token(server: &TestServer, token: &str) -> Self {
        let headers = format!("\r\nAuthorization: Bearer {token}");
        Teacher {
            http: server.http,
            from: ([127, 0, 0, 1], 0).into(),
            host: server.http.to_string(),
            headers,
        }
    }

    /// Sends from another address of this computer.
    pub fn from(mut self, address: [u8; 4]) -> Self {
        self.from = (address, 0).into();
        self
    }

    /// Sends to another address than the server's own.
    pub fn address(&mut self, http: SocketAddr) {
        (self.http, self.host) = (http, http.to_string());
    }

    async fn connect(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(self.from).unwrap();
        must("connect", socket.connect(self.http)).await.unwrap()
    }

    /// A request with a body.
    pub async fn request(&self, method: &str, path: &str, body: &str) -> HttpResponse {
        let mut stream = self.connect().await;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}{}\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            self.host,
            self.headers,
            body.len()
        );
        must("the request", stream.write_all(request.as_bytes())).await.unwrap();
        let mut bytes = Vec::new();
        must("a response", stream.read_to_end(&mut bytes)).await.unwrap();
        response(&bytes)
    }

    /// Something the teacher does, as JSON. Returns the status and the sentence.
    pub async fn tries(&self, act: &str) -> (u16, String) {
        let response = self.request("POST", "/api/teacher/act?lang=en", act).await;
        (response.status, response.text())
    }

    /// Something the teacher does.
    pub async fn acts(&self, act: &str) {
        assert_eq!(self.tries(act).await, (204, String::new()), "{act}");
    }

    /// An action without parameters.
    pub async fn does(&self, action: &str) {
        self.acts(&format!(r#"{{"action":"{action}"}}"#)).await;
    }

    /// The book as CSV.
    pub async fn book(&self) -> String {
        self.request("GET", "/api/teacher/contacts.csv?bom=false", "").await.text()
    }

    /// Waits until the book holds a row.
    pub async fn until_book_has(&self, row: &str) {
        must("the row in the book", async { while !self.book().await.contains(row) {} }).await;
    }
}
