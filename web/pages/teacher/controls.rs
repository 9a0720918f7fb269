//! Clicks → messages to the model.

use api::{Act, Action};
use wasm_bindgen::JsCast;
use web::browser::appearance::Appearance;
use web::browser::dom::{Dom as _, element};
use web_sys::{Document, Element, HtmlInputElement, HtmlSelectElement};

use crate::model::Msg;
use crate::model::people::Sort;

/// What a press on a button means.
pub fn meaning(document: &Document, button: &Element, appearance: &Appearance) -> Option<Msg> {
    let attribute = |name| button.get_attribute(name);
    if let Some(filter) = attribute("data-filter") {
        return Some(Msg::Filtered(filter));
    }
    if button.id() == "ask-author" {
        return Some(Msg::AuthorAsked(typed(document, "contact")));
    }
    let Some(name) = attribute("data-action") else {
        return appearance.meaning(&button.id()).map(Msg::Language);
    };
    let action = Action::ALL.into_iter().find(|action| action.name() == name)?;
    let row = button.around("[data-person]");
    let person = row.and_then(|row| row.get_attribute("data-person")?.parse().ok());
    let text = attribute("data-text").or_else(|| match action {
        Action::Announce => Some(typed(document, "announcement")),
        Action::Delete => Some(typed(document, "contact")),
        Action::NewBook => Some(typed(document, "book-name")),
        _ => None,
    });
    let millis = attribute("data-millis").and_then(|millis| millis.parse().ok());
    Some(Msg::Clicked(Act { action, person, text, millis }))
}

/// What the rows are to be sorted by.
pub fn sorted_by(document: &Document) -> Option<Sort> {
    Sort::of(&element(document, "sort").unchecked_into::<HtmlSelectElement>().value())
}

/// Empties the field of the announcement if that is what is announced.
pub fn announced(document: &Document, announcement: &str) {
    if typed(document, "announcement") == announcement {
        let field = element(document, "announcement");
        field.unchecked_into::<HtmlInputElement>().set_value("");
    }
}

fn typed(document: &Document, id: &str) -> String {
    let field = document.query(&["#", id].concat());
    field.unchecked_into::<HtmlInputElement>().value().trim().to_string()
}
