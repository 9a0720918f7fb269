//! The document.
//!
//! It fills the blanks of the markup in `static/index.html` and moves what has
//! to be moved; [`speech`] does so with sentences. All text from people and from
//! the network becomes text nodes.
//! It keeps no state of the lesson: only what it showed last, so that a
//! keystroke does not touch the conversation.

use std::cell::{Cell, RefCell};

use js_sys::Date;
use protocol::escape::Escaped;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{
    Document, DocumentFragment, Element, HtmlButtonElement, HtmlElement, HtmlInputElement,
    HtmlTemplateElement, ScrollIntoViewOptions, ScrollLogicalPosition,
};

use crate::advice::{Advice, piece};
use crate::appearance::Theme;
use crate::connection::Connection;
use crate::marks::{Kind, Mark};
use crate::model::{Direction, Message, Mode, Model, Strip};
use crate::panels::Panel;
use crate::sticky::Lab;
use crate::words::{Note, Slot, Word};

mod roster;
mod sequence;
mod speech;
mod steps;
mod sticky;
mod twin;
mod wire;

use roster::RosterView;
use sequence::Picture;
use speech::{Speech, each};
use steps::Steps;
use sticky::Sticky;
use twin::Twin;
use wire::Wire;

/// How far from its end the conversation may be scrolled, in pixels, and still
/// follow what comes: about two lines.
const AT_END: i32 = 80;

/// The parts of the document that change.
pub struct View {
    document: Document,
    root: HtmlElement,
    speech: Speech,
    steps: Steps,
    connection: HtmlElement,
    state: HtmlElement,
    conversation: HtmlElement,
    mode: HtmlElement,
    strip: HtmlElement,
    strip_text: HtmlElement,
    countdown: HtmlElement,
    reconnect: HtmlElement,
    practise: HtmlElement,
    command: HtmlInputElement,
    marks: HtmlElement,
    send: HtmlButtonElement,
    hint: HtmlElement,
    fix: HtmlElement,
    book: RosterView,
    wire: Wire,
    picture: Picture,
    sticky: Sticky,
    twin: Twin,
    shown: RefCell<Shown>,
    /// Whether the reader is at the end of the conversation.
    at_end: Cell<bool>,
    /// How far the conversation was scrolled when it was last looked at.
    top: Cell<i32>,
    to_end: RefCell<Option<Closure<dyn FnMut()>>>,
}

/// What is on the screen.
#[derive(Default)]
struct Shown {
    state: Option<(Word, &'static str)>,
    mode: Option<Mode>,
    /// The panels that can be seen, and the one whose tab is selected.
    panels: Option<([bool; Panel::ALL.len()], Panel)>,
    strip: Option<Option<Strip>>,
    can_send: Option<bool>,
    advice: Option<Advice>,
    line: Option<(String, Vec<Mark>)>,
    picked: Option<u32>,
}

impl View {
    /// Finds its parts in the document.
    pub fn of(document: Document) -> Self {
        let find = |id: &str| element(&document, id);
        let root = document.document_element().expect("a document has a root");
        View {
            root: root.unchecked_into(),
            speech: Speech::of(&document),
            steps: Steps::of(&document),
            connection: find("connection"),
            state: find("state"),
            conversation: find("conversation"),
            mode: find("mode"),
            strip: find("strip"),
            strip_text: find("strip-text"),
            countdown: find("countdown"),
            reconnect: find("reconnect"),
            practise: find("practise"),
            command: find("command").unchecked_into(),
            marks: find("marks"),
            send: find("send").unchecked_into(),
            hint: find("hint"),
            fix: find("fix"),
            book: RosterView::of(&document),
            wire: Wire::of(find),
            picture: Picture::of(&document, find),
            sticky: Sticky::of(find),
            twin: Twin::of(&document, find),
            shown: RefCell::default(),
            at_end: Cell::new(true),
            top: Cell::new(0),
            to_end: RefCell::new(None),
            document,
        }
    }

    /// The document.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// An element of the page.
    pub fn element(&self, id: &str) -> HtmlElement {
        element(&self.document, id)
    }

    /// The lesson's steps.
    pub fn steps(&self) -> &Steps {
        &self.steps
    }

    /// The input.
    pub fn command(&self) -> &HtmlInputElement {
        &self.command
    }

    /// The list of messages.
    pub fn conversation(&self) -> &HtmlElement {
        &self.conversation
    }

    /// The class's book.
    pub fn book(&self) -> &RosterView {
        &self.book
    }

    /// Shows the state of the model where it differs from what is shown. It
    /// needs words to do so.
    pub fn refresh(&self, model: &Model, now: u64) {
        if !model.speaks() {
            return;
        }
        let mut shown = self.shown.borrow_mut();

        let mode = model.mode();
        if shown.mode.replace(mode) != Some(mode) {
            self.show_mode(mode);
        }

        let state = state(mode, model.connection());
        if shown.state.replace(state) != Some(state) {
            let (word, name) = state;
            set_attribute(&self.connection, "data-state", name);
            set_attribute(&self.root, "data-state", name);
            self.say(&self.state, &Note::new(word).with(Slot::Host, model.host()));
        }

        let panels = model.panels();
        let panels = (Panel::ALL.map(|panel| panels.shows(panel)), panels.selected());
        if shown.panels.replace(panels) != Some(panels) {
            for (panel, shows) in Panel::ALL.into_iter().zip(panels.0) {
                self.show_panel(panel, shows, panel == panels.1);
            }
        }

        if model.panels().shows(Panel::Contacts) {
            self.book.refresh(model, &self.speech);
        }

        let strip = model.strip(now);
        let before = shown.strip.replace(strip);
        if before != Some(strip) {
            self.show_strip(strip, before.flatten(), model.host());
        }

        let can_send = model.can_send();
        if shown.can_send.replace(can_send) != Some(can_send) {
            self.send.set_disabled(!can_send);
        }

        let advice = model.advice();
        if shown.advice.as_ref() != Some(&advice) {
            self.show_advice(&advice);
            shown.advice = Some(advice);
        }

        let line = (model.draft().to_string(), model.marks());
        if shown.line.as_ref() != Some(&line) {
            self.draw_marks(&line.0, &line.1);
            shown.line = Some(line);
            self.scroll_marks();
        }

        let picked = model.picked();
        let before = std::mem::replace(&mut shown.picked, picked);
        if before != picked {
            self.show_picked(before, picked);
        }
        self.wire.refresh(&self.speech, model);
        self.picture.refresh(&self.speech, model);
        self.sticky.refresh(&self.speech, model);
        self.twin.refresh(&self.speech, model);
    }

    /// How the controls of the lab are set.
    pub fn lab(&self) -> Lab {
        self.sticky.lab()
    }

    /// Copies what a button is for.
    pub fn copy(&self, button: &Element) {
        self.twin.copy(&self.speech, button);
    }

    /// Adds a message to the conversation.
    pub fn show(&self, message: &Message) {
        let direction = match message.direction {
            Direction::Sent => "sent",
            Direction::Received => "received",
        };
        let name = match (message.mode, message.direction) {
            (Mode::Server, _) => direction,
            (Mode::Page, Direction::Sent) => "asked",
            (Mode::Page, Direction::Received) => "answered",
        };
        let line = first_child(&template(&self.document, name).content());
        set_attribute(&line, "data-direction", direction);
        line.set_id(&message_id(message.id));

        let text = Escaped(&message.text).to_string();
        fill(&line, "text", &text);
        fill(&line, "bytes", &message.text.len().to_string());
        fill(&line, "time", &time_of_day());
        if let Some(note) = &message.opening {
            let above = self.note(note);
            let _ = line.insert_before(&above, line.first_child().as_ref());
            let _ = line.class_list().add_1("opening");
        }
        if let Some(note) = &message.correction {
            let below = self.note(note);
            let _ = below.class_list().add_1("pen");
            let _ = line.append_child(&below);
        }
        self.steps.echo(&line, message.direction);
        let _ = self.conversation.append_child(&line);

        if message.direction == Direction::Sent {
            self.at_end.set(true);
        }
        self.keep_at_end();
    }

    /// Puts a note at a message, in place of an earlier one.
    pub fn annotate(&self, id: u32, note: &Note, take_back: bool) {
        self.unannotate(id);
        let Some(line) = self.document.get_element_by_id(&message_id(id)) else { return };
        let below = self.note(note);
        let _ = below.class_list().add_1("below");
        if take_back {
            let button = first_child(&template(&self.document, "take-back").content());
            set_attribute(&button, "data-take-back", &id.to_string());
            let _ = below.append_child(&button);
        }
        let _ = line.append_child(&below);
        self.keep_at_end();
    }

    /// Removes the note from a message.
    pub fn unannotate(&self, id: u32) {
        let selector = format!("#{} .below", message_id(id));
        if let Ok(Some(note)) = self.conversation.query_selector(&selector) {
            note.remove();
        }
    }

    /// Puts a text into the input, with the caret behind it.
    pub fn write(&self, text: &str) {
        self.command.set_value(text);
        let end = text.encode_utf16().count() as u32;
        let _ = self.command.set_selection_range(end, end);
        self.command.set_scroll_left(self.command.scroll_width());
    }

    /// Puts a text into the input where the caret is.
    pub fn insert(&self, text: &str) {
        let end = self.command.value().encode_utf16().count() as u32;
        let at = |place: Option<u32>| place.unwrap_or(end);
        let start = at(self.command.selection_start().ok().flatten());
        let stop = at(self.command.selection_end().ok().flatten());
        let _ = self.command.set_range_text_with_start_and_end(text, start, stop);
        let behind = start + text.encode_utf16().count() as u32;
        let _ = self.command.set_selection_range(behind, behind);
    }

    /// Moves to the input.
    pub fn focus(&self) {
        let _ = self.command.focus();
    }

    /// Whether the caret stands behind the text, with nothing selected.
    pub fn caret_is_at_end(&self) -> bool {
        let end = self.command.value().encode_utf16().count() as u32;
        self.command.selection_start().ok().flatten() == Some(end)
    }

    /// Moves to the tab of a panel.
    pub fn focus_tab(&self, panel: Panel) {
        let tab: HtmlElement = self.tab(panel).unchecked_into();
        let _ = tab.focus();
    }

    /// Says everything that stands on the page, and from now on everything
    /// else, in the words of a language's file. Returns whether these are the
    /// first ones.
    pub fn speak(&self, words: Element) -> bool {
        let is_first = !self.root.has_attribute("data-ready");
        set_attribute(&self.root, "lang", &words.get_attribute("lang").unwrap_or_default());
        if let Ok(Some(title)) = words.query_selector("title") {
            self.document.set_title(&title.text_content().unwrap_or_default());
        }
        self.steps.tell(&words);
        self.speech.change(words);
        set_attribute(&self.root, "data-ready", "");
        is_first
    }

    /// Says, in the words that the markup has for this, that it cannot go on.
    pub fn fail(&self) {
        set_attribute(&self.root, "data-broken", "");
    }

    /// Turns the light.
    pub fn paint(&self, theme: Theme) {
        set_attribute(&self.root, "data-theme", theme.name());
    }

    /// How the page looks now, by choice or by the system.
    pub fn theme(&self) -> Theme {
        let chosen = self.root.get_attribute("data-theme");
        Theme::remembered(chosen.as_deref()).unwrap_or_else(|| {
            let window = self.document.default_view();
            let dark = window.and_then(|w| w.match_media("(prefers-color-scheme:dark)").ok()?);
            if dark.is_some_and(|dark| dark.matches()) { Theme::Dark } else { Theme::Light }
        })
    }

    /// Keeps the marks under the text they belong to. It has the document laid
    /// out, so it is for changes of the line and not for every message.
    pub fn scroll_marks(&self) {
        let shift = format!("translateX({}px)", -self.command.scroll_left());
        let _ = self.marks.style().set_property("transform", &shift);
    }

    /// Notes whether the reader has left the end of the conversation, or come
    /// back to it. New lines alone move nobody away from it.
    pub fn note_scrolling(&self) {
        let log = &self.conversation;
        let top = log.scroll_top();
        let is_at_end = log.scroll_height() - top - log.client_height() < AT_END;
        if is_at_end || top < self.top.replace(top) {
            self.at_end.set(is_at_end);
        }
        self.top.set(top);
    }

    /// Shows the end of the conversation, if that is what is being read.
    pub fn keep_at_end(&self) {
        if !self.at_end.get() {
            return;
        }
        // Once a frame, however many messages come in it: measuring the
        // conversation means laying it out.
        let Some(window) = self.document.default_view() else { return };
        let mut to_end = self.to_end.borrow_mut();
        let to_end = to_end.get_or_insert_with(|| {
            let log = self.conversation.clone();
            Closure::wrap(Box::new(move || log.set_scroll_top(log.scroll_height())) as Box<_>)
        });
        let _ = window.request_animation_frame(to_end.as_ref().unchecked_ref());
    }

    fn show_mode(&self, mode: Mode) {
        let (name, other, switch, send) = match mode {
            Mode::Server => ("server", Word::Server, Word::ToPage, Word::Send),
            Mode::Page => ("page", Word::ThisPage, Word::ToServer, Word::Practise),
        };
        set_attribute(&self.mode, "data-mode", name);
        set_attribute(&self.root, "data-mode", name);
        for (id, word) in [("other", other), ("mode-word", switch), ("send-word", send)] {
            self.say(&self.element(id), &Note::new(word));
        }
    }

    fn show_panel(&self, panel: Panel, shows: bool, selected: bool) {
        self.element(panel.id()).set_hidden(!shows);
        let tab = self.tab(panel);
        if panel == Panel::Steps {
            self.steps.show_strip(!shows);
        }
        set_attribute(&tab, "aria-selected", if selected { "true" } else { "false" });
        set_attribute(&tab, "tabindex", if selected { "0" } else { "-1" });
    }

    fn show_picked(&self, before: Option<u32>, picked: Option<u32>) {
        let line = |id: u32| self.document.get_element_by_id(&message_id(id));
        if let Some(line) = before.and_then(line) {
            let _ = line.remove_attribute("aria-current");
        }
        if let Some(line) = picked.and_then(line) {
            set_attribute(&line, "aria-current", "true");
            let nearest = ScrollIntoViewOptions::new();
            nearest.set_block(ScrollLogicalPosition::Nearest);
            line.scroll_into_view_with_scroll_into_view_options(&nearest);
        }
    }

    fn tab(&self, panel: Panel) -> Element {
        let selector = format!("[role=tab][aria-controls={}]", panel.id());
        let tab = self.document.query_selector(&selector).ok().flatten();
        tab.expect("every panel has a tab")
    }

    fn show_strip(&self, strip: Option<Strip>, before: Option<Strip>, host: &str) {
        self.strip.set_hidden(strip.is_none());
        let Some(strip) = strip else { return };
        let (kind, note, button) = match strip {
            Strip::Connecting => ("connecting", Note::new(Word::StripConnecting), None),
            Strip::Retry { seconds, of } => {
                let cells = self.countdown.style();
                let _ = cells.set_property("--of", &of.to_string());
                let _ = cells.set_property("--on", &seconds.to_string());
                let note = Note::new(Word::StripRetry).with(Slot::Seconds, seconds.to_string());
                ("retry", note, Some(Word::ConnectNow))
            }
            Strip::Ended => ("ended", Note::new(Word::StripEnded), Some(Word::StartAgain)),
            Strip::Page => ("page", Note::new(Word::StripPage), None),
            Strip::PageEnded => ("page", Note::new(Word::StripPageEnded), Some(Word::StartAgain)),
        };
        set_attribute(&self.strip, "data-strip", kind);
        self.countdown.set_hidden(kind != "retry");
        self.say(&self.strip_text, &note.with(Slot::Host, host));
        self.practise.set_hidden(!matches!(strip, Strip::Connecting | Strip::Retry { .. }));
        self.reconnect.set_hidden(button.is_none());
        // While the seconds run the button stays the one that has the focus.
        let is_countdown = |strip| matches!(strip, Some(Strip::Retry { .. }));
        if let Some(word) = button
            && !(is_countdown(before) && is_countdown(Some(strip)))
        {
            self.say(&self.reconnect, &Note::new(word));
        }
    }

    fn show_advice(&self, advice: &Advice) {
        // Read out only what is wrong, not every step of writing a command.
        let live = if advice.is_mistake { "polite" } else { "off" };
        set_attribute(&self.hint, "aria-live", live);
        let _ = self.hint.class_list().toggle_with_force("pen", advice.is_mistake);
        self.say(&self.hint, &advice.note);
        self.fix.set_hidden(advice.mended.is_none());
        set_attribute(
            &self.command,
            "aria-invalid",
            if advice.is_mistake { "true" } else { "false" },
        );
    }

    /// The line again, in invisible letters, with its parts underlined.
    fn draw_marks(&self, text: &str, marks: &[Mark]) {
        self.marks.set_text_content(None);
        let plain = |text: &str| {
            let text = self.document.create_text_node(text);
            let _ = self.marks.append_child(&text);
        };
        let mut from = 0;
        for mark in marks {
            plain(piece(text, from..mark.at.start));
            let span = create(&self.document, "span");
            let (class, word) = match mark.kind {
                Kind::Verb => ("vb", Some(Word::MarkVerb)),
                Kind::Name => ("nm", Some(Word::MarkName)),
                Kind::Phone => ("ph", Some(Word::MarkPhone)),
                Kind::Wrong => ("wrong", None),
                Kind::Circled => ("circled", None),
            };
            span.set_class_name(class);
            span.set_text_content(Some(piece(text, mark.at.clone())));
            if let Some(word) = word.filter(|_| mark.labelled) {
                let label = create(&self.document, "small");
                self.say(&label, &Note::new(word));
                let _ = span.append_child(&label);
            }
            let _ = self.marks.append_child(&span);
            from = mark.at.end;
        }
        plain(piece(text, from..text.len()));
    }

    fn say(&self, element: &Element, note: &Note) {
        self.speech.say(element, note);
    }

    fn note(&self, note: &Note) -> Element {
        let paragraph = first_child(&template(&self.document, "note").content());
        if let Some(text) = paragraph.first_element_child() {
            self.say(&text, note);
        }
        paragraph
    }
}

fn state(mode: Mode, connection: Connection) -> (Word, &'static str) {
    match (mode, connection) {
        (Mode::Page, Connection::Ended) => (Word::StatePage, "closed"),
        (Mode::Page, _) => (Word::StatePage, "offline"),
        (Mode::Server, Connection::Open) => (Word::StateOpen, "open"),
        (Mode::Server, Connection::Connecting { .. }) => (Word::StateConnecting, "connecting"),
        (Mode::Server, Connection::Waiting { .. }) => (Word::StateClosed, "closed"),
        (Mode::Server, Connection::Ended) => (Word::StateEnded, "closed"),
    }
}

fn message_id(id: u32) -> String {
    format!("message-{id}")
}

/// Local time, as on the classroom's clock.
fn time_of_day() -> String {
    let now = Date::new_0();
    format!("{:02}:{:02}:{:02}", now.get_hours(), now.get_minutes(), now.get_seconds())
}

/// Writes a value into every blank of that name, as text.
fn fill(within: &Element, slot: &str, value: &str) {
    let blanks = within.query_selector_all(&format!("[data-slot={slot}]"));
    each(blanks, |blank| blank.set_text_content(Some(value)));
}

// The tests put the page's own markup through all of this; a part that is
// missing, or of another kind, does not get past them.

fn element(document: &Document, id: &str) -> HtmlElement {
    document.get_element_by_id(id).expect("the markup has every part").unchecked_into()
}

fn template(document: &Document, name: &str) -> HtmlTemplateElement {
    element(document, name).unchecked_into()
}

fn first_child(content: &DocumentFragment) -> Element {
    copy(&content.first_element_child().expect("a template holds one element"))
}

fn copy(element: &Element) -> Element {
    let copy = element.clone_node_with_deep(true);
    copy.unwrap_or_else(|_| unreachable!("elements can be copied")).unchecked_into()
}

/// What a selector finds within an element.
fn query(within: &Element, selector: &str) -> Element {
    within.query_selector(selector).ok().flatten().expect("the markup has every part")
}

/// The pieces as one text. A `concat` would be one more of everything that
/// slices have for this: half a kilobyte.
fn joined(pieces: &[&str]) -> String {
    pieces.iter().copied().collect()
}

/// Adds an element with a text to another one.
fn leaf(parent: &Element, tag: &str, class: &str, text: &str) -> Element {
    let document = parent.owner_document().expect("elements are in a document");
    let leaf = create(&document, tag);
    if !class.is_empty() {
        leaf.set_class_name(class);
    }
    if !text.is_empty() {
        leaf.set_text_content(Some(text));
    }
    let _ = parent.append_child(&leaf);
    leaf
}

fn create(document: &Document, tag: &str) -> Element {
    // Not `expect`: it would bring the code that describes any JavaScript
    // value into the page.
    document.create_element(tag).unwrap_or_else(|_| unreachable!("tags are valid"))
}

fn set_attribute(element: &Element, name: &str, value: &str) {
    let _ = element.set_attribute(name, value);
}

#[cfg(test)]
mod tests;
