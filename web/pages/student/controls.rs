//! Gestures and browser events → messages to the model.
//!
//! It reads the event and the input, and decides nothing.

use std::rc::Rc;

use js_sys::Date;
use wasm_bindgen::JsCast;
use web::browser::appearance::Appearance;
use web::browser::dom::Dom as _;
use web::browser::json::field;
use web::browser::listener::{Listener, closest};
use web::browser::program;
use web::core::keyboard::{Key, Report};
use web::core::message::LINE_END;
use web_sys::{Document, Element, Event, HtmlInputElement, KeyboardEvent, MediaQueryList, Window};

use crate::model::Msg;
use crate::model::class::ClassMsg;
use crate::model::conversation::ConversationMsg;
use crate::model::input::InputMsg;
use crate::model::lesson::LessonMsg;
use crate::model::panels::{PanelsMsg, Selection};
use crate::model::tabs::{Panel, TabMove};
use crate::view::{View, copy, exercise};

/// Where messages go.
pub type Post = program::Post<Msg>;

/// Listens to everything a person can do on the page, and to the browser.
pub fn listen(
    window: &Window,
    wide: Option<MediaQueryList>,
    view: &Rc<View>,
    appearance: &Rc<Appearance>,
    post: &Post,
) -> Vec<Listener> {
    let mut listeners = Vec::new();
    in_the_input(view, post, &mut listeners);
    around_it(view, appearance, post, &mut listeners);
    from_the_browser(window, view, post, &mut listeners);
    if let Some(wide) = wide {
        let post = post.clone();
        listeners.push(Listener::new(&wide.clone(), "change", move |_| {
            post(PanelsMsg::Resized { wide: wide.matches() }.into());
        }));
    }
    listeners
}

fn in_the_input(view: &Rc<View>, post: &Post, listeners: &mut Vec<Listener>) {
    let input = view.command();
    let typed = |composing_of: fn(&Event) -> bool| {
        let (view, post) = (view.clone(), post.clone());
        move |event: Event| {
            post(
                InputMsg::Typed { text: view.command().value(), composing: composing_of(&event) }
                    .into(),
            );
        }
    };
    // Both kinds of event call it so.
    let is_composing = |event: &Event| event.unchecked_ref::<KeyboardEvent>().is_composing();
    let pressed = {
        let (view, post) = (view.clone(), post.clone());
        move |event: Event| {
            let press: &KeyboardEvent = event.unchecked_ref();
            let key = Key::of(Report {
                key: &press.key(),
                key_code: press.key_code(),
                is_composing: press.is_composing(),
                shift: press.shift_key(),
                modified: press.ctrl_key() || press.alt_key() || press.meta_key(),
            });
            let Some(key) = key else { return };
            let at_end = view.caret_is_at_end();
            if post(InputMsg::KeyPressed { key, at_end, repeated: press.repeat() }.into()) {
                event.prevent_default();
            }
        }
    };
    listeners.push(Listener::new(input, "input", typed(is_composing)));
    // The last `input` of a composition still says it is composing.
    listeners.push(Listener::new(input, "compositionend", typed(|_| false)));
    listeners.push(Listener::new(input, "keydown", pressed));
    listeners.push(Listener::new(input, "beforeinput", {
        let (view, post) = (view.clone(), post.clone());
        move |event| {
            paste_lines(&event, &view, &post);
        }
    }));
    // Whatever may scroll the input's text has to move the marks with it; not
    // every browser reports that as a `scroll`.
    for event in ["scroll", "keyup", "pointerup"] {
        let view = view.clone();
        listeners.push(Listener::new(input, event, move |_| view.scroll_highlights()));
    }
}

/// Puts several lines into the input with a sign for each line end, of which the browser
/// would make a space, unseen. One line is the browser's own affair.
fn paste_lines(event: &Event, view: &View, post: &Post) -> Option<()> {
    let text = field::<String>(event, "data")?.replace('\r', "");
    let text = text.trim_end_matches('\n');
    if text.contains('\n') {
        event.prevent_default();
        view.insert(&text.replace('\n', LINE_END));
        post(InputMsg::Typed { text: view.command().value(), composing: false }.into());
    }
    Some(())
}

fn around_it(
    view: &Rc<View>,
    appearance: &Rc<Appearance>,
    post: &Post,
    listeners: &mut Vec<Listener>,
) {
    let say = view.element("say");
    let submitted = {
        let post = post.clone();
        move |event: Event| {
            event.prevent_default();
            post(InputMsg::Submitted.into());
        }
    };
    let clicked = {
        let (view, appearance, post) = (view.clone(), appearance.clone(), post.clone());
        move |event: Event| click(&event, &view, &appearance, &post)
    };
    let pressed = |press: fn(&Event) -> Option<PanelsMsg>| {
        let post = post.clone();
        move |event: Event| {
            if let Some(msg) = press(&event) {
                event.prevent_default();
                post(msg.into());
            }
        }
    };
    listeners.push(Listener::new(view.document(), "keydown", pressed(selection_key)));
    listeners.push(Listener::new(&view.element("tabs"), "keydown", pressed(tab_key)));
    listeners.push(Listener::new(&say, "submit", submitted));
    // A button pressed with a finger or a mouse leaves the caret where it is, so
    // that a phone's keyboard stays open.
    listeners.push(Listener::new(&say, "mousedown", |event| {
        if closest(&event, "button").is_some() {
            event.prevent_default();
        }
    }));
    // The last `input` of a composition still says it is composing.
    for kind in ["input", "compositionend"] {
        let post = post.clone();
        listeners.push(Listener::new(view.document(), kind, move |event| {
            let told = |selector, msg: fn(String) -> LessonMsg| {
                let field = closest(&event, selector)?;
                Some(post(msg(field.unchecked_ref::<HtmlInputElement>().value()).into()))
            };
            if !event.unchecked_ref::<KeyboardEvent>().is_composing() {
                told("[data-name]", LessonMsg::Named);
                told("[data-seat]", LessonMsg::Seated);
            }
        }));
    }
    // One for all buttons, those that come and go included.
    listeners.push(Listener::new(view.document(), "click", clicked));
}

fn click(event: &Event, view: &View, appearance: &Appearance, post: &Post) {
    let message = message_of(event);
    let Some(button) = closest(event, "button,a[href]") else {
        if let Some(id) = message {
            post(PanelsMsg::MessageSelected(Selection::Message(id)).into());
        }
        return;
    };
    if let Some(id) = message.filter(|_| button.get_attribute("data-look").is_some()) {
        post(PanelsMsg::MessageSelected(Selection::Bytes(id)).into());
    }
    if let Some(id) = button.get_attribute("data-copy") {
        copy::copy(view, &button, &id);
    }
    if let Some(text) = button.get_attribute("data-insert") {
        view.insert(&text);
        view.focus();
    }
    // The bar of the step says so itself when there is a next one.
    if button.id() == "now" && button.get_attribute("data-told").as_deref() == Some("done") {
        post(LessonMsg::NextStep.into());
    }
    if let Some(msg) = meaning(&button, view, appearance) {
        // The page has no other links than those to its own panels.
        event.prevent_default();
        post(msg);
    }
    // Once it is known what stands below it.
    if button.get_attribute("data-answer").is_some() {
        view.steps().reveal(&button);
    }
}

/// What a key on the tabs means.
fn tab_key(event: &Event) -> Option<PanelsMsg> {
    let press: &KeyboardEvent = event.unchecked_ref();
    let is_modified = press.ctrl_key() || press.alt_key() || press.meta_key();
    TabMove::of(&press.key()).filter(|_| !is_modified).map(PanelsMsg::TabKeyPressed)
}

/// What a key in the list of messages means.
fn selection_key(event: &Event) -> Option<PanelsMsg> {
    let press: &KeyboardEvent = event.unchecked_ref();
    let selection = match &*press.key() {
        "ArrowUp" => Selection::Previous,
        "ArrowDown" => Selection::Next,
        _ => return None,
    };
    closest(event, "#conversation").map(|_| PanelsMsg::MessageSelected(selection))
}

/// What a press on a button means.
fn meaning(button: &Element, view: &View, appearance: &Appearance) -> Option<Msg> {
    let id = button.get_attribute("id").unwrap_or_default();
    let msg = for_the_input(button, &id, view).map(Msg::from);
    msg.or_else(|| for_the_conversation(button, &id).map(Msg::from))
        .or_else(|| for_the_panels(button).map(Msg::from))
        .or_else(|| for_the_lesson(button, &id, view).map(Msg::from))
        .or_else(|| (id == "hand").then_some(ClassMsg::HandTurned.into()))
        .or_else(|| appearance.meaning(&id).map(Msg::from))
}

fn for_the_input(button: &Element, id: &str, view: &View) -> Option<InputMsg> {
    let attribute = |name| button.get_attribute(name);
    if let Some(text) = attribute("data-command") {
        return Some(InputMsg::CommandChosen(text));
    }
    if let Some(text) = attribute("data-fill") {
        return Some(InputMsg::ExampleChosen(text));
    }
    if attribute("data-insert").is_some() {
        return Some(InputMsg::Typed { text: view.command().value(), composing: false });
    }
    (id == "fix").then_some(InputMsg::FixApplied)
}

fn for_the_conversation(button: &Element, id: &str) -> Option<ConversationMsg> {
    if let Some(id) = button.get_attribute("data-take-back") {
        return Some(ConversationMsg::MessageRestored { id: id.parse().ok()? });
    }
    if let Some(server) = button.get_attribute("data-server") {
        return Some(ConversationMsg::ServerChosen(server));
    }
    match id {
        "reconnect" => Some(ConversationMsg::Reconnect),
        "mode" | "practise" => Some(ConversationMsg::ModeSwitched),
        _ => None,
    }
}

fn for_the_panels(button: &Element) -> Option<PanelsMsg> {
    if let Some(pick) = button.get_attribute("data-pick") {
        return Some(PanelsMsg::MessageSelected(match &*pick {
            "back" => Selection::Previous,
            "on" => Selection::Next,
            _ => Selection::Newest,
        }));
    }
    if let Some(id) = button.get_attribute("aria-controls") {
        return Panel::with_id(&id).map(PanelsMsg::Chosen);
    }
    let link = button.get_attribute("href")?;
    Panel::with_id(link.strip_prefix('#')?).map(PanelsMsg::Chosen)
}

fn for_the_lesson(button: &Element, id: &str, view: &View) -> Option<LessonMsg> {
    if let Some(answer) = button.get_attribute("data-answer") {
        view.steps().explain(button);
        let question = around(button, "data-question")?;
        return Some(LessonMsg::QuestionAnswered { question, right: answer == "right" });
    }
    if button.get_attribute("data-turn").is_some() {
        return around(button, "data-step").map(LessonMsg::StepChosen);
    }
    match id {
        "next" | "skip" => Some(LessonMsg::NextStep),
        "start-over" => Some(LessonMsg::Restarted),
        _ => None,
    }
}

fn from_the_browser(window: &Window, view: &Rc<View>, post: &Post, listeners: &mut Vec<Listener>) {
    let returned = {
        let post = post.clone();
        move |_| {
            post(ConversationMsg::NetworkOnline.into());
        }
    };
    let seen = {
        let (document, post) = (view.document().clone(), post.clone());
        move |_| {
            post(visibility(&document));
        }
    };
    let scrolled = {
        let view = view.clone();
        move |_| view.note_scrolling()
    };
    listeners.push(Listener::new(window, "hashchange", {
        let view = view.clone();
        move |_| exercise::show(&view)
    }));
    listeners.push(Listener::new(window, "online", returned));
    listeners.push(Listener::new(view.document(), "visibilitychange", seen));
    listeners.push(Listener::new(view.conversation(), "scroll", scrolled));
    listeners.push(Listener::new(view.document(), "selectionchange", {
        let view = view.clone();
        move |_| view.scroll_highlights()
    }));
}

/// Whether the page can be seen now.
pub fn visibility(document: &Document) -> Msg {
    let (is_visible, wall) = (!document.hidden(), Date::now() as u64);
    ConversationMsg::VisibilityChanged { is_visible, wall }.into()
}

/// The message an event happened to.
fn message_of(event: &Event) -> Option<u32> {
    closest(event, "#conversation>li")?.get_attribute("id")?.strip_prefix("message-")?.parse().ok()
}

/// The value of an attribute that an element around this one has.
fn around(element: &Element, attribute: &str) -> Option<String> {
    element.around(&["[", attribute, "]"].concat())?.get_attribute(attribute)
}
