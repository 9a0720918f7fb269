//! A stream of server-sent events.

use std::rc::Rc;

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Event, EventSource, MessageEvent};

use crate::browser::listener::Listener;
use crate::browser::request::relative;
use crate::core::subscription::StreamEvent;

/// A kind of event: its name, and how its data is read.
pub type EventKind<T> = (&'static str, fn(&str) -> Option<T>);

/// Where events go.
pub type OnEvent<T> = Rc<dyn Fn(StreamEvent<T>)>;

/// Where events go as they are.
pub type OnRawEvent = dyn Fn(StreamEvent<(usize, String)>) -> bool;

/// An open stream, or an attempt at one.
pub struct EventStream {
    source: EventSource,
    // Dropped with the stream, so that an old one can no longer be heard.
    _listeners: Vec<Listener>,
}

impl EventStream {
    /// Opens a stream of the server and reads these kinds of events.
    ///
    /// # Errors
    ///
    /// Fails where the browser does not even try, because of the page's policy.
    pub fn open<T: 'static>(
        path: &str,
        kinds: &[EventKind<T>],
        on_event: &OnEvent<T>,
    ) -> Result<Self, JsValue> {
        let names: Vec<_> = kinds.iter().map(|(name, _)| *name).collect();
        let readers: Vec<_> = kinds.iter().map(|(_, read)| *read).collect();
        let on_event = on_event.clone();
        Self::open_raw(
            path,
            &names,
            Rc::new(move |event| {
                on_event(match event {
                    StreamEvent::Opened => StreamEvent::Opened,
                    StreamEvent::Interrupted { is_final } => StreamEvent::Interrupted { is_final },
                    StreamEvent::Message((kind, data)) => match readers[kind](&data) {
                        Some(message) => StreamEvent::Message(message),
                        None => return false,
                    },
                });
                true
            }),
        )
    }

    /// The same for any kinds of events: an event is the index of its name and its
    /// data, and the answer whether it could be read.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_raw(
        path: &str,
        names: &[&'static str],
        on_event: Rc<OnRawEvent>,
    ) -> Result<Self, JsValue> {
        let source = EventSource::new(relative(path))?;
        let opened = {
            let on_event = on_event.clone();
            move |_| {
                on_event(StreamEvent::Opened);
            }
        };
        let failed = {
            let (on_event, source) = (on_event.clone(), source.clone());
            move |_| {
                let is_final = source.ready_state() == EventSource::CLOSED;
                on_event(StreamEvent::Interrupted { is_final });
            }
        };
        let mut listeners =
            vec![Listener::new(&source, "open", opened), Listener::new(&source, "error", failed)];
        for (kind, name) in names.iter().enumerate() {
            let (on_event, stream) = (on_event.clone(), source.clone());
            listeners.push(Listener::new(&source, name, move |event: Event| {
                let data = event.unchecked_ref::<MessageEvent>().data().as_string();
                let is_read = data.is_some_and(|data| on_event(StreamEvent::Message((kind, data))));
                if !is_read {
                    // The server is of a version that leaves something out. The
                    // stream is tried again, as after any failure.
                    stream.close();
                    on_event(StreamEvent::Interrupted { is_final: true });
                }
            }));
        }
        Ok(EventStream { source, _listeners: listeners })
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.source.close();
    }
}
