//! The view: shows the state of the model in the document, where it differs from
//! what is shown.
//!
//! It fills the placeholders of `index.html` and clones its templates. All text
//! from people and from the network becomes text nodes. It keeps no state of the
//! lesson: only what it showed last, so that a keystroke does not touch the
//! conversation.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::Date;
use protocol::{Verb, slice};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web::browser::dom::{Dom as _, breakable, create, element, instantiate, root, template};
use web::browser::translator::Translator;
use web::core::connection::Connection;
use web::core::highlight::{Highlight, Kind};
use web::core::hints::Hint;
use web::core::i18n::{Placeholder, Text, TextKey};
use web::core::message::{Direction, Mode};
use web::core::owner::Owner;
use web_sys::{Document, Element, HtmlElement, HtmlInputElement};

use crate::model::Model;
use crate::model::conversation::{Message, StatusBar};
use crate::model::tabs::{Panel, Panels};

mod class;
pub mod copy;
pub mod exercise;
pub mod homework;
pub mod panels;
mod steps;

use steps::Steps;

/// How far from its end the conversation may be scrolled, in pixels, and still
/// follow what comes: about two lines.
const AT_END: i32 = 80;

/// The parts of the document that change.
pub struct View {
    document: Document,
    root: HtmlElement,
    translator: Rc<Translator>,
    steps: Steps,
    connection: HtmlElement,
    state: HtmlElement,
    conversation: HtmlElement,
    mode: HtmlElement,
    status_bar: HtmlElement,
    status_text: HtmlElement,
    countdown: HtmlElement,
    reconnect: HtmlElement,
    practise: HtmlElement,
    command: HtmlInputElement,
    marks: HtmlElement,
    send: HtmlElement,
    hint: HtmlElement,
    fix: HtmlElement,
    shown: RefCell<Shown>,
    /// Whether the reader is at the end of the conversation.
    at_end: Cell<bool>,
    /// How far the conversation was scrolled when it was last looked at.
    top: Cell<i32>,
    to_end: RefCell<Option<Closure<dyn FnMut()>>>,
    /// What of the class is shown.
    class: Cell<u32>,
}

/// What is on the screen.
#[derive(Default)]
struct Shown {
    host: String,
    state: Option<(TextKey, &'static str)>,
    mode: Option<Mode>,
    panels: Option<Panels>,
    status_bar: Option<Option<StatusBar>>,
    can_send: Option<bool>,
    hint: Option<Hint>,
    line: Option<(String, Vec<Highlight>)>,
}

impl View {
    /// Finds its parts in the document.
    pub fn of(document: Document, translator: Rc<Translator>) -> Self {
        let find = |id: &str| element(&document, id);
        View {
            root: root(&document),
            translator,
            steps: Steps::of(&document),
            connection: find("connection"),
            state: find("state"),
            conversation: find("conversation"),
            mode: find("mode"),
            status_bar: find("status-bar"),
            status_text: find("status-text"),
            countdown: find("countdown"),
            reconnect: find("reconnect"),
            practise: find("practise"),
            command: find("command").unchecked_into(),
            marks: find("marks"),
            send: find("send"),
            hint: find("hint"),
            fix: find("fix"),
            shown: RefCell::default(),
            at_end: Cell::new(true),
            top: Cell::new(0),
            to_end: RefCell::new(None),
            class: Cell::new(0),
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

    /// Shows texts in the language of the page.
    pub fn translator(&self) -> &Rc<Translator> {
        &self.translator
    }

    /// Shows the state of the model where it differs from what is shown. It
    /// needs texts to do so.
    pub fn refresh(&self, model: &Model, now: u64) {
        if !model.is_ready() {
            return;
        }
        let mut shown = self.shown.borrow_mut();

        let host = model.conversation().class_host();
        if shown.host != host {
            // What was said before the server told how students call it.
            let before = Some(std::mem::replace(&mut shown.host, host.to_string()));
            self.document.each("[data-slot=host]", |place| {
                if place.text_content() == before {
                    place.set_text_content(Some(host));
                }
            });
        }

        let mode = model.conversation().mode();
        if shown.mode.replace(mode) != Some(mode) {
            self.show_mode(mode);
        }

        let state = state(mode, model.conversation().connection());
        if shown.state.replace(state) != Some(state) {
            let (word, name) = state;
            self.connection.set("data-state", name);
            self.root.set("data-state", name);
            self.show_text(
                &self.state,
                &Text::new(word).with(Placeholder::Host, model.conversation().host()),
            );
            let server = model.conversation().server();
            self.element("other-server").set_text_content(Some(server));
        }

        let panels = model.panels();
        if shown.panels.replace(panels) != Some(panels) {
            for panel in Panel::ALL {
                self.show_panel(panel, panels.shows(panel), panel == panels.selected());
            }
        }

        let status_bar = model.conversation().status_bar(now);
        let before = shown.status_bar.replace(status_bar);
        if before != Some(status_bar) {
            self.show_status_bar(status_bar, before.flatten(), model.conversation().host());
        }

        let can_send = model.can_send();
        if shown.can_send.replace(can_send) != Some(can_send) {
            self.send.turn("disabled", !can_send);
        }

        let hint = model.hint();
        if shown.hint.as_ref() != Some(&hint) {
            self.show_hint(&hint, model.owner());
            shown.hint = Some(hint);
        }

        let line = (model.input().draft().to_string(), model.input().highlights());
        if shown.line.as_ref() != Some(&line) {
            self.draw_highlights(&line.0, &line.1);
            shown.line = Some(line);
            self.scroll_highlights();
        }
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
        let line = instantiate(&template(&self.document, name));
        line.set("data-direction", direction);
        line.set_id(&message_id(message.id));

        breakable(&line.query("[data-slot=text]"), &message.text);
        line.fill("bytes", &message.text.len().to_string());
        line.fill("time", &time_of_day(&Date::new_0()));
        if let Some(note) = &message.opening {
            let above = self.note(note);
            let _ = line.insert_before(&above, line.first_child().as_ref());
            line.set_class_name(&[&*line.class_name(), " opening"].concat());
        }
        if let Some(note) = &message.correction {
            let below = self.note(note);
            below.set_class_name("note pen");
            line.add(&below);
        }
        self.steps.echo(&line, message.direction);
        self.conversation.add(&line);

        if message.direction == Direction::Sent {
            self.at_end.set(true);
        }
        self.keep_at_end();
    }

    /// Puts a note at a message, in place of an earlier one.
    pub fn annotate(&self, id: u32, note: &Text, is_restorable: bool) {
        self.unannotate(id);
        let Some(line) = self.document.get_element_by_id(&message_id(id)) else { return };
        let below = self.note(note);
        below.set_class_name("note below");
        if is_restorable {
            let button = instantiate(&template(&self.document, "take-back"));
            button.set("data-take-back", &id.to_string());
            below.add(&button);
        }
        line.add(&below);
        self.keep_at_end();
    }

    /// Removes the note from a message.
    pub fn unannotate(&self, id: u32) {
        let selector = ["#", &*message_id(id), " .below"].concat();
        if let Some(note) = self.conversation.find(&selector) {
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
        self.command.take_focus();
    }

    /// Whether the caret stands behind the text, with nothing selected.
    pub fn caret_is_at_end(&self) -> bool {
        let end = self.command.value().encode_utf16().count() as u32;
        self.command.selection_start().ok().flatten() == Some(end)
    }

    /// Moves to the tab of a panel.
    pub fn focus_tab(&self, panel: Panel) {
        self.tab(panel).take_focus();
    }

    /// Keeps the marks under the text they belong to. It has the document laid
    /// out, so it is for changes of the line and not for every message.
    pub fn scroll_highlights(&self) {
        let shift = self.command.scroll_left();
        self.marks.style_with("transform", &format!("translateX({}px)", -shift));
    }

    /// Notes whether the reader has left the end of the conversation, or come
    /// back to it. New lines alone do not move a reader away from it.
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
            Mode::Server => ("server", TextKey::Server, TextKey::ToPage, TextKey::Send),
            Mode::Page => ("page", TextKey::ThisPage, TextKey::ToServer, TextKey::Practise),
        };
        self.mode.set("data-mode", name);
        self.root.set("data-mode", name);
        for (id, word) in [("other", other), ("mode-word", switch), ("send-word", send)] {
            self.show_text(&self.element(id), &Text::new(word));
        }
    }

    fn show_panel(&self, panel: Panel, shows: bool, selected: bool) {
        self.element(panel.id()).hide(!shows);
        let tab = self.tab(panel);
        if panel == Panel::Steps {
            self.steps.show_current_step(!shows);
        }
        tab.set("aria-selected", if selected { "true" } else { "false" });
        tab.set("tabindex", if selected { "0" } else { "-1" });
    }

    fn tab(&self, panel: Panel) -> Element {
        self.document.query(&["[role=tab][aria-controls=", panel.id(), "]"].concat())
    }

    fn show_status_bar(
        &self,
        status_bar: Option<StatusBar>,
        before: Option<StatusBar>,
        host: &str,
    ) {
        self.status_bar.hide(status_bar.is_none());
        let Some(status_bar) = status_bar else { return };
        let (kind, note, button) = match status_bar {
            StatusBar::Connecting => ("connecting", Text::new(TextKey::StatusConnecting), None),
            StatusBar::Retry { seconds, of, why } => {
                let cells = &self.countdown;
                cells.style_with("--of", &of.to_string());
                cells.style_with("--on", &seconds.to_string());
                let note = Text::new(why).with(Placeholder::Seconds, seconds.to_string());
                ("retry", note, Some(TextKey::ConnectNow))
            }
            StatusBar::Ended(why) => ("ended", Text::new(why), Some(TextKey::StartAgain)),
            StatusBar::Page => ("page", Text::new(TextKey::StatusPage), None),
            StatusBar::PageEnded => {
                ("page", Text::new(TextKey::StatusPageEnded), Some(TextKey::StartAgain))
            }
        };
        self.status_bar.set("data-status", kind);
        self.countdown.hide(kind != "retry");
        self.show_text(&self.status_text, &note.with(Placeholder::Host, host));
        self.practise.hide(!matches!(status_bar, StatusBar::Connecting | StatusBar::Retry { .. }));
        self.reconnect.hide(button.is_none());
        // While the seconds run the button stays the one that has the focus.
        let is_countdown = |status_bar| matches!(status_bar, Some(StatusBar::Retry { .. }));
        if let Some(word) = button
            && !(is_countdown(before) && is_countdown(Some(status_bar)))
        {
            self.show_text(&self.reconnect, &Text::new(word));
        }
    }

    fn show_hint(&self, hint: &Hint, owner: &Owner) {
        // Read out only what is wrong, not every step of writing a command.
        let live = if hint.is_mistake { "polite" } else { "off" };
        self.hint.set("aria-live", live);
        self.hint.set_class_name(if hint.is_mistake { "grow pen" } else { "grow" });
        let mut text = hint.text.clone();
        for (placeholder, value) in &mut text.values {
            // The lesson's examples are everybody's.
            let is_lessons = Verb::ALL.into_iter().any(|verb| verb.example() == value);
            if *placeholder == Placeholder::Example && is_lessons {
                *value = owner.adapt(value);
            }
        }
        self.show_text(&self.hint, &text);
        self.fix.hide(hint.fix.is_none());
        self.command.set("aria-invalid", if hint.is_mistake { "true" } else { "false" });
    }

    /// The line again, in invisible letters, with its parts underlined.
    fn draw_highlights(&self, text: &str, marks: &[Highlight]) {
        self.marks.set_text_content(None);
        let plain = |text: &str| {
            let text = self.document.create_text_node(text);
            self.marks.add(&text);
        };
        let mut from = 0;
        for mark in marks {
            plain(slice(text, from..mark.at.start));
            let span = create(&self.document, "span");
            let (class, word) = match mark.kind {
                Kind::Verb => ("vb", Some(TextKey::MarkVerb)),
                Kind::Name => ("nm", Some(TextKey::MarkName)),
                Kind::Phone => ("ph", Some(TextKey::MarkPhone)),
                Kind::Wrong => ("wrong", None),
                Kind::Circled => ("circled", None),
            };
            span.set_class_name(class);
            span.set_text_content(Some(slice(text, mark.at.clone())));
            if let Some(word) = word.filter(|_| mark.labelled) {
                let label = create(&self.document, "small");
                self.show_text(&label, &Text::new(word));
                span.add(&label);
            }
            self.marks.add(&span);
            from = mark.at.end;
        }
        plain(slice(text, from..));
    }

    fn show_text(&self, element: &Element, note: &Text) {
        self.translator.show(element, note);
    }

    fn note(&self, note: &Text) -> Element {
        let paragraph = instantiate(&template(&self.document, "note"));
        if let Some(text) = paragraph.find("span") {
            self.show_text(&text, note);
        }
        paragraph
    }
}

fn state(mode: Mode, connection: Connection) -> (TextKey, &'static str) {
    match (mode, connection) {
        (Mode::Page, Connection::Ended) => (TextKey::StatePage, "closed"),
        (Mode::Page, _) => (TextKey::StatePage, "offline"),
        (Mode::Server, Connection::Open) => (TextKey::StateOpen, "open"),
        (Mode::Server, Connection::Connecting { .. }) => (TextKey::StateConnecting, "connecting"),
        (Mode::Server, Connection::Waiting { .. }) => (TextKey::StateClosed, "closed"),
        (Mode::Server, Connection::Ended) => (TextKey::StateEnded, "closed"),
    }
}

/// The `id` of a message's line.
pub fn message_id(id: u32) -> String {
    ["message-", &id.to_string()].concat()
}

/// Local time, as on the classroom's clock.
fn time_of_day(date: &Date) -> String {
    // `12:34:56 GMT+0800`, and the zone's name.
    String::from(date.to_time_string()).chars().take(8).collect()
}

#[cfg(test)]
mod tests;
