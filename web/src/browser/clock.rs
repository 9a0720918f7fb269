//! The browser's clock and chance.

use js_sys::Math;
use web_sys::{Performance, Window};

use crate::core::clock::Moment;

/// A monotonic clock.
pub struct Clock(Performance);

impl Clock {
    /// The clock of a window.
    pub fn of(window: &Window) -> Self {
        Clock(window.performance().expect("browsers have a clock"))
    }

    /// Now.
    pub fn now(&self) -> Moment {
        Moment { millis: self.0.now() as u64, jitter: (Math::random() * 400.0) as i32 - 200 }
    }
}
