//! The WebSocket to the server.
//!
//! It owns its listeners and takes them along when it goes, so that nothing of
//! an old connection can reach the page. It understands neither messages nor
//! close codes.

use std::rc::Rc;

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CloseEvent, Document, Event, MessageEvent, Url, WebSocket};

use crate::browser::listener::Listener;

/// What happens to a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketEvent {
    /// The connection has an extension, which may change frames on their way.
    ExtensionNegotiated,
    /// A text came.
    Received(String),
    /// It broke, was closed, or could not be opened.
    Closed {
        /// The close code.
        code: u16,
        /// The reason that came with it.
        reason: String,
    },
}

/// An open connection, or an attempt at one.
pub struct Socket {
    socket: WebSocket,
    // Dropped with the socket, so that an old one can no longer be heard.
    _listeners: [Listener; 2],
}

impl Socket {
    /// Begins to connect. A failure comes as [`SocketEvent::Closed`], like a
    /// break.
    ///
    /// # Errors
    ///
    /// Fails where the browser does not even try, because of the page's policy.
    pub fn connect(url: &str, on_event: Rc<dyn Fn(SocketEvent)>) -> Result<Self, JsValue> {
        let socket = WebSocket::new(url)?;
        let received = {
            let (socket, on_event) = (socket.clone(), on_event.clone());
            move |event: Event| {
                if !socket.extensions().is_empty() {
                    on_event(SocketEvent::ExtensionNegotiated);
                }
                if let Some(text) = event.unchecked_ref::<MessageEvent>().data().as_string() {
                    on_event(SocketEvent::Received(text));
                }
            }
        };
        let closed = move |event: Event| {
            let close: &CloseEvent = event.unchecked_ref();
            on_event(SocketEvent::Closed { code: close.code(), reason: close.reason() });
        };
        let listeners =
            [Listener::new(&socket, "message", received), Listener::new(&socket, "close", closed)];
        Ok(Socket { socket, _listeners: listeners })
    }

    /// Sends one text message. On a connection that has just broken it does
    /// nothing; its end is about to be reported.
    pub fn send(&self, text: &str) {
        let _ = self.socket.send_with_str(text);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Closing what is closed already is no error.
        let _ = self.socket.close();
    }
}

/// The address of a WebSocket beside the page. Absolute and with its own scheme,
/// since older browsers take no relative one.
pub fn address(document: &Document, path: &str) -> String {
    let base = document.base_uri().ok().flatten().unwrap_or_default();
    // A document that came over http or https has such a base.
    let Ok(url) = Url::new_with_base(path, &base) else { return String::new() };
    url.set_protocol(if url.protocol() == "https:" { "wss:" } else { "ws:" });
    url.href()
}
