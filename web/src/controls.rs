//! Gestures and browser events → messages to the model.
//!
//! It reads the event and the input, and decides nothing.

use std::rc::Rc;

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, Event, EventTarget, InputEvent, KeyboardEvent, ResizeObserver, Window};

use crate::keyboard::{Key, Report};
use crate::model::Msg;
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

/// Watches the room an element has, for as long as this value lives.
pub struct Watch {
    observer: ResizeObserver,
    _handler: Closure<dyn FnMut()>,
}

impl Watch {
    /// Keeps the end of the conversation in sight when a strip, a longer hint
    /// or a phone's keyboard takes some of its room.
    pub fn conversation(view: &Rc<View>) -> Option<Self> {
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
pub fn listen(window: &Window, view: &Rc<View>, post: &Post) -> Vec<Listener> {
    let mut listeners = in_the_input(view, post);
    listeners.extend(around_it(view, post));
    listeners.extend(from_the_browser(window, view, post));
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

fn around_it(view: &Rc<View>, post: &Post) -> Vec<Listener> {
    let on_click = |id: &str, msg: fn(&View) -> Msg| {
        let (on, view, post) = (view.element(id), view.clone(), post.clone());
        Listener::new(&on, "click", move |_| {
            post(msg(&view));
        })
    };
    let say = view.element("say");
    let submitted = {
        let post = post.clone();
        move |event: Event| {
            event.prevent_default();
            post(Msg::Submitted);
        }
    };
    let chosen = {
        let (view, post) = (view.clone(), post.clone());
        move |event: Event| {
            let Some(key) = closest(&event, ".key") else { return };
            if let Some(text) = key.get_attribute("data-fill") {
                post(Msg::Chosen(text));
            } else if let Some(text) = key.get_attribute("data-insert") {
                view.insert(&text);
                post(Msg::Typed { text: view.command().value(), composing: false });
                view.focus();
            }
        }
    };
    let taken_back = {
        let post = post.clone();
        move |event: Event| {
            let id = closest(&event, "[data-take-back]")
                .and_then(|button| button.get_attribute("data-take-back")?.parse().ok());
            if let Some(id) = id {
                post(Msg::TakenBack { id });
            }
        }
    };
    vec![
        Listener::new(&say, "submit", submitted),
        // A button pressed with a finger or a mouse leaves the caret where it
        // is, so that a phone's keyboard stays open.
        Listener::new(&say, "mousedown", |event| {
            if closest(&event, "button").is_some() {
                event.prevent_default();
            }
        }),
        Listener::new(&view.element("keys"), "click", chosen),
        Listener::new(view.conversation(), "click", taken_back),
        on_click("fix", |_| Msg::Mended),
        on_click("reconnect", |_| Msg::Reconnect),
        on_click("language", |_| Msg::SwitchedLanguage),
        on_click("theme", |view| Msg::SwitchedTheme { from: view.theme() }),
    ]
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
            if !document.hidden() {
                post(Msg::Returned);
            }
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

fn closest(event: &Event, selector: &str) -> Option<Element> {
    // The handlers that ask are for clicks, which happen to elements.
    let target: Element = event.target()?.unchecked_into();
    target.closest(selector).ok()?
}
