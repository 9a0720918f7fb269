//! Replies that are joined or split on purpose, for all or for one.

use crate::classroom::teacher::Teacher;
use crate::classroom::{TcpClient, TestServer, must};
use std::time::{Duration, Instant};

/// What the next read brings.
async fn one_read(client: &mut TcpClient) -> String {
    use tokio::io::AsyncReadExt;
    let mut bytes = vec![0; 1024];
    let length = must("bytes", client.stream.read(&mut bytes)).await.unwrap();
    String::from_utf8(bytes[..length].to_vec()).unwrap()
}

#[tokio::test]
async fn joined_replies_wait_for_each_other_and_a_single_one_comes_a_second_later() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    let (mut tcp, mut page) = (server.tcp().await, server.websocket().await);
    teacher.does("sticky-join").await;
    tcp.send(b"add;a;1\n").await;
    // It was answered before the next one is sent, and waits.
    teacher.until_book_has("a,1").await;
    tcp.send(b"find;a\n").await;
    assert_eq!(one_read(&mut tcp).await, "a added!\n1\n");

    let start = Instant::now();
    tcp.send(b"find;a\n").await;
    assert_eq!(one_read(&mut tcp).await, "1\n");
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());

    // A page gets each reply as a message of its own all the same.
    page.send("find;a").await;
    page.send("find;b").await;
    page.expect("1").await;
    page.expect("Not Found!").await;
    teacher.does("sticky-off").await;
    let start = Instant::now();
    tcp.send(b"find;a\n").await;
    assert_eq!(one_read(&mut tcp).await, "1\n");
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_reply_that_waits_for_another_one_is_not_lost_when_the_client_leaves() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    teacher.does("sticky-join").await;
    let mut tcp = server.tcp().await;
    tcp.send(b"add;a;1\nadd;b;2\nadd;c;3\nexit\n").await;
    tcp.expect(b"a added!\nb added!\nc added!\n").await;
    tcp.expect_end().await;
    let mut tcp = server.tcp().await;
    tcp.send(b"find;a\n").await;
    tcp.end().await;
    tcp.expect(b"1\n").await;
    tcp.expect_end().await;
    let mut tcp = server.tcp().await;
    tcp.send(b"add;d;4\n").await;
    teacher.until_book_has("d,4").await;
    server.begin_stop();
    tcp.expect(b"d added!\n").await;
}

#[tokio::test]
async fn a_split_reply_comes_in_two_packets_and_a_page_gets_it_whole() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    let (mut tcp, mut page) = (server.tcp().await, server.websocket().await);
    teacher.does("sticky-split").await;
    tcp.send("add;张三;13800138000".as_bytes()).await;
    assert_eq!(one_read(&mut tcp).await, "张三 ");
    assert_eq!(one_read(&mut tcp).await, "added!");
    page.send("find;张三").await;
    page.expect("13800138000").await;
    teacher.does("sticky-off").await;
    tcp.send("find;张三".as_bytes()).await;
    assert_eq!(one_read(&mut tcp).await, "13800138000");
}

#[tokio::test]
async fn sticky_replies_for_one_are_nobody_else_s() {
    let server = TestServer::start().await;
    let teacher = Teacher::of(&server);
    // People are numbered as they come.
    let (mut one, mut other) = (server.tcp().await, server.tcp().await);
    teacher.acts(r#"{"action":"sticky-split","person":1}"#).await;
    other.send(b"find;zhangsan\n").await;
    assert_eq!(one_read(&mut other).await, "Not Found!\n");
    one.send(b"find;zhangsan\n").await;
    assert_eq!(one_read(&mut one).await, "Not Fo");
    assert_eq!(one_read(&mut one).await, "und!\n");
    teacher.acts(r#"{"action":"sticky-off","person":1}"#).await;
    one.send(b"find;zhangsan\n").await;
    assert_eq!(one_read(&mut one).await, "Not Found!\n");
}
