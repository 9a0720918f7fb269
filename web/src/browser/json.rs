//! JSON from the server, parsed by the browser.
//!
//! What the browser parsed becomes the types of the `api` crate here, field by
//! field. `serde-wasm-bindgen` would do so without these lines, but for 17 KB of
//! every phone's visit: what it says of a wrong type brings the formatting of
//! floating-point numbers. Fields that are not asked for are ignored, so that the
//! server may be newer than the page.

mod class;

use api::{Board, Changes, ClassServer, Classroom, Entry, JoinAddress, Page, Servers, Snapshot};
use js_sys::{Array, JSON, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// The message that a text is; `None` if it is another one, or no JSON.
pub fn parse<T: FromJson>(text: &str) -> Option<T> {
    T::from_json(&JSON::parse(text).ok()?)
}

/// What can be read from parsed JSON.
pub trait FromJson: Sized {
    /// The same in our types; `None` if it is something else.
    fn from_json(value: &JsValue) -> Option<Self>;
}

/// A field of an object; one that is missing reads as `undefined`.
pub fn field<T: FromJson>(object: &JsValue, name: &str) -> Option<T> {
    T::from_json(&Reflect::get(object, &name.into()).ok()?)
}

impl FromJson for u64 {
    fn from_json(value: &JsValue) -> Option<Self> {
        // JavaScript's numbers are whole up to here, and no book counts so far.
        const MOST: f64 = js_sys::Number::MAX_SAFE_INTEGER;
        let number = value.as_f64()?;
        (number.trunc() == number && (0.0..=MOST).contains(&number)).then_some(number as u64)
    }
}

impl FromJson for bool {
    fn from_json(value: &JsValue) -> Option<Self> {
        value.as_bool()
    }
}

impl FromJson for u16 {
    fn from_json(value: &JsValue) -> Option<Self> {
        u64::from_json(value)?.try_into().ok()
    }
}

impl FromJson for u32 {
    fn from_json(value: &JsValue) -> Option<Self> {
        u64::from_json(value)?.try_into().ok()
    }
}

impl FromJson for u8 {
    fn from_json(value: &JsValue) -> Option<Self> {
        u64::from_json(value)?.try_into().ok()
    }
}

impl FromJson for String {
    fn from_json(value: &JsValue) -> Option<Self> {
        value.as_string()
    }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(value: &JsValue) -> Option<Self> {
        if value.is_null() || value.is_undefined() {
            return Some(None);
        }
        T::from_json(value).map(Some)
    }
}

impl<A: FromJson, B: FromJson> FromJson for (A, B) {
    fn from_json(value: &JsValue) -> Option<Self> {
        let pair: &Array = value.dyn_ref()?;
        Some((A::from_json(&pair.get(0))?, B::from_json(&pair.get(1))?))
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(value: &JsValue) -> Option<Self> {
        value.dyn_ref::<Array>()?.iter().map(|item| T::from_json(&item)).collect()
    }
}

impl FromJson for Snapshot {
    fn from_json(value: &JsValue) -> Option<Self> {
        Some(Snapshot { seq: field(value, "seq")?, count: field(value, "count")? })
    }
}

impl FromJson for Changes {
    fn from_json(value: &JsValue) -> Option<Self> {
        Some(Changes {
            seq: field(value, "seq")?,
            count: field(value, "count")?,
            changes: field(value, "changes")?,
        })
    }
}

impl FromJson for Page {
    fn from_json(value: &JsValue) -> Option<Self> {
        Some(Page {
            seq: field(value, "seq")?,
            count: field(value, "count")?,
            contacts: field(value, "contacts")?,
            next: field(value, "next")?,
        })
    }
}

impl FromJson for Entry {
    fn from_json(value: &JsValue) -> Option<Self> {
        Some(Entry { name: field(value, "name")?, phone: field(value, "phone")? })
    }
}

impl FromJson for Classroom {
    fn from_json(value: &JsValue) -> Option<Self> {
        Some(Classroom {
            tcp_host: field(value, "tcp_host")?,
            tcp_port: field(value, "tcp_port")?,
            page: field(value, "page").unwrap_or_default(),
            echoes: field(value, "echoes").unwrap_or_default(),
            number: field(value, "number").unwrap_or_default(),
            program: field(value, "program")?,
        })
    }
}

impl FromJson for JsValue {
    fn from_json(value: &JsValue) -> Option<Self> {
        Some(value.clone())
    }
}

impl FromJson for Board {
    fn from_json(value: &JsValue) -> Option<Self> {
        Some(Board {
            addresses: field(value, "addresses")?,
            pages: field(value, "pages")?,
            clients: field(value, "clients")?,
            contacts: field(value, "contacts")?,
            program: field(value, "program")?,
            class: field(value, "class").unwrap_or_default(),
        })
    }
}

impl FromJson for JoinAddress {
    fn from_json(value: &JsValue) -> Option<Self> {
        Some(JoinAddress {
            interface: field(value, "interface")?,
            url: field(value, "url")?,
            host: field(value, "host")?,
            port: field(value, "port")?,
            qr: field(value, "qr")?,
        })
    }
}

impl FromJson for Servers {
    fn from_json(value: &JsValue) -> Option<Self> {
        Some(Servers {
            network: field(value, "network")?,
            open: field(value, "open")?,
            servers: field(value, "servers")?,
        })
    }
}

impl FromJson for ClassServer {
    fn from_json(value: &JsValue) -> Option<Self> {
        Some(ClassServer { name: field(value, "name")?, address: field(value, "address")? })
    }
}
