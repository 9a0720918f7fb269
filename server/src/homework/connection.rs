//! A connection to the server under test: a task that carries out what it is told,
//! and tells what comes.

use std::mem::MaybeUninit;
use std::net::SocketAddr;

use protocol::homework::{Conn, Event};
use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::transport::linger::reset_on_close;

/// What a connection is told.
#[derive(Debug)]
pub(super) enum Order {
    Send(Vec<u8>),
    FinishWriting,
}

/// As many bytes as the lesson's `recv(1024)` takes at once.
const CHUNK: usize = 1024;

/// More orders than a run ever has waiting for one connection.
const ORDERS: usize = 32;

/// Begins to connect. When the returned sender is dropped the connection is reset, so
/// that no `TIME_WAIT` stays on the server's port if its side ended first; or only closed,
/// if ours did and the server still has the connection.
pub(super) fn open(conn: Conn, address: SocketAddr, events: Sender<Event>) -> Sender<Order> {
    let (orders, queue) = channel(ORDERS);
    tokio::spawn(serve(conn, address, queue, events));
    orders
}

async fn serve(
    conn: Conn,
    address: SocketAddr,
    mut orders: Receiver<Order>,
    events: Sender<Event>,
) {
    let mut stream = match TcpStream::connect(address).await {
        Ok(stream) => stream,
        Err(_) => return drop(events.send(Event::Refused(conn)).await),
    };
    // If it fails the connection is broken, which is noticed soon.
    let _ = stream.set_nodelay(true);
    if events.send(Event::Connected(conn)).await.is_ok() {
        let is_half_closed = exchange(conn, &mut stream, &mut orders, &events).await;
        if is_half_closed {
            return;
        }
    }
    reset_on_close(&stream);
}

/// Whether the server has ended its side, and all that it sent before is read. Asks the
/// kernel: the runtime's readiness is as old as its last poll, and a server that was just
/// sent `exit` ends meanwhile.
fn has_ended(stream: &TcpStream) -> bool {
    matches!(SockRef::from(stream).peek(&mut [MaybeUninit::uninit()]), Ok(0))
}

/// Until the grader lets go of the connection. Returns whether our side has ended and the
/// server's has not.
async fn exchange(
    conn: Conn,
    stream: &mut TcpStream,
    orders: &mut Receiver<Order>,
    events: &Sender<Event>,
) -> bool {
    let mut chunk = [0; CHUNK];
    let (mut is_open, mut is_finished) = (true, false);
    loop {
        let event = tokio::select! {
            order = orders.recv() => {
                let done = match order {
                    Some(Order::Send(bytes)) => stream.write_all(&bytes).await,
                    // Where the server was first, this would leave `TIME_WAIT` there.
                    Some(Order::FinishWriting) if !is_open || has_ended(stream) => continue,
                    Some(Order::FinishWriting) => {
                        is_finished = true;
                        stream.shutdown().await
                    }
                    None => return is_finished && is_open && !has_ended(stream),
                };
                match done {
                    // A connection that was reset is noticed by reading.
                    Ok(()) | Err(_) => continue,
                }
            }
            read = stream.read(&mut chunk), if is_open => match read {
                Ok(0) => Event::Closed(conn),
                Ok(length) => Event::Received(conn, chunk[..length].to_vec()),
                Err(_) => Event::Reset(conn),
            }
        };
        is_open = matches!(event, Event::Received(..));
        if events.send(event).await.is_err() {
            return is_finished && is_open;
        }
    }
}
