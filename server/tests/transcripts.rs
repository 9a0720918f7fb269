//! The corpus, over real sockets: raw TCP and the WebSocket answer alike, byte
//! for byte.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic and may say why it is skipped"
)]

mod classroom;

use classroom::{TestServer, must};
use futures_util::StreamExt as _;
use tokio_tungstenite::tungstenite::Message;
use transcripts::{Action, Transcript, all};

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
