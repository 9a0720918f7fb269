//! Lines of the lesson that come to its port in some other protocol, and a book that
//! they must not change.

use super::TestServer;

/// What a page of another origin would have the book do.
pub const LINES: &str = "add;mallory;666\nremove;zhangsan\nadd;zhangsan;666\nexit\n";

/// A server with one contact.
pub async fn with_zhangsan() -> TestServer {
    let server = TestServer::start().await;
    let mut client = server.tcp().await;
    client.send(b"add;zhangsan;138\n").await;
    client.expect(b"zhangsan added!\n").await;
    server
}

/// Asserts that the book still has its one contact, whatever came.
pub async fn assert_unchanged(server: &TestServer, what: &str) {
    let mut client = server.tcp().await;
    client.send(b"find;mallory\nfind;zhangsan\nexit\n").await;
    assert_eq!(client.rest().await, "Not Found!\n138\n", "{what}");
}
