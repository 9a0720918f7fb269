//! The lab for sticky packets: it cuts a stream as the server's decoder does.

use super::{bytes, hex, set_split, show, text_of};
use crate::classroom::browser::{Browser, CHINESE, ENGLISH};
use fantoccini::key::Key;
use protocol::{Contacts, Decoder, Replies, Stage, answer};

/// What the lab says the server does: each line's kind, count, text and reply.
type Line = (String, Option<String>, Option<String>, Option<String>);

async fn lab(browser: &Browser) -> Vec<Line> {
    let lines = browser
        .script(
            "const slot = (line, name) => line.querySelector(`[data-slot=${name}]`)?.textContent ?? null; \
             return [...document.getElementById('lab-steps').children].map(line => \
             [line.dataset.said, slot(line, 'bytes'), slot(line, 'text'), slot(line, 'reply')])",
        )
        .await;
    serde_json::from_value(lines).unwrap()
}

/// The same from a decoder and a book of this test's own.
fn expected(pieces: &[&[u8]], in_lines: bool, late: bool) -> Vec<Line> {
    let mut decoder = Decoder::new(Stage::Contacts);
    if in_lines {
        decoder.push(b"\n");
        assert!(decoder.next_message().is_none());
    }
    let mut book = Contacts::default();
    let mut lines = Vec::new();
    let mut take = |decoder: &mut Decoder, lines: &mut Vec<Line>| {
        let mut copy = decoder.clone();
        let mut texts = Vec::new();
        while let Some(message) = copy.next_message() {
            texts.push(message.text.ok().map(str::to_owned));
        }
        let mut replies = Replies::default();
        let _ = answer(decoder, &mut book, &mut replies, usize::MAX);
        for (text, reply) in texts.into_iter().zip(replies.iter()) {
            let word = if text.is_some() { "lab-message" } else { "lab-garbage" };
            lines.push((word.to_owned(), None, text, Some(reply.to_owned())));
        }
    };
    for (index, piece) in pieces.iter().enumerate().filter(|(_, piece)| !piece.is_empty()) {
        decoder.push(piece);
        lines.push(("lab-recv".to_owned(), Some(piece.len().to_string()), None, None));
        take(&mut decoder, &mut lines);
        if decoder.is_waiting() {
            let held = decoder.held_bytes().to_string();
            let word = if in_lines { "lab-waits-line" } else { "lab-waits-character" };
            lines.push((word.to_owned(), Some(held), None, None));
            if late || index == 1 {
                decoder.close();
                lines.push(("lab-silence".to_owned(), None, None, None));
                take(&mut decoder, &mut lines);
            }
        }
    }
    lines
}

#[tokio::test]
async fn the_lab_cuts_as_the_server_s_decoder_does_wherever_the_cut_is() {
    let (_server, browser) = open!(CHINESE);
    show(&browser, "sticky").await;
    for in_lines in [false, true] {
        if in_lines {
            browser.click("#lab-lines").await;
        }
        let end = if in_lines { "\n" } else { "" };
        let stream = format!("add;张三;13800138000{end}find;张三{end}");
        assert_eq!(bytes(&browser, "#lab-wire").await, hex(stream.as_bytes()));
        for late in [false, true] {
            if late {
                browser.click("#lab-late").await;
            }
            for split in 0..=stream.len() {
                set_split(&browser, split).await;
                let (first, second) = stream.as_bytes().split_at(split);
                let mut shown = lab(&browser).await;
                for line in shown.iter_mut().filter(|line| line.0 == "lab-recv") {
                    // What a piece looks like is tested where it is made.
                    assert!(line.2.take().is_some());
                }
                for line in &mut shown {
                    // Inside a character it waits for that first.
                    let is_inside = in_lines && !stream.is_char_boundary(split);
                    if line.0 == "lab-waits-character" && is_inside {
                        line.0 = "lab-waits-line".to_owned();
                    }
                }
                assert_eq!(shown, expected(&[first, second], in_lines, late), "{split} {late}");
                let is_inside = !stream.is_char_boundary(split);
                let place = text_of(&browser, "#lab-place").await;
                assert_eq!(place.contains("切开了一个汉字"), is_inside, "{split}");
                let second = browser
                    .script("return document.querySelectorAll('#lab-wire .second').length")
                    .await;
                assert_eq!(second, stream.len() - split);
            }
        }
        browser.click("#lab-late").await;
    }
    browser.finish().await;
}

#[tokio::test]
async fn the_lab_sends_two_messages_for_real_and_works_by_keyboard() {
    let (_server, browser) = open!(ENGLISH);
    show(&browser, "sticky").await;
    browser.click("#sticky [data-command]").await;
    browser
        .expect("received", "Error: add takes a name and a phone, like add;zhangsan;13800138000")
        .await;
    browser.click("#sticky p:last-child [data-command]").await;
    browser.expect("received", "13800138000").await;
    assert_eq!(browser.messages().await.len(), 6);

    let place = "return document.querySelector('#lab-place [data-slot=bytes]').textContent";
    assert_eq!(browser.script(place).await, "33");
    browser.type_into("#lab-split", &char::from(Key::Left).to_string()).await;
    assert_eq!(browser.script(place).await, "32");
    browser.finish().await;
}
