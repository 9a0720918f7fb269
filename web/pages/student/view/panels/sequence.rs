//! The sequence picture, as an SVG that only grows downwards.
//!
//! An arrow is added where [`sequence`](crate::panels::sequence) placed it and is not
//! touched again but to be removed; the picture's window moves down instead.

use std::cell::{Cell, RefCell};

use web::browser::dom::{Dom as _, instantiate, template};
use web::browser::translator::Translator;
use web::core::i18n::TextKey;
use web::core::message::{Direction, Mode};
use web_sys::{Document, Element, HtmlElement};

use super::bytes::Block;
use crate::model::Model;
use crate::panels::sequence::{Arrow, ArrowKind, Sequence, Unseen};

/// How wide the picture is, in its own units, as in the markup.
const WIDTH: u32 = 360;

/// The panel of the sequence picture.
pub struct SequenceView {
    document: Document,
    picture: Element,
    lives: Element,
    arrows: Element,
    peer: HtmlElement,
    detail: Block,
    sequence: RefCell<Sequence>,
    /// The number of the next arrow to be added.
    next: Cell<u32>,
    met: Cell<Option<Mode>>,
    /// The arrow that was pointed at.
    pointed: Cell<Option<u32>>,
    /// The one whose bytes are shown.
    explained: Cell<Option<u32>>,
}

impl SequenceView {
    /// Finds its elements by their ids.
    pub fn of(document: &Document, find: impl Fn(&str) -> HtmlElement) -> Self {
        let picture: Element = find("arrows").into();
        SequenceView {
            document: document.clone(),
            lives: picture.query("path"),
            arrows: picture.query("g"),
            picture,
            peer: find("peer"),
            detail: Block::of(find("arrow-bytes")),
            sequence: RefCell::default(),
            next: Cell::new(0),
            met: Cell::new(None),
            pointed: Cell::new(None),
            explained: Cell::new(None),
        }
    }

    /// An arrow was pointed at.
    pub fn point(&self, arrow: u32) {
        self.pointed.set(Some(arrow));
    }

    /// Shows the state of the model where it differs from what is shown.
    pub fn refresh(&self, translator: &Translator, model: &Model) {
        let mut sequence = self.sequence.borrow_mut();
        sequence.follow(model);
        let peer = model.conversation().mode();
        if self.met.replace(Some(peer)) != Some(peer) {
            let word = if peer == Mode::Server { TextKey::Server } else { TextKey::ThisPage };
            translator.show_with(&self.peer, word, &[]);
        }

        let before = self.next.get();
        for arrow in sequence.arrows().iter().filter(|arrow| arrow.id >= before) {
            self.add(translator, arrow);
            self.next.set(arrow.id + 1);
        }
        if self.next.get() != before {
            while self.arrows.child_element_count() as usize > sequence.arrows().len() {
                self.arrows.first_element_child().iter().for_each(Element::remove);
            }
            let (top, bottom) = sequence.extent();
            // Room for an arrow's head below the last one.
            let bottom = bottom + 8;
            let height = bottom - top;
            self.picture.set("viewBox", &format!("0 {top} {WIDTH} {height}"));
            self.lives.set("d", &format!("M34 0V{bottom}M326 0V{bottom}"));
        }

        let pointed = self.pointed.get();
        if self.explained.replace(pointed) != pointed
            && let Some(arrow) = sequence.arrows().iter().find(|arrow| Some(arrow.id) == pointed)
        {
            self.explain(translator, arrow, model.conversation().knows_frames());
        }
    }

    fn add(&self, translator: &Translator, arrow: &Arrow) {
        let name = match arrow.direction() {
            Some(Direction::Sent) => "arrow-sent",
            Some(Direction::Received) => "arrow-received",
            None => "arrow-none",
        };
        let drawn = instantiate(&template(&self.document, name));
        let drawn = drawn.query("g").copy();
        let class = match (&arrow.kind, arrow.direction()) {
            (ArrowKind::Unseen(_), _) => "dots",
            _ if arrow.peer == Mode::Page => "self",
            (_, Some(Direction::Sent)) => "sent",
            (_, Some(Direction::Received)) => "recv",
            (_, None) => "gone",
        };
        drawn.set("class", class);
        drawn.set("transform", &format!("translate(0 {})", arrow.top));
        drawn.set("data-arrow", &arrow.id.to_string());
        let text = drawn.query("text");
        match arrow.kind {
            ArrowKind::Broken => translator.show_with(&text, TextKey::ArrowBroken, &[]),
            ArrowKind::Failed => translator.show_with(&text, TextKey::ArrowFailed, &[]),
            _ => text.set_text_content(Some(&arrow.label())),
        }
        if let Some(seconds) = arrow.pause() {
            drawn.query(".pause").set_text_content(Some(&format!("⋮ {seconds} s")));
        }
        // One stop for Tab, the newest; the arrow keys lead to the others.
        if let Some(last) = self.arrows.last_element_child() {
            last.set("tabindex", "-1");
        }
        drawn.set("tabindex", "0");
        self.arrows.add(&drawn);
    }

    /// The bytes of an arrow, or why the page sees none.
    fn explain(&self, translator: &Translator, arrow: &Arrow, frames: bool) {
        let detail = &self.detail;
        detail.title.set_text_content(Some(&arrow.label()));
        let is_real = arrow.peer == Mode::Server;
        let word = match &arrow.kind {
            ArrowKind::Message(direction, text) => {
                return detail.draw_message(translator, *direction, text, is_real, frames);
            }
            ArrowKind::Closed(code, reason) if is_real && frames => {
                return detail.draw_close(translator, *code, reason);
            }
            _ if !is_real => TextKey::WirePage,
            ArrowKind::Unseen(Unseen::Upgrade | Unseen::Switching) => TextKey::AboutUpgrade,
            ArrowKind::Unseen(_) => TextKey::AboutHandshake,
            ArrowKind::Closed(..) | ArrowKind::Left => TextKey::AboutClose,
            ArrowKind::Broken => TextKey::AboutBroken,
            ArrowKind::Failed => TextKey::AboutFailed,
        };
        detail.draw_nothing();
        translator.show_with(&detail.note, word, &[]);
    }
}
