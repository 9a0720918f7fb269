//! Gestures and browser events → messages to the model.
//!
//! It reads the event and the input, and decides nothing.

use std::rc::Rc;

use js_sys::Date;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{
    Document, Element, Event, EventTarget, KeyboardEvent, MediaQueryList, ResizeObserver, Window,
};

use crate::keyboard::{Key, Report};
use crate::markup::Markup as _;
use crate::model::{Msg, Pick};
use crate::tabs::{Panel, Turn};
use crate::view::View;

/// Where messages go. The answer is whether the event behind the message has
/// been used up.
pub type Post = Rc<dyn Fn(Msg) -> bool>;

/// A handler on an element, for as long as this value lives.
pub struct Listener {
    target: EventTarget,
    event: &'static str,
    handler: Closure<dyn FnMut(Event)>,
}

impl Listener {
    /// Calls the handler at every such event.
    pub fn new(
        target: &EventTarget,
        event: &'static str,
        handler: impl FnMut(Event) + 'static,
    ) -> Self {
        let handler = Closure::wrap(Box::new(handler) as Box<dyn FnMut(Event)>);
        // Only an unknown way of listening is refused, and this is the plain one.
        let _ = target.add_event_listener_with_callback(event, handler.as_ref().unchecked_ref());
        Listener { target: target.clone(), event, handler }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let handler = self.handler.as_ref().unchecked_ref();
        let _ = self.target.remove_event_listener_with_callback(self.event, handler);
    }
}

/// Watches the room that the conversation has, for as long as this value lives.
pub struct Watch {
    observer: ResizeObserver,
    _handler: Closure<dyn FnMut()>,
}

impl Watch {
    /// Keeps the end of the conversation in sight when a strip, a longer hint
    /// or a phone's keyboard takes some of its room.
    pub fn of(view: &Rc<View>) -> Option<Self> {
        let handler = {
            let view = view.clone();
            Closure::wrap(Box::new(move || view.keep_at_end()) as Box<dyn FnMut()>)
        };
        // Where it is missing the reader scrolls.
        let observer = ResizeObserver::new(handler.as_ref().unchecked_ref()).ok()?;
        observer.observe(view.conversation());
        Some(Watch { observer, _handler: handler })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

/// Listens to everything a person can do on the page, and to the browser.
pub fn listen(
    window: &Window,
    wide: Option<MediaQueryList>,
    view: &Rc<View>,
    post: &Post,
) -> Vec<Listener> {
    let mut listeners = Vec::new();
    in_the_input(view, post, &mut listeners);
    around_it(view, post, &mut listeners);
    from_the_browser(window, view, post, &mut listeners);
    if let Some(wide) = wide {
        let post = post.clone();
        listeners.push(Listener::new(&wide.clone(), "change", move |_| {
            post(Msg::Resized { wide: wide.matches() });
        }));
    }
    listeners
}

fn in_the_input(view: &Rc<View>, post: &Post, listeners: &mut Vec<Listener>) {
    let input = view.command();
    let typed = |composing_of: fn(&Event) -> bool| {
        let (view, post) = (view.clone(), post.clone());
        move |event: Event| {
            post(Msg::Typed { text: view.command().value(), composing: composing_of(&event) });
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
            if post(Msg::Pressed { key, at_end, repeated: press.repeat() }) {
                event.prevent_default();
            }
        }
    };
    listeners.push(Listener::new(input, "input", typed(is_composing)));
    // The last `input` of a composition still says it is composing.
    listeners.push(Listener::new(input, "compositionend", typed(|_| false)));
    listeners.push(Listener::new(input, "keydown", pressed));
    // Whatever may scroll the input's text has to move the marks with it; not
    // every browser reports that as a `scroll`.
    for event in ["scroll", "keyup", "pointerup"] {
        let view = view.clone();
        listeners.push(Listener::new(input, event, move |_| view.scroll_marks()));
    }
}

fn around_it(view: &Rc<View>, post: &Post, listeners: &mut Vec<Listener>) {
    let say = view.element("say");
    let submitted = {
        let post = post.clone();
        move |event: Event| {
            event.prevent_default();
            post(Msg::Submitted);
        }
    };
    let clicked = {
        let (view, post) = (view.clone(), post.clone());
        move |event: Event| {
            let Some(button) = closest(&event, "button,a[href]") else {
                if let Some(id) = message_of(&event) {
                    post(Msg::Picked(Pick::Message(id)));
                }
                return;
            };
            if let Some(id) =
                message_of(&event).filter(|_| button.get_attribute("data-look").is_some())
            {
                post(Msg::Picked(Pick::Bytes(id)));
            }
            if let Some(text) = button.get_attribute("data-insert") {
                view.insert(&text);
                view.focus();
            }
            if let Some(msg) = meaning(&button, &view) {
                // The page has no other links than those to its own panels.
                event.prevent_default();
                post(msg);
            }
        }
    };
    let turned = {
        let post = post.clone();
        move |event: Event| {
            let press: &KeyboardEvent = event.unchecked_ref();
            let modified = press.ctrl_key() || press.alt_key() || press.meta_key();
            if let Some(turn) = Turn::of(&press.key()).filter(|_| !modified) {
                event.prevent_default();
                post(Msg::Turned(turn));
            }
        }
    };
    let moved = {
        let post = post.clone();
        move |event: Event| {
            let press: &KeyboardEvent = event.unchecked_ref();
            let is_back = match &*press.key() {
                "ArrowUp" => true,
                "ArrowDown" => false,
                _ => return,
            };
            if closest(&event, "#conversation").is_some() {
                event.prevent_default();
                post(Msg::Picked(if is_back { Pick::Back } else { Pick::On }));
            }
        }
    };
    listeners.push(Listener::new(view.document(), "keydown", moved));
    listeners.push(Listener::new(&say, "submit", submitted));
    // A button pressed with a finger or a mouse leaves the caret where it is, so
    // that a phone's keyboard stays open.
    listeners.push(Listener::new(&say, "mousedown", |event| {
        if closest(&event, "button").is_some() {
            event.prevent_default();
        }
    }));
    // One for all buttons, those that come and go included.
    listeners.push(Listener::new(view.document(), "click", clicked));
    listeners.push(Listener::new(&view.element("tabs"), "keydown", turned));
}

/// What a press on a button means.
fn meaning(button: &Element, view: &View) -> Option<Msg> {
    let attribute = |name| button.get_attribute(name);
    if let Some(text) = attribute("data-command") {
        return Some(Msg::Commanded(text));
    }
    if let Some(text) = attribute("data-fill") {
        return Some(Msg::Chosen(text));
    }
    if attribute("data-insert").is_some() {
        return Some(Msg::Typed { text: view.command().value(), composing: false });
    }
    if let Some(id) = attribute("data-take-back") {
        return Some(Msg::TakenBack { id: id.parse().ok()? });
    }
    if let Some(pick) = attribute("data-pick") {
        return Some(Msg::Picked(match &*pick {
            "back" => Pick::Back,
            "on" => Pick::On,
            _ => Pick::Newest,
        }));
    }
    if let Some(id) = attribute("aria-controls") {
        return Panel::with_id(&id).map(Msg::Shown);
    }
    if let Some(link) = attribute("href") {
        return Panel::with_id(link.strip_prefix('#')?).map(Msg::Shown);
    }
    if let Some(answer) = attribute("data-answer") {
        view.steps().explain(button);
        let question = around(button, "data-question")?;
        return Some(Msg::Answered { question, right: answer == "right" });
    }
    if attribute("data-turn").is_some() {
        return around(button, "data-step").map(Msg::WentTo);
    }
    Some(match &*attribute("id").unwrap_or_default() {
        "fix" => Msg::Mended,
        "reconnect" => Msg::Reconnect,
        "next" | "skip" => Msg::WentOn,
        "start-over" => Msg::StartedOver,
        "mode" | "practise" => Msg::SwitchedMode,
        "language" => Msg::SwitchedLanguage,
        "theme" => Msg::SwitchedTheme { from: view.theme() },
        _ => return None,
    })
}

fn from_the_browser(window: &Window, view: &Rc<View>, post: &Post, listeners: &mut Vec<Listener>) {
    let returned = {
        let post = post.clone();
        move |_| {
            post(Msg::Returned);
        }
    };
    let seen = {
        let (document, post) = (view.document().clone(), post.clone());
        move |_| {
            post(looked(&document));
        }
    };
    let scrolled = {
        let view = view.clone();
        move |_| view.note_scrolling()
    };
    listeners.push(Listener::new(window, "online", returned));
    listeners.push(Listener::new(view.document(), "visibilitychange", seen));
    listeners.push(Listener::new(view.conversation(), "scroll", scrolled));
    listeners.push(Listener::new(view.document(), "selectionchange", {
        let view = view.clone();
        move |_| view.scroll_marks()
    }));
}

/// Whether the page can be seen now.
pub fn looked(document: &Document) -> Msg {
    Msg::Looked { here: !document.hidden(), wall: Date::now() as u64 }
}

/// The message an event happened to.
fn message_of(event: &Event) -> Option<u32> {
    closest(event, "#conversation>li")?.get_attribute("id")?.strip_prefix("message-")?.parse().ok()
}

/// The value of an attribute that an element around this one has.
fn around(element: &Element, attribute: &str) -> Option<String> {
    element.around(&format!("[{attribute}]"))?.get_attribute(attribute)
}

/// What an event happened to, or the nearest around it, that a selector fits.
pub fn closest(event: &Event, selector: &str) -> Option<Element> {
    // The handlers that ask are for events that happen to elements.
    let target: Element = event.target()?.unchecked_into();
    target.around(selector)
}
