//! The view with the page's own markup, in a browser.

use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

use super::*;
use crate::model::{Moment, Msg, Remembered};

wasm_bindgen_test_configure!(run_in_browser);

/// Puts the page's markup into the test's document.
fn mount() -> View {
    const PAGE: &str = include_str!("../../../static/index.html");
    let body = PAGE.split_once("<body>").unwrap().1.split_once("</body>").unwrap().0;
    let document = web_sys::window().unwrap().document().unwrap();
    let mut root = document.query_selector("#mounted").unwrap();
    let root = root.get_or_insert_with(|| {
        let root = document.create_element("div").unwrap();
        root.set_id("mounted");
        document.body().unwrap().append_child(&root).unwrap();
        root
    });
    root.set_inner_html(body);
    View::of(document)
}

fn message(id: u32, direction: Direction, text: &str) -> Message {
    Message { id, direction, text: text.to_string(), opening: None, correction: None }
}

/// The text a reader of this language gets.
fn in_language(element: &Element, language: &str) -> String {
    let pieces = element.query_selector_all(&format!("[lang={language}]")).unwrap();
    (0..pieces.length()).filter_map(|index| pieces.item(index)?.text_content()).collect()
}

#[wasm_bindgen_test]
fn what_the_network_says_stays_text_and_each_message_is_one_child() {
    let view = mount();
    let evil = "<img src=x onerror=alert(1)>\u{202e}\x1b[31m";
    view.show(&message(0, Direction::Received, "Welcome!"));
    view.show(&message(1, Direction::Sent, "find;a"));
    view.show(&message(2, Direction::Received, evil));
    view.annotate(1, &Note::new(Word::NoteLost), true);

    let lines = view.conversation().children();
    assert_eq!(lines.length(), 3);
    let directions: Vec<_> = (0..3)
        .map(|index| lines.item(index).unwrap().get_attribute("data-direction").unwrap())
        .collect();
    assert_eq!(directions, ["received", "sent", "received"]);
    for (index, text) in ["Welcome!", "find;a", r"<img src=x onerror=alert(1)>\u{202e}\u{1b}[31m"]
        .into_iter()
        .enumerate()
    {
        let line = lines.item(index as u32).unwrap();
        let codes = line.query_selector_all("code").unwrap();
        assert_eq!(codes.length(), 1);
        assert_eq!(codes.item(0).unwrap().text_content().unwrap(), text);
    }
    assert!(view.conversation().query_selector("img").unwrap().is_none());
}

#[wasm_bindgen_test]
fn a_note_comes_and_goes_and_offers_the_line_again() {
    let view = mount();
    view.show(&message(7, Direction::Sent, "find;a"));
    let late = Note::new(Word::NoteLate).with(Slot::Seconds, "10");
    view.annotate(7, &late, false);
    view.annotate(7, &Note::new(Word::NoteLost), true);
    let line = view.element("message-7");
    assert_eq!(line.query_selector_all(".note").unwrap().length(), 1);
    let button = line.query_selector("button").unwrap().unwrap();
    assert_eq!(button.get_attribute("data-take-back").as_deref(), Some("7"));
    view.unannotate(7);
    assert!(line.query_selector(".note").unwrap().is_none());
}

#[wasm_bindgen_test]
fn every_sentence_is_there_in_both_languages_at_once() {
    let view = mount();
    let mut model = Model::new("host:1", Language::English, Remembered::default());
    let moment = Moment { millis: 0, jitter: 0 };
    for msg in [Msg::Opened, Msg::Typed { text: "add；张三；1".to_string(), composing: false }]
    {
        let _ = model.update(msg, moment);
    }
    view.refresh(&model, 0);
    let hint = view.element("hint");
    assert!(in_language(&hint, "en").contains("semicolon"));
    assert!(in_language(&hint, "zh-CN").contains("分号"));
    assert!(!view.element("fix").hidden());

    view.speak(Language::English);
    assert_eq!(view.root.lang(), "en");
    view.speak(Language::Chinese);
    assert_eq!(view.root.lang(), "zh-CN");
}

#[wasm_bindgen_test]
fn the_marks_repeat_the_line_and_name_its_parts() {
    let view = mount();
    let mut model = Model::new("host:1", Language::English, Remembered::default());
    let text = "add;张三；1";
    let typed = Msg::Typed { text: text.to_string(), composing: false };
    let _ = model.update(typed, Moment { millis: 0, jitter: 0 });
    view.refresh(&model, 0);

    let marks = view.element("marks");
    for (class, text) in [("vb", "add"), ("nm", "张三"), ("circled", "；"), ("ph", "1")] {
        let span = marks.query_selector(&format!(".{class}")).unwrap().unwrap();
        assert_eq!(span.first_child().unwrap().text_content().unwrap(), text);
    }
    let verb = marks.query_selector(".vb small").unwrap().unwrap();
    assert_eq!(in_language(&verb, "en"), "verb");
    // Without its labels it is the line, letter for letter.
    let labels = marks.query_selector_all("small").unwrap();
    for index in 0..labels.length() {
        let label: Element = labels.item(index).unwrap().unchecked_into();
        label.remove();
    }
    assert_eq!(marks.text_content().unwrap(), text);
}

#[wasm_bindgen_test]
fn a_page_is_opened_and_closed_without_a_trace() {
    drop(mount());
    let document = web_sys::window().unwrap().document().unwrap();
    let page = crate::page::Page::open(document.clone());
    let state = document.get_element_by_id("connection").unwrap();
    assert_eq!(state.get_attribute("data-state").as_deref(), Some("connecting"));
    drop(page);
}
