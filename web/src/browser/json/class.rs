//! What the server tells of the class. As in the `api` crate, a field that is missing
//! has its default.

use api::{
    Act, Action, BoardClass, BoardLine, BoardMistake, BoardWork, ClassState, JournalEntry, Lead,
    People, Person, Shown, ShownLine, Sticky,
};
use wasm_bindgen::JsValue;

use crate::browser::json::{FromJson, field};

/// A field, or its default where it is missing or something else.
fn or_default<T: FromJson + Default>(object: &JsValue, name: &str) -> T {
    field(object, name).unwrap_or_default()
}

/// Reads a struct whose fields all have defaults.
macro_rules! with_defaults {
    ($($name:ident { $($field:ident)* })*) => { $(
        impl FromJson for $name {
            fn from_json(value: &JsValue) -> Option<Self> {
                value.is_object().then(|| $name {
                    $($field: or_default(value, stringify!($field)),)*
                })
            }
        }
    )* };
}

/// Reads a struct none of whose fields may be missing.
macro_rules! complete {
    ($($name:ident { $($field:ident)* })*) => { $(
        impl FromJson for $name {
            fn from_json(value: &JsValue) -> Option<Self> {
                Some($name { $($field: field(value, stringify!($field))?,)* })
            }
        }
    )* };
}

impl FromJson for ClassState {
    fn from_json(value: &JsValue) -> Option<Self> {
        value.is_object().then(|| ClassState {
            echoes: or_default(value, "echoes"),
            // No page says how long the server waits: it is felt.
            pause: 0,
            held: or_default(value, "held"),
            frozen: or_default(value, "frozen"),
            announcement: or_default(value, "announcement"),
            shown: or_default(value, "shown"),
            hand: or_default(value, "hand"),
            lesson: or_default(value, "lesson"),
        })
    }
}

with_defaults! {
    BoardClass {
        reached students steps rates mistakes homework echoes held announcement lines shown
    }
    Lead {
        echoes pause held frozen closed servers shows_lines shows sticky announcement undo blocked
        contacts rate addresses program
    }
    Person {
        id name seat address raw state step done commands last mistake cause recovered idle messages errors
        hand flooding sticky homework checks passed in_page
    }
}

complete! {
    BoardMistake { cause count example }
    BoardWork { passed of in_page }
    BoardLine { id kind name text }
    Shown { name lines }
    ShownLine { id sent text }
    People { complete rows gone }
    JournalEntry { id at act by_itself whom }
    Act { action person text millis }
}

impl FromJson for Sticky {
    fn from_json(value: &JsValue) -> Option<Self> {
        match &*value.as_string()? {
            "off" => Some(Sticky::Off),
            "joined" => Some(Sticky::Joined),
            "split" => Some(Sticky::Split),
            _ => None,
        }
    }
}

impl FromJson for Action {
    fn from_json(value: &JsValue) -> Option<Self> {
        let name = value.as_string()?;
        Action::ALL.into_iter().find(|action| action.name() == name)
    }
}
