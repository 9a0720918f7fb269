//! What the teacher leads, on view.

use js_sys::Date;
use wasm_bindgen::JsValue;
use web::browser::dom::{Dom as _, element};

use crate::model::class::ClassModel;
use crate::view::{View, time_of_day};

impl View {
    /// Shows what holds for this page, where it differs from what is shown.
    pub fn show_class(&self, class: &ClassModel) {
        if self.class.replace(class.revision()) == class.revision() {
            return;
        }
        let told = class.told();
        let line = told.announcement.as_deref();
        for (id, shows) in [
            ("held", class.is_held()),
            ("announcement", line.is_some()),
            ("on-board", told.shown),
            ("frozen", told.frozen),
        ] {
            self.element(id).hide(!shows);
        }
        self.element("announcement").fill("text", line.unwrap_or_default());
        if let Some(seconds) = told.held {
            let end = Date::now() + f64::from(seconds) * 1000.0;
            self.element("held").fill("time", &time_of_day(&Date::new(&JsValue::from(end))));
        }
        element(&self.document, "say").set("data-paused", name(class.is_held()));
        self.element("hand").set("aria-pressed", name(class.hand()));
    }
}

fn name(is_so: bool) -> &'static str {
    if is_so { "true" } else { "false" }
}
