//! The page's one timer.
//!
//! It wakes the model when the model asked for it; what is due then, only the
//! model knows.

use std::cell::Cell;

use js_sys::Function;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::Window;

/// A timer that can be set again and again.
pub struct Alarm {
    window: Window,
    // One closure for all its rings: setting the alarm while it rings must not
    // drop the code that is running.
    ring: Closure<dyn FnMut()>,
    set: Cell<Option<i32>>,
}

impl Alarm {
    /// An alarm that is not set.
    pub fn new(window: Window, ring: impl FnMut() + 'static) -> Self {
        let ring = Closure::wrap(Box::new(ring) as Box<dyn FnMut()>);
        Alarm { window, ring, set: Cell::new(None) }
    }

    /// Rings once in `millis`, and no longer when it was to ring before.
    pub fn set(&self, millis: Option<u64>) {
        if let Some(set) = self.set.take() {
            self.window.clear_timeout_with_handle(set);
        }
        let Some(millis) = millis else { return };
        let ring: &Function = self.ring.as_ref().unchecked_ref();
        let millis = i32::try_from(millis).unwrap_or(i32::MAX);
        // Only a document that is going away refuses.
        let set = self.window.set_timeout_with_callback_and_timeout_and_arguments_0(ring, millis);
        self.set.set(set.ok());
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.set(None);
    }
}
