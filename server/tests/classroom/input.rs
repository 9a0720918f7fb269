//! What a person does to a page: clicks and keys.
//!
//! Chromium is given them by its own protocol, as the driver does; see
//! [`devtools`](super::devtools).

use fantoccini::key::Key;
use serde_json::json;

use super::browser::Browser;
use super::engine::Engine;

/// Tells where an element is to be clicked, in pixels of the window, once it is there
/// and has a place; otherwise what is in the way.
const POINT: &str = "
const [css, tell] = arguments, start = performance.now();
(function look() {
  const box = document.querySelector(css)?.getClientRects()[0];
  if (!box && performance.now() - start < 25000) return setTimeout(look, 10);
  if (!box) return tell('it is not shown');
  const target = document.querySelector(css);
  target.scrollIntoView({ block: 'center' }); // Away from bars that stay at an edge.
  const { x, y, width, height } = target.getClientRects()[0];
  const point = [x + width / 2, y + height / 2];
  const hit = document.elementFromPoint(...point);
  tell(target.contains(hit) ? point : 'above it is ' + hit?.outerHTML.slice(0, 200));
})()";

impl Browser {
    /// Has the mouse click in the middle of an element, once it is there, and fails if
    /// something else lies over it.
    pub async fn click(&self, css: &str) {
        if self.engine() != Engine::Chromium {
            let element = self.element(css).await;
            let scroll = "document.querySelector(arguments[0]).scrollIntoView({ block: 'center' })";
            self.call(scroll, &[json!(css)]).await;
            return element.click().await.unwrap_or_else(|error| panic!("{css}: {error}"));
        }
        // The driver's own click does the same and takes four times as long.
        let point = self.call_async(POINT, &[json!(css)]).await;
        let Some([x, y]) = point.as_array().map(Vec::as_slice) else {
            panic!("{css} cannot be clicked: {point}");
        };
        let event = |kind: &str, button: &str, buttons: u32| {
            let event = json!({
                "type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": 1,
            });
            ("Input.dispatchMouseEvent", event)
        };
        self.give(&[
            event("mouseMoved", "none", 0),
            event("mousePressed", "left", 1),
            event("mouseReleased", "left", 0),
        ])
        .await;
    }

    /// Opens a panel by its tab.
    pub async fn show(&self, panel: &str) {
        self.click(&format!("[role=tab][aria-controls={panel}]")).await;
    }

    /// Presses keys, one after the other, in what has the focus.
    pub async fn press(&self, keys: impl Into<String>) {
        let keys = keys.into();
        if self.engine() != Engine::Chromium {
            let focused = self.client.active_element().await.expect("there is always one");
            return focused.send_keys(&keys).await.expect("it takes keys");
        }
        let mut pages = self.pages.lock().await;
        let pressed = pages.page().press(&keys).await;
        pressed.unwrap_or_else(|error| panic!("{keys}: {error}"));
    }

    /// Types into a field, once it is there, behind what stands in it.
    pub async fn type_into(&self, css: &str, keys: &str) {
        if self.engine() != Engine::Chromium {
            return self.element(css).await.send_keys(keys).await.expect("it takes keys");
        }
        self.focus(css).await;
        self.press(keys).await;
    }

    /// Gives a field the focus, its cursor behind what stands in it.
    async fn focus(&self, css: &str) {
        self.await_element(css).await;
        let focus = "const field = document.querySelector(arguments[0]); \
                     if (document.activeElement !== field) { \
                       field.scrollIntoView({ block: 'nearest' }); field.focus(); \
                       if (field.selectionStart != null) \
                         field.setSelectionRange(field.value.length, field.value.length); }";
        self.call(focus, &[json!(css)]).await;
    }

    /// Empties a field by keys.
    pub async fn clear(&self, css: &str) {
        if self.engine() != Engine::Chromium {
            return self.element(css).await.clear().await.expect("it can be emptied");
        }
        self.focus(css).await;
        self.script("document.activeElement.select()").await;
        self.press(char::from(Key::Backspace)).await;
    }

    /// Types into the command line.
    pub async fn keys(&self, keys: &str) {
        self.type_into("#command", keys).await;
    }

    /// Types a command and presses Enter, key by key.
    pub async fn send_by_keys(&self, command: &str) {
        self.keys(&format!("{command}{}", char::from(Key::Enter))).await;
    }

    /// Puts a command into the command line at once, as a paste does, and presses
    /// Enter. Key by key it takes Chromium a second.
    pub async fn send(&self, command: &str) {
        if self.engine() != Engine::Chromium {
            return self.send_by_keys(command).await;
        }
        self.focus("#command").await;
        self.devtools("Input.insertText", json!({ "text": command })).await;
        self.press(char::from(Key::Enter)).await;
    }
}
