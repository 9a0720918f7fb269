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

#[cfg(test)]
mod tests {
    use api::BoardClass;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn every_message_of_the_server_is_read() {
        let entry = |name: &str, phone: Option<&str>| Entry {
            name: name.to_string(),
            phone: phone.map(ToString::to_string),
        };
        let snapshot = Snapshot { seq: 0, count: 9_007_199_254_740_991 };
        assert_eq!(parse(r#"{"seq":0,"count":9007199254740991}"#), Some(snapshot));
        let text = r#"{"seq":17,"count":3,"changes":[
            {"name":"O'Neil \"Bo\" \\ /","phone":"+86 138"}, {"name":"\u5f20\ud834\udd1e","phone":null}
        ]}"#;
        let changes = vec![entry("O'Neil \"Bo\" \\ /", Some("+86 138")), entry("张𝄞", None)];
        assert_eq!(parse(text), Some(Changes { seq: 17, count: 3, changes }));
        let text = r#"{"next":"张","contacts":[{"phone":"1","name":"a"}],"count":2,"seq":1}"#;
        let contacts = vec![entry("a", Some("1"))];
        let next = Some("张".to_string());
        assert_eq!(parse(text), Some(Page { seq: 1, count: 2, contacts, next }));
        let text = r#"{"tcp_host":null,"tcp_port":9999,"page":"http://10.0.0.7/",
            "echoes":true,"number":7,"program":"student-1a"}"#;
        let classroom = Classroom {
            tcp_host: None,
            tcp_port: 9999,
            page: Some("http://10.0.0.7/".to_string()),
            echoes: true,
            number: 7,
            program: Some("student-1a".to_string()),
        };
        assert_eq!(parse(text), Some(classroom));
        // A server of before the pages asked for more.
        let text = r#"{"tcp_host":null,"tcp_port":9999}"#;
        let classroom = Classroom {
            tcp_host: None,
            tcp_port: 9999,
            page: None,
            echoes: false,
            number: 0,
            program: None,
        };
        assert_eq!(parse(text), Some(classroom));
        let text = r#"{"addresses":[{"interface":"wlan0","url":"http://192.168.1.5:8080/",
            "host":"192.168.1.5","port":9999,"qr":["10","01"]}],"pages":3,"clients":2,"contacts":17,
            "program":"board-2b"}"#;
        let address = JoinAddress {
            interface: "wlan0".to_string(),
            url: "http://192.168.1.5:8080/".to_string(),
            host: "192.168.1.5".to_string(),
            port: 9999,
            qr: vec!["10".to_string(), "01".to_string()],
        };
        let program = Some("board-2b".to_string());
        let class = BoardClass::default();
        let board =
            Board { addresses: vec![address], pages: 3, clients: 2, contacts: 17, program, class };
        assert_eq!(parse(text), Some(board));
        let text = r#"{"network":true,"open":true,"servers":[{"name":"","address":"h:10000"}]}"#;
        let server = ClassServer { name: String::new(), address: "h:10000".to_string() };
        assert_eq!(parse(text), Some(Servers { network: true, open: true, servers: vec![server] }));
    }

    #[wasm_bindgen_test]
    fn what_a_newer_server_adds_is_ignored_and_what_is_missing_is_no_message() {
        let snapshot = Snapshot { seq: 1, count: 2 };
        let text = r#"{"seq":1,"more":{"deep":[1,null]},"count":2}"#;
        assert_eq!(parse(text), Some(snapshot));
        for text in [
            "",
            "null",
            "[1,2]",
            "<!doctype html>",
            r#"{"seq":1}"#,
            r#"{"seq":1,"count":-1}"#,
            r#"{"seq":1,"count":1.5}"#,
            r#"{"seq":1,"count":"2"}"#,
            r#"{"seq":1,"count":2"#,
        ] {
            assert_eq!(parse::<Snapshot>(text), None, "{text}");
        }
    }
}
