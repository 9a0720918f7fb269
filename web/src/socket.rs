//! The connection to the server.
//!
//! A WebSocket that owns what it calls back and takes it along when it goes,
//! so that nothing of an old connection can reach the page. It understands
//! neither messages nor close codes.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CloseEvent, Event, MessageEvent, WebSocket};

use crate::controls::{Listener, Post};
use crate::model::conversation::ConversationMsg;

/// An open connection, or an attempt at one.
pub struct Socket {
    socket: WebSocket,
    // Dropped with the socket, so that an old one can no longer be heard.
    _listeners: [Listener; 2],
}

impl Socket {
    /// Begins to connect. A failure comes as [`ConversationMsg::Closed`], like a break.
    ///
    /// # Errors
    ///
    /// Fails where the browser does not even try, because of the page's policy.
    pub fn connect(url: &str, post: Post) -> Result<Self, JsValue> {
        let socket = WebSocket::new(url)?;
        let received = {
            let (socket, post) = (socket.clone(), post.clone());
            move |event: Event| {
                if !socket.extensions().is_empty() {
                    post(ConversationMsg::ExtensionNegotiated.into());
                }
                if let Some(text) = event.unchecked_ref::<MessageEvent>().data().as_string() {
                    post(ConversationMsg::Received(text).into());
                }
            }
        };
        let closed = move |event: Event| {
            let close: &CloseEvent = event.unchecked_ref();
            post(ConversationMsg::Closed { code: close.code(), reason: close.reason() }.into());
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
