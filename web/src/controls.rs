//! Gestures and browser events → messages to the model.
//!
//! It reads the event and the input, and decides nothing.

use std::rc::Rc;

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{
    Element, Event, EventTarget, HtmlElement, InputEvent, KeyboardEvent, MediaQueryList,
    ResizeObserver, Window,
};

use crate::keyboard::{Key, Report};
use crate::model::{Msg, Pick};
use crate::panels::{Panel, Turn};
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
        // Boxed first: every other way the glue for it is built once for each
        // handler, half a kilobyte each.
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

/// Watches the room that two elements have, for as long as this value lives.
pub struct Watch {
    observer: ResizeObserver,
    _handler: Closure<dyn FnMut()>,
}

impl Watch {
    /// Keeps the end of the conversation in sight when a strip, a longer hint
    /// or a phone's keyboard takes some of its room, and the list of contacts
    /// filled.
    pub fn of(view: &Rc<View>, post: &Post) -> Option<Self> {
        let handler = {
            let (view, post) = (view.clone(), post.clone());
            let resized = move || {
                view.keep_at_end();
                post(Msg::Scrolled(view.book().sight()));
            };
            Closure::wrap(Box::new(resized) as Box<dyn FnMut()>)
        };
        // Where it is missing the reader scrolls.
        let observer = ResizeObserver::new(handler.as_ref().unchecked_ref()).ok()?;
        observer.observe(view.conversation());
        observer.observe(view.book().list());
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
    let mut listeners = in_the_input(view, post);
    listeners.extend(in_the_book(view, post));
    listeners.extend(around_it(view, post));
    listeners.extend(from_the_browser(window, view, post));
    listeners.extend(wide.map(|wide| {
        let post = post.clone();
        Listener::new(&wide.clone(), "change", move |_| {
            post(Msg::Resized { wide: wide.matches() });
        })
    }));
    listeners
}

fn in_the_input(view: &Rc<View>, post: &Post) -> Vec<Listener> {
    let input = view.command();
    let typed = |composing_of: fn(&Event) -> bool| {
        let (view, post) = (view.clone(), post.clone());
        move |event: Event| {
            post(Msg::Typed { text: view.command().value(), composing: composing_of(&event) });
        }
    };
    let is_composing = |event: &Event| event.unchecked_ref::<InputEvent>().is_composing();
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
    let mut listeners = vec![
        Listener::new(input, "input", typed(is_composing)),
        // The last `input` of a composition still says it is composing.
        Listener::new(input, "compositionend", typed(|_| false)),
        Listener::new(input, "keydown", pressed),
    ];
    // Whatever may scroll the input's text has to move the marks with it; not
    // every browser reports that as a `scroll`.
    for event in ["scroll", "keyup", "pointerup"] {
        let view = view.clone();
        listeners.push(Listener::new(input, event, move |_| view.scroll_marks()));
    }
    listeners
}

fn in_the_book(view: &Rc<View>, post: &Post) -> [Listener; 2] {
    let searched = {
        let (view, post) = (view.clone(), post.clone());
        move |_| {
            post(Msg::Searched(view.book().search().value()));
        }
    };
    let scrolled = {
        let (view, post) = (view.clone(), post.clone());
        move |_| {
            post(Msg::Scrolled(view.book().sight()));
        }
    };
    let book = view.book();
    [
        Listener::new(book.search(), "input", searched),
        Listener::new(book.list(), "scroll", scrolled),
    ]
}

fn around_it(view: &Rc<View>, post: &Post) -> Vec<Listener> {
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
            if button.has_attribute("data-copy") {
                view.copy(&button);
            }
            if let Some(id) = message_of(&event).filter(|_| button.has_attribute("data-look")) {
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
            } else if let Some(arrow) = closest(&event, "[data-arrow]") {
                event.prevent_default();
                let next = if is_back {
                    arrow.previous_element_sibling()
                } else {
                    arrow.next_element_sibling()
                };
                if let Some(next) = next {
                    // Every element that takes a focus is given it in this way.
                    let _ = next.unchecked_ref::<HtmlElement>().focus();
                }
            }
        }
    };
    let pointed = |event: &'static str| {
        let post = post.clone();
        Listener::new(&view.element("arrows"), event, move |event| {
            let arrow = closest(&event, "[data-arrow]");
            let arrow = arrow.and_then(|arrow| arrow.get_attribute("data-arrow")?.parse().ok());
            if let Some(arrow) = arrow {
                post(Msg::Pointed { arrow });
            }
        })
    };
    let cut = {
        let (view, post) = (view.clone(), post.clone());
        move |_| {
            post(Msg::Cut(view.lab()));
        }
    };
    vec![
        Listener::new(view.document(), "keydown", moved),
        pointed("pointerover"),
        pointed("focusin"),
        pointed("click"),
        Listener::new(&view.element("sticky"), "input", cut),
        Listener::new(&say, "submit", submitted),
        // A button pressed with a finger or a mouse leaves the caret where it
        // is, so that a phone's keyboard stays open.
        Listener::new(&say, "mousedown", |event| {
            if closest(&event, "button").is_some() {
                event.prevent_default();
            }
        }),
        // One for all buttons, those that come and go included.
        Listener::new(view.document(), "click", clicked),
        Listener::new(&view.element("tabs"), "keydown", turned),
    ]
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
    Some(match &*button.id() {
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

fn from_the_browser(window: &Window, view: &Rc<View>, post: &Post) -> Vec<Listener> {
    let returned = {
        let post = post.clone();
        move |_| {
            post(Msg::Returned);
        }
    };
    let seen = {
        let (document, post) = (view.document().clone(), post.clone());
        move |_| {
            post(Msg::Looked { here: !document.hidden() });
        }
    };
    let scrolled = {
        let view = view.clone();
        move |_| view.note_scrolling()
    };
    vec![
        Listener::new(window, "online", returned),
        Listener::new(view.document(), "visibilitychange", seen),
        Listener::new(view.conversation(), "scroll", scrolled),
        Listener::new(view.document(), "selectionchange", {
            let view = view.clone();
            move |_| view.scroll_marks()
        }),
    ]
}

/// The message an event happened to.
fn message_of(event: &Event) -> Option<u32> {
    closest(event, "#conversation>li")?.id().strip_prefix("message-")?.parse().ok()
}

/// The value of an attribute that an element around this one has.
fn around(element: &Element, attribute: &str) -> Option<String> {
    let selector: String = ["[", attribute, "]"].into_iter().collect();
    element.closest(&selector).ok()??.get_attribute(attribute)
}

fn closest(event: &Event, selector: &str) -> Option<Element> {
    // The handlers that ask are for events that happen to elements.
    let target: Element = event.target()?.unchecked_into();
    target.closest(selector).ok()?
}
