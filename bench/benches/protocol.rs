//! The protocol in process: what a message costs without a network. `cargo
//! bench -p bench` runs it.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use protocol::{Command, Contacts, Decoder, Replies, Stage, answer};

fn main() {
    divan::main();
}

/// As many lines as a scenario of the benchmark has under way at once, and as
/// many as fit into one read of the server.
const LINES: [usize; 2] = [16, 150];

fn lines(count: usize) -> Vec<u8> {
    (0..count)
        .flat_map(|number| format!("add;c07k{number:04};13800138000\n").into_bytes())
        .collect()
}

#[divan::bench(args = LINES)]
fn decode_lines(bencher: Bencher<'_, '_>, count: usize) {
    let chunk = lines(count);
    let mut decoder = Decoder::new(Stage::Contacts);
    bencher.counter(ItemsCount::new(count)).bench_local(|| {
        decoder.push(black_box(&chunk));
        while let Some(message) = decoder.next_message() {
            black_box(&message);
        }
    });
}

#[divan::bench]
fn decode_a_packet(bencher: Bencher<'_, '_>) {
    let mut decoder = Decoder::new(Stage::Contacts);
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| {
        decoder.push(black_box(b"find;c07k0123"));
        black_box(&decoder.next_message());
        // As the conversation does: it asks until there is none.
        black_box(&decoder.next_message());
    });
}

#[divan::bench]
fn skip_an_endless_line(bencher: Bencher<'_, '_>) {
    let chunk = [b'x'; 4096];
    let mut decoder = Decoder::new(Stage::Contacts);
    bencher.counter(BytesCount::new(chunk.len())).bench_local(|| {
        decoder.push(black_box(&chunk));
        black_box(&decoder.next_message());
    });
}

#[divan::bench(args = [
    "add;zhangsan;13800138000",
    "find;张三",
    "remove;zhangsan",
    "hello",
    "add；zhangsan；1",
])]
fn parse(text: &str) -> bool {
    Command::parse(black_box(text), Stage::Contacts).is_ok()
}

/// A message all the way, from bytes to bytes.
#[divan::bench(args = ["find;c07k0123", "add;c07k0123;13800138000"])]
fn answer_a_packet(bencher: Bencher<'_, '_>, message: &str) {
    let mut contacts = book();
    let mut decoder = Decoder::new(Stage::Contacts);
    let mut replies = Replies::default();
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| {
        replies.clear();
        decoder.push(black_box(message.as_bytes()));
        let _ = answer(&mut decoder, &mut contacts, &mut replies, usize::MAX);
        black_box(replies.as_bytes());
    });
}

/// As [`answer_a_packet`], for a whole pipeline.
#[divan::bench(args = LINES)]
fn answer_lines(bencher: Bencher<'_, '_>, count: usize) {
    let mut contacts = book();
    let mut decoder = Decoder::new(Stage::Contacts);
    let mut replies = Replies::default();
    let chunk = lines(count);
    bencher.counter(ItemsCount::new(count)).bench_local(|| {
        replies.clear();
        decoder.push(black_box(&chunk));
        let _ = answer(&mut decoder, &mut contacts, &mut replies, usize::MAX);
        black_box(replies.as_bytes());
    });
}

fn book() -> Contacts {
    let mut contacts = Contacts::default();
    let mut decoder = Decoder::new(Stage::Contacts);
    decoder.push(&lines(1_000));
    let _ = answer(&mut decoder, &mut contacts, &mut Replies::default(), usize::MAX);
    contacts
}
