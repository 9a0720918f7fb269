//! The corpus, over real sockets: raw TCP and the WebSocket answer alike, byte
//! for byte.

use crate::classroom::{TestServer, must};
use futures_util::StreamExt as _;
use protocol::ForeignProtocol;
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::tungstenite::Message;
use transcripts::{Action, Transcript, all};

/// Bytes that the server takes from a socket at once.
const READ: usize = 4096;

async fn server_for(transcript: &Transcript) -> TestServer {
    TestServer::with(|config| config.stage = transcript.stage).await
}

#[tokio::test]
async fn raw_tcp_answers_every_transcript_byte_for_byte() {
    for transcript in all() {
        println!("{}", transcript.name);
        let server = server_for(&transcript).await;
        server.plays_over_tcp(&transcript).await;
    }
}

#[tokio::test]
async fn a_websocket_answers_every_transcript_byte_for_byte() {
    let mut played = 0;
    for transcript in all().into_iter().filter(|transcript| !transcript.stream_only) {
        println!("{}", transcript.name);
        played += 1;
        let server = server_for(&transcript).await;
        let mut client = server.websocket().await;
        for turn in &transcript.turns {
            let Action::Send(bytes) = &turn.action else { panic!("a WebSocket has no streams") };
            client
                .send_message(match str::from_utf8(bytes) {
                    Ok(text) => Message::text(text),
                    Err(_) => Message::binary(bytes.clone()),
                })
                .await;
            for reply in turn.replies() {
                client.expect(&reply).await;
            }
            if turn.closed {
                assert_eq!(client.expect_close().await, 1000);
            }
        }
        if !transcript.turns.last().is_some_and(|turn| turn.closed) {
            client.send_message(Message::Close(None)).await;
            assert_eq!(client.next().await, Message::Close(None));
        }
    }
    assert!(played > 40, "{played}");
}

#[tokio::test]
async fn a_foreign_client_changes_no_book_however_its_bytes_are_cut() {
    let request = b"POST / HTTP/1.1\r\nHost: h\r\n\r\nadd;mallory;666\nremove;zhangsan\nexit\n";
    let hello = b"\x16\x03\x01\x02\x00\x01\nadd;mallory;666\nremove;zhangsan\n";
    let server = TestServer::start().await;
    let mut student = server.tcp().await;
    student.send(b"add;zhangsan;1").await;
    student.expect(b"zhangsan added!").await;
    for (bytes, protocol) in
        [(&request[..], ForeignProtocol::Http), (&hello[..], ForeignProtocol::Tls)]
    {
        // Up to where it is decided, and somewhat beyond.
        for cut in 0..12 {
            let mut client = server.tcp().await;
            client.send(&bytes[..cut]).await;
            // What is refused may be closed before all of it is sent.
            let _ = client.stream.write_all(&bytes[cut..]).await;
            client.expect_foreign(protocol).await;
        }
    }
    student.send(b"find;mallory").await;
    student.expect(b"Not Found!").await;
    student.send(b"find;zhangsan").await;
    student.expect(b"1").await;
}

#[tokio::test]
async fn a_bare_remove_at_the_end_of_a_full_read_finds_its_name() {
    let server = TestServer::start().await;
    for beyond in [0, 1, 6, 7] {
        // So many bytes of `remove` and its line end stand in the first read.
        let mut bytes = b"add;zhangsan;1\n".to_vec();
        bytes.resize(READ - 7 + beyond, b'\n');
        bytes.extend(b"remove\nzhangsan\nexit\n");
        let mut client = server.tcp().await;
        client.send(&bytes).await;
        client.expect(b"zhangsan added!\nzhangsan removed!\n").await;
        client.expect_end().await;
    }
    // Without a name it is the error that it was.
    let mut bytes = vec![b'\n'; READ - 7];
    bytes.extend(b"remove\n");
    let mut client = server.tcp().await;
    client.send(&bytes).await;
    client.expect(b"Error: remove needs one name, like remove;zhangsan\n").await;
}

#[tokio::test]
async fn both_transports_share_one_book() {
    let server = TestServer::start().await;
    let mut tcp = server.tcp().await;
    let mut websocket = server.websocket().await;
    websocket.send("add;张三;13800138000").await;
    websocket.expect("张三 added!").await;
    tcp.send("find;张三".as_bytes()).await;
    tcp.expect(b"13800138000").await;
    tcp.send("remove;张三".as_bytes()).await;
    tcp.expect("张三 removed!".as_bytes()).await;
    websocket.send("find;张三").await;
    websocket.expect("Not Found!").await;
}

#[tokio::test]
async fn lines_that_arrive_byte_by_byte_are_reassembled() {
    let server = TestServer::start().await;
    let mut client = server.tcp().await;
    client.send(b"find;a\n").await;
    client.expect(b"Not Found!\n").await;
    for byte in "add;张三;13800138000\r\nfind;张三\r\n".bytes() {
        client.send(&[byte]).await;
    }
    client.expect("张三 added!\n13800138000\n".as_bytes()).await;
}

#[tokio::test]
async fn a_websocket_message_in_fragments_is_one_message() {
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
    let server = TestServer::start().await;
    let mut client = server.websocket().await;
    // Cut inside the character 张.
    let (head, tail) = "add;张三;1".as_bytes().split_at(5);
    for (bytes, opcode, last) in
        [(head, OpCode::Data(Data::Text), false), (tail, OpCode::Data(Data::Continue), true)]
    {
        let frame = Frame::message(bytes.to_vec(), opcode, last);
        client.send_message(Message::Frame(frame)).await;
    }
    client.expect("张三 added!").await;
}

#[tokio::test]
async fn who_says_close_first_is_answered_with_the_same_code_and_the_connection_ends() {
    use tokio_tungstenite::tungstenite::protocol::CloseFrame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
    let server = TestServer::start().await;
    let mut client = server.websocket().await;
    // What was said before is answered before.
    client.send("find;a").await;
    let close = CloseFrame { code: CloseCode::Library(4321), reason: "home time".into() };
    client.send_message(Message::Close(Some(close))).await;
    client.expect("Not Found!").await;
    assert_eq!(client.expect_close().await, 4321);
    assert!(must("the end", client.socket.next()).await.is_none());
}
