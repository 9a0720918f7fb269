//! The view with the page's own markup, in a browser.

use std::ops::Deref;

use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web::browser::appearance::Appearance;
use web::browser::program::UpdateLoop;
use web::browser::storage::PageStorage;
use web::core::appearance::Language;
use web::core::clock::Moment;
use web::core::language::LanguageMsg;

use super::*;
use crate::model::Stored;
use crate::model::conversation::ConversationMsg;
use crate::model::input::InputMsg;
use crate::model::lesson::LessonMsg;
use crate::model::panels::PanelsMsg;

wasm_bindgen_test_configure!(run_in_browser);

/// A view, and the language it is shown in.
struct Mounted {
    view: View,
    appearance: Appearance,
}

impl Deref for Mounted {
    type Target = View;

    fn deref(&self) -> &View {
        &self.view
    }
}

impl Mounted {
    /// Shows everything in a language.
    fn translate(&self, texts: Element) -> bool {
        self.view.steps().load(&texts);
        self.view.steps().personalize(&Owner::default());
        self.appearance.translate(texts)
    }
}

/// Puts the page's markup into the test's document.
fn mount() -> Mounted {
    const PAGE: &str = include_str!("../index.html");
    /// What trunk puts in place of the links.
    const SHARED: [(&str, &str); 3] = [
        ("brand", include_str!("../../../../static/brand.html")),
        ("switches", include_str!("../../../../static/switches.html")),
        ("broken", include_str!("../../../../static/broken.html")),
    ];
    let body = PAGE.split_once("<body>").unwrap().1.split_once("</body>").unwrap().0;
    let body = SHARED.into_iter().fold(body.to_string(), |body, (name, markup)| {
        let link = r#"<link data-trunk rel="inline" href="../../../static/NAME.html">"#;
        body.replace(&link.replace("NAME", name), markup)
    });
    let document = web_sys::window().unwrap().document().unwrap();
    let mut root = document.query_selector("#mounted").unwrap();
    let root = root.get_or_insert_with(|| {
        let root = document.create_element("div").unwrap();
        root.set_id("mounted");
        document.body().unwrap().append_child(&root).unwrap();
        root
    });
    root.set_inner_html(&body);
    let storage = Rc::new(PageStorage::of(&web_sys::window().unwrap()));
    let appearance = Appearance::open(&document, &storage, |_| {});
    let view = View::of(document, appearance.translator().clone());
    let mounted = Mounted { view, appearance };
    mounted.translate(file(Language::English));
    mounted
}

/// A language's file, as the browser parses it.
fn file(language: Language) -> Element {
    let text = match language {
        Language::Chinese => include_str!("../../../../static/zh.html"),
        Language::English => include_str!("../../../../static/en.html"),
    };
    let file = web_sys::window().unwrap().document().unwrap().create_element("div").unwrap();
    file.set_inner_html(text);
    file.set_attribute("lang", language.tag()).unwrap();
    file
}

/// A model that has texts.
fn model() -> Model {
    let mut model = Model::new("host:1", true, Language::English, Stored::default());
    let _ = model.update(LanguageMsg::Fetched { found: true }, Moment { millis: 0, jitter: 0 });
    model
}

fn message(id: u32, direction: Direction, text: &str) -> Message {
    let text = text.to_string();
    Message { id, direction, mode: Mode::Server, text, opening: None, correction: None }
}

#[wasm_bindgen_test]
fn what_the_network_says_stays_text_and_each_message_is_one_child() {
    let view = mount();
    let evil = "<img src=x onerror=alert(1)>\u{202e}\x1b[31m";
    view.show(&message(0, Direction::Received, "Welcome!"));
    view.show(&message(1, Direction::Sent, "find;a"));
    view.show(&message(2, Direction::Received, evil));
    view.annotate(1, &Text::new(TextKey::NoteLost), true);

    let lines = view.conversation().children();
    assert_eq!(lines.length(), 3);
    let directions: Vec<_> = (0..3)
        .map(|index| lines.item(index).unwrap().get_attribute("data-direction").unwrap())
        .collect();
    assert_eq!(directions, ["received", "sent", "received"]);
    for (index, text) in ["Welcome!", "find;a", "<img src=x onerror=alert(1)><U+202E><U+001B>[31m"]
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
    let late = Text::new(TextKey::NoteLate).with(Placeholder::Seconds, "10");
    view.annotate(7, &late, false);
    view.annotate(7, &Text::new(TextKey::NoteLost), true);
    let line = view.element("message-7");
    assert_eq!(line.query_selector_all(".note").unwrap().length(), 1);
    let button = line.query_selector(".note button").unwrap().unwrap();
    assert_eq!(button.get_attribute("data-take-back").as_deref(), Some("7"));
    view.unannotate(7);
    assert!(line.query_selector(".note").unwrap().is_none());
}

#[wasm_bindgen_test]
fn whatever_stands_on_the_page_is_translated_where_it_stands() {
    let view = mount();
    let mut opened = message(1, Direction::Received, "Welcome!");
    opened.opening = Some(Text::new(TextKey::NoteConnected).with(Placeholder::Host, "host:1"));
    view.show(&opened);
    view.show(&message(2, Direction::Sent, "find;a"));
    view.annotate(2, &Text::new(TextKey::NoteLate).with(Placeholder::Seconds, "10"), true);
    let mut model = model();
    let typed = InputMsg::Typed { text: "find lisi".to_string(), composing: false };
    let _ = model.update(typed, Moment { millis: 0, jitter: 0 });
    view.refresh(&model, 0);
    let text = |id: &str| view.element(id).text_content().unwrap();
    assert!(text("hint").starts_with("A ; belongs after find"), "{}", text("hint"));

    assert!(!view.translate(file(Language::Chinese)));
    assert_eq!(view.root.lang(), "zh-CN");
    assert_eq!(view.document.title(), "TCP 课堂");
    assert!(text("hint").contains("find 后面要用 ; 隔开"), "{}", text("hint"));
    assert!(text("hint").ends_with("find;lisi"), "{}", text("hint"));
    assert!(text("message-1").contains("连上了 host:1"), "{}", text("message-1"));
    assert!(text("message-2").contains("等了 10 秒"), "{}", text("message-2"));
    assert!(text("message-2").contains("放回输入框"), "{}", text("message-2"));
    assert!(text("message-2").contains("find;a"), "{}", text("message-2"));
    // And so is what comes later.
    view.show(&message(3, Direction::Received, "1"));
    assert!(text("message-3").starts_with("服务器说"), "{}", text("message-3"));
}

#[wasm_bindgen_test]
fn the_tabs_show_their_panels() {
    let view = mount();
    let mut model = model();
    for (wide, shown, selected) in [(true, 3, "wire"), (false, 1, "plan")] {
        let _ = model.update(PanelsMsg::Resized { wide }, Moment { millis: 0, jitter: 0 });
        view.refresh(&model, 0);
        let panels = Panel::ALL.into_iter().filter(|panel| !view.element(panel.id()).hidden());
        assert_eq!(panels.count(), shown);
        let tabs = view.document.query_selector_all("[role=tab][aria-selected=true]").unwrap();
        assert_eq!(tabs.length(), 1);
        let tab: Element = tabs.item(0).unwrap().unchecked_into();
        assert_eq!(tab.get_attribute("aria-controls").as_deref(), Some(selected));
        assert_eq!(tab.get_attribute("tabindex").as_deref(), Some("0"));
    }
}

#[wasm_bindgen_test]
fn the_marks_repeat_the_line_and_name_its_parts() {
    let view = mount();
    let mut model = model();
    let text = "add;张三；1";
    let typed = InputMsg::Typed { text: text.to_string(), composing: false };
    let _ = model.update(typed, Moment { millis: 0, jitter: 0 });
    view.refresh(&model, 0);

    let marks = view.element("marks");
    for (class, text) in [("vb", "add"), ("nm", "张三"), ("circled", "；"), ("ph", "1")] {
        let span = marks.query_selector(&format!(".{class}")).unwrap().unwrap();
        assert_eq!(span.first_child().unwrap().text_content().unwrap(), text);
    }
    let verb = marks.query_selector(".vb small").unwrap().unwrap();
    assert_eq!(verb.text_content().unwrap(), "verb");
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
    let page = UpdateLoop::<crate::page::StudentPage>::open(document.clone());
    // It waits for its texts, which this document's server does not have.
    let state = document.get_element_by_id("connection").unwrap();
    assert_eq!(state.get_attribute("data-state").as_deref(), Some("closed"));
    drop(page);
}

#[wasm_bindgen_test]
fn the_steps_are_as_far_as_the_lesson_in_either_language() {
    let view = mount();
    let mut model = model();
    let moment = Moment { millis: 0, jitter: 0 };
    let _ = model.update(LessonMsg::Loaded(view.steps().read()), moment);
    let _ = model.update(ConversationMsg::Received("Welcome!".to_string()), moment);
    let right = LessonMsg::QuestionAnswered { question: "client".to_string(), right: true };
    let _ = model.update(right, moment);
    for language in [Language::English, Language::Chinese] {
        view.translate(file(language));
        view.steps().guide(&model);
        let steps = view.element("steps");
        assert_eq!(steps.child_element_count() as usize, model.lesson().steps().len());
        let open = steps.query_selector("[aria-current=step]").unwrap().unwrap();
        assert_eq!(open.get_attribute("data-step").as_deref(), Some("roles"));
        assert_eq!(open.get_attribute("data-done").as_deref(), Some("true"));
        assert_eq!(open.query_selector_all("[aria-pressed=true]").unwrap().length(), 1);
        assert_eq!(open.query_selector_all("#guide[data-told=done]").unwrap().length(), 1);
        let done = steps.query_selector_all("[data-step][data-done=true]").unwrap();
        assert_eq!(done.length(), 1);
    }
    let command = view
        .element("steps")
        .query_selector("[data-step=sticky] .try:nth-of-type(2)")
        .unwrap()
        .unwrap();
    assert_eq!(command.text_content().as_deref(), Some("add;zhangsan;12345⏎find;zhangsan"));
}
