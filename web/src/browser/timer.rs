//! Timer: wakes a page's model when the model asked for it.

use std::cell::Cell;

use js_sys::Function;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::Window;

/// A timer that can be set again and again.
pub struct Timer {
    window: Window,
    // One closure for every time: setting the timer from its own callback must not
    // drop the code that is running.
    callback: Closure<dyn FnMut()>,
    handle: Cell<Option<i32>>,
}

impl Timer {
    /// A timer that is not set.
    pub fn new(window: Window, callback: impl FnMut() + 'static) -> Self {
        let callback = Closure::wrap(Box::new(callback) as Box<dyn FnMut()>);
        Timer { window, callback, handle: Cell::new(None) }
    }

    /// Calls back once in `millis`, and not when it was to before.
    pub fn set(&self, millis: Option<u64>) {
        if let Some(handle) = self.handle.take() {
            self.window.clear_timeout_with_handle(handle);
        }
        let Some(millis) = millis else { return };
        let callback: &Function = self.callback.as_ref().unchecked_ref();
        let millis = i32::try_from(millis).unwrap_or(i32::MAX);
        // Only a document that is going away refuses.
        let handle =
            self.window.set_timeout_with_callback_and_timeout_and_arguments_0(callback, millis);
        self.handle.set(handle.ok());
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.set(None);
    }
}
