//! Exercises in links: a link to the page carries messages to be tried.

use web::browser::dom::{Dom as _, breakable, instantiate, root, template};
use web_sys::Document;

use crate::view::View;

/// How the part of an address begins that carries an exercise: its lines, with what
/// cannot stand in an address encoded.
const PREFIX: &str = "#try=";

/// The most lines of an exercise: as many as a lesson's step has, and more.
const MOST: usize = 12;

/// Shows the exercise that the page's address carries, if it carries one: as
/// buttons. Nothing of it is sent by itself.
pub fn show(view: &View) {
    let hash = view.document().location().and_then(|location| location.hash().ok());
    let lines = hash.as_deref().and_then(|hash| hash.strip_prefix(PREFIX));
    let lines = lines.and_then(|lines| js_sys::decode_uri_component(lines).ok());
    let lines = lines.map(String::from).unwrap_or_default();
    let buttons = view.element("exercise-lines");
    buttons.set_text_content(None);
    for line in lines.split('\n').filter(|line| !line.is_empty()).take(MOST) {
        let button = instantiate(&template(view.document(), "exercise-line"));
        button.set("data-command", line);
        breakable(&button, line);
        buttons.add(&button);
    }
    view.element("exercise").hide(buttons.first_child().is_none());
}

/// Where the page is that students use, on a page whose own address is of no use to them.
const PAGE: &str = "data-page";

/// Takes that address, if there is one.
pub fn tell_address(document: &Document, page: Option<&str>) {
    if let Some(page) = page {
        root(document).set(PAGE, page);
    }
}

/// A link to this page that carries messages as an exercise: each is a button there.
pub fn link(document: &Document, messages: &[&str]) -> String {
    let own = || document.location().and_then(|location| location.href().ok());
    let page = root(document).get_attribute(PAGE).or_else(own).unwrap_or_default();
    let mut link = page.split('#').next().unwrap_or_default().to_string();
    link.push_str(PREFIX);
    for (index, message) in messages.iter().enumerate() {
        if index > 0 {
            link.push_str("%0A");
        }
        link.push_str(&String::from(js_sys::encode_uri(message)));
    }
    link
}
