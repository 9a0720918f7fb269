//! Event listeners that own their handlers and take them along when they go.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, Event, EventTarget, ResizeObserver};

use crate::browser::dom::Dom as _;

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

/// A handler for changes of an element's size, for as long as this value lives.
pub struct ResizeListener {
    observer: ResizeObserver,
    _handler: Closure<dyn FnMut()>,
}

impl ResizeListener {
    /// Calls the handler whenever the element has another size; `None` in
    /// browsers without observers, where the reader scrolls.
    pub fn new(element: &Element, handler: impl FnMut() + 'static) -> Option<Self> {
        let handler = Closure::wrap(Box::new(handler) as Box<dyn FnMut()>);
        let observer = ResizeObserver::new(handler.as_ref().unchecked_ref()).ok()?;
        observer.observe(element);
        Some(ResizeListener { observer, _handler: handler })
    }
}

impl Drop for ResizeListener {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

/// What an event happened to, or the nearest around it, that a selector fits.
pub fn closest(event: &Event, selector: &str) -> Option<Element> {
    // The handlers that ask are for events that happen to elements.
    let target: Element = event.target()?.unchecked_into();
    target.around(selector)
}
