//! Bytes, drawn as in the exercise book: a character in its square, and its
//! bytes hanging below it.
//!
//! What stands where comes from [`wire`]; here it becomes elements. [`Squares`]
//! is a row of them, a [`Block`] one message with what is said of it, and
//! [`BytesView`] the panel with the newest ones and the line being written.

use std::cell::{Cell, RefCell};

use protocol::slice;
use web::browser::dom::{Dom as _, leaf};
use web::browser::translator::Translator;
use web::core::bytes::{self, Field, FieldName, Frame, Kind, Part, Shape, as_line, cells, hex};
use web::core::highlight;
use web::core::i18n::{Placeholder, TextKey};
use web::core::message::{Direction, Mode};
use web_sys::{Element, HtmlElement};

use crate::model::Model;
use crate::model::conversation::LogEntry;

/// The most characters drawn of a message: the longest command has 102, and
/// the line being written is drawn at each keystroke.
const DRAWN: usize = 128;

/// The panel of the bytes.
pub struct BytesView {
    draft: Block,
    sent: Block,
    received: Block,
    selected: HtmlElement,
    /// What the two messages depend on.
    shown: Cell<Option<(usize, Option<u32>, bool)>>,
    /// The line being written, as it is drawn.
    drawn: RefCell<Option<(String, Vec<Part>)>>,
}

impl BytesView {
    /// Finds its elements by their ids.
    pub fn of(find: impl Fn(&str) -> HtmlElement) -> Self {
        BytesView {
            draft: Block::of(find("wire-draft")),
            sent: Block::of(find("wire-sent")),
            received: Block::of(find("wire-received")),
            selected: find("wire-picked"),
            shown: Cell::new(None),
            drawn: RefCell::new(None),
        }
    }

    /// Shows the state of the model where it differs from what is shown.
    pub fn refresh(&self, translator: &Translator, model: &Model) {
        self.draw_draft(translator, model);

        let shown = (
            model.conversation().log().entries().len(),
            model.selected(),
            model.conversation().log().close_reason().is_some(),
        );
        if self.shown.replace(Some(shown)) == Some(shown) {
            return;
        }
        let selected =
            model.selected().map(|id| &model.conversation().log().entries()[id as usize]);
        self.selected.hide(selected.is_none());
        let frames = model.conversation().knows_frames();
        for (direction, block, newest, chosen) in [
            (Direction::Sent, &self.sent, TextKey::WireSent, TextKey::WirePickedSent),
            (
                Direction::Received,
                &self.received,
                TextKey::WireReceived,
                TextKey::WirePickedReceived,
            ),
        ] {
            let is_of = |said: &&LogEntry| said.direction == direction;
            let (title, said) = match selected {
                Some(_) => (chosen, selected.filter(is_of)),
                None => (newest, model.conversation().log().entries().iter().rev().find(is_of)),
            };
            block.root.hide(said.is_none());
            let Some(said) = said else { continue };
            translator.show_with(&block.title, title, &[]);
            let is_last = selected.is_none() && direction == Direction::Received;
            match model.conversation().log().close_reason().filter(|_| is_last && frames) {
                Some((code, reason)) => block.draw_close(translator, *code, reason),
                None => block.draw_said(translator, said, frames),
            }
        }
    }

    /// The line being written. What is as it was stays as it is.
    fn draw_draft(&self, translator: &Translator, model: &Model) {
        let text = model.input().draft();
        let parts = bytes::sent(text, model.input().is_composing());
        let mut drawn = self.drawn.borrow_mut();
        let mut same = 0;
        if let Some((before, parts_before)) = &*drawn {
            if *before == text && *parts_before == parts {
                return;
            }
            let pairs = parts_before.iter().zip(&parts);
            same = pairs
                .take_while(|(old, new)| {
                    old == new && slice(before, old.at.clone()) == slice(text, new.at.clone())
                })
                .count();
        } else {
            translator.show_with(&self.draft.title, TextKey::WireDraft, &[]);
            translator.show_with(&self.draft.note, TextKey::WireEmpty, &[]);
        }
        let Block { squares, note, .. } = &self.draft;
        note.set("class", if text.is_empty() { "dim" } else { "unused" });
        translator.show_bytes(&self.draft.size, TextKey::SizeDraft, text.len());
        squares.keep(same);
        squares.draw(translator, text, &parts, same);
        squares.set_label(&dump(text));
        *drawn = Some((text.to_string(), parts));
    }
}

/// A message, its bytes, and what is said of it.
pub struct Block {
    /// All of it.
    pub root: HtmlElement,
    /// What it is.
    pub title: Element,
    size: Element,
    squares: Squares,
    /// What else is to be said.
    pub note: Element,
}

impl Block {
    /// The block whose markup that is.
    pub fn of(root: HtmlElement) -> Self {
        Block {
            title: root.query("h3"),
            size: root.query("small"),
            squares: Squares(root.query(".wire")),
            note: root.query(".dim"),
            root,
        }
    }

    /// A message of the conversation: the frame around it, and the same on raw
    /// TCP.
    fn draw_said(&self, translator: &Translator, said: &LogEntry, frames: bool) {
        let is_real = said.mode == Mode::Server;
        self.draw_message(translator, said.direction, &said.text, is_real, frames);
        if is_real {
            // The greeting has no line end there either.
            let line = if said.is_greeting { said.text.clone() } else { as_line(&said.text) };
            let (bytes, length) = (dump(&line), line.len().to_string());
            let values = [(Placeholder::Text, &*bytes), (Placeholder::Bytes, &*length)];
            translator.show_with(&self.note, TextKey::WireTcp, &values);
        }
    }

    /// A message, and the frame around it if it `is_real`: if it went over the
    /// wire.
    pub fn draw_message(
        &self,
        translator: &Translator,
        direction: Direction,
        text: &str,
        is_real: bool,
        frames: bool,
    ) {
        let (class, parts) = match direction {
            Direction::Sent => ("wire sent", bytes::sent(text, false)),
            Direction::Received => ("wire recv", bytes::received(text)),
        };
        self.squares.begin(if is_real { class } else { "wire self" });
        let mut read_out = String::new();
        if is_real && frames {
            let frame = Frame::text(direction, text.len());
            self.show_framed_size(translator, frame);
            self.squares.draw_head(translator, frame, &mut read_out);
        } else {
            translator.show_bytes(&self.size, TextKey::Size, text.len());
        }
        self.squares.draw(translator, text, &parts, 0);
        read_out.push_str(&dump(text));
        self.squares.set_label(&read_out);
        let word = if is_real { TextKey::WireFrame } else { TextKey::WirePage };
        translator.show_with(&self.note, word, &[]);
    }

    /// The Close with which a server ends a conversation.
    pub fn draw_close(&self, translator: &Translator, code: u16, reason: &str) {
        let Some((frame, carried)) = Frame::close(code, reason) else { return };
        self.squares.begin("wire recv");
        let mut read_out = String::new();
        self.show_framed_size(translator, frame);
        self.squares.draw_head(translator, frame, &mut read_out);
        let code_bytes: Vec<_> = carried.iter().take(2).map(|&byte| Some(byte)).collect();
        if !code_bytes.is_empty() {
            let shown = code.to_string();
            self.squares.draw_field(
                translator,
                TextKey::FieldCode,
                &shown,
                &code_bytes,
                &mut read_out,
            );
        }
        if !reason.is_empty() {
            let group = self.squares.draw_part("part", reason, Kind::Answer);
            label(translator, &group, Some(TextKey::FieldReason), reason.len());
        }
        read_out.push_str(&dump(reason));
        self.squares.set_label(&read_out);
        translator.show_with(&self.note, TextKey::WireClose, &[]);
    }

    /// Something of which the page sees no byte.
    pub fn draw_nothing(&self) {
        self.squares.begin("wire");
        self.size.set_text_content(None);
        self.size.turn("data-said", false);
    }

    fn show_framed_size(&self, translator: &Translator, frame: Frame) {
        let head = (frame.bytes() - frame.payload).to_string();
        let bytes = frame.payload.to_string();
        let values = [(Placeholder::Head, &*head), (Placeholder::Bytes, &*bytes)];
        translator.show_with(&self.size, TextKey::SizeFramed, &values);
    }
}

/// A row of characters and bytes.
pub struct Squares(pub Element);

impl Squares {
    /// A text and nothing around it.
    pub fn draw_text(&self, translator: &Translator, text: &str) {
        self.keep(0);
        self.draw(translator, text, &bytes::sent(text, true), 0);
        self.set_label(&dump(text));
    }

    fn begin(&self, class: &str) {
        self.keep(0);
        self.0.set_class_name(class);
    }

    /// Removes all parts but the first ones.
    fn keep(&self, parts: usize) {
        while self.0.child_element_count() as usize > parts {
            if let Some(last) = self.0.last_element_child() {
                last.remove();
            }
        }
    }

    /// Says to those who do not see it what it shows.
    fn set_label(&self, bytes: &str) {
        self.0.set("aria-label", bytes);
    }

    /// Adds the parts of a text but for the first ones.
    fn draw(&self, translator: &Translator, text: &str, parts: &[Part], skipped: usize) {
        let limit = end_of_drawn(text);
        for part in parts.iter().skip(skipped).filter(|part| part.at.start < limit) {
            let shown = part.at.start..part.at.end.min(limit);
            let (class, word) = look(part);
            let group = self.draw_part(class, slice(text, shown), part.kind);
            label(translator, &group, word, part.at.len());
        }
        if limit < text.len() {
            let rest = format!("… +{} B", text.len() - limit);
            leaf(&self.0, "span", "more", &rest);
        }
    }

    fn draw_part(&self, class: &str, text: &str, kind: Kind) -> Element {
        let group = leaf(&self.0, "span", class, "");
        for cell in cells(text, kind) {
            let class = match cell.shape() {
                Shape::Letter => "",
                Shape::Wide => "han",
                Shape::Separator => "sep",
                Shape::Space => "sp",
                Shape::Control => "ctl",
            };
            let square = square(&group, class, &cell.shown(), cell.bytes().len());
            for byte in cell.bytes() {
                leaf(&square, "i", "", &hex(byte));
            }
        }
        group
    }

    /// Adds what stands before a message in its frame.
    fn draw_head(&self, translator: &Translator, frame: Frame, read_out: &mut String) {
        let mut length = frame.payload.to_string();
        let fields = frame.fields();
        let is_long = fields.iter().any(|field| field.name == FieldName::LongLength);
        for Field { name, bytes } in fields {
            let (word, shown) = match name {
                FieldName::Opcode if frame.opcode == 1 => (TextKey::FieldText, String::new()),
                FieldName::Opcode => (TextKey::FieldClose, String::new()),
                FieldName::Length if is_long => (TextKey::FieldLength, String::new()),
                FieldName::Length | FieldName::LongLength => {
                    (TextKey::FieldLength, std::mem::take(&mut length))
                }
                FieldName::Key => (TextKey::FieldKey, String::new()),
            };
            self.draw_field(translator, word, &shown, &bytes, read_out);
        }
    }

    fn draw_field(
        &self,
        translator: &Translator,
        word: TextKey,
        shown: &str,
        bytes: &[Option<u8>],
        read_out: &mut String,
    ) {
        let group = leaf(&self.0, "span", "part head", "");
        let square = square(&group, "field", shown, bytes.len());
        for byte in bytes {
            let shown = byte.map_or("··".to_string(), hex);
            leaf(&square, "i", "", &shown);
            read_out.push_str(&shown);
            read_out.push(' ');
        }
        label(translator, &group, Some(word), 0);
    }
}

fn square(group: &Element, class: &str, shown: &str, bytes: usize) -> Element {
    let square = leaf(group, "span", &format!("ch {class} n{bytes}"), "");
    leaf(&square, "b", if shown.len() > 2 * bytes { "tight" } else { "" }, shown);
    square
}

/// The name of a part below it, and its length where that says something.
fn label(translator: &Translator, group: &Element, word: Option<TextKey>, bytes: usize) {
    let label = leaf(group, "small", if word.is_some() { "named" } else { "" }, "");
    let Some(word) = word else { return };
    translator.show_with(&leaf(&label, "span", "", ""), word, &[]);
    if bytes > 0 {
        leaf(&label, "span", "", &format!(" {bytes}"));
    }
}

fn look(part: &Part) -> (&'static str, Option<TextKey>) {
    let word = match part.kind {
        Kind::Plain | Kind::Separator => return ("part", None),
        Kind::Highlighted(highlight::Kind::Circled) if part.at.len() > 1 => TextKey::PartWide,
        Kind::Highlighted(highlight::Kind::Wrong | highlight::Kind::Circled) => TextKey::PartWrong,
        Kind::Highlighted(highlight::Kind::Verb) => TextKey::MarkVerb,
        Kind::Highlighted(highlight::Kind::Name) => TextKey::MarkName,
        Kind::Highlighted(highlight::Kind::Phone) => TextKey::MarkPhone,
        Kind::Answer => TextKey::PartAnswer,
        Kind::LineEnd => TextKey::PartLineEnd,
    };
    let is_bad = matches!(word, TextKey::PartWide | TextKey::PartWrong);
    (if is_bad { "part bad" } else { "part" }, Some(word))
}

fn end_of_drawn(text: &str) -> usize {
    text.char_indices().nth(DRAWN).map_or(text.len(), |(at, _)| at)
}

/// The bytes as a table of numbers shows them, as far as they are drawn, and
/// the last one.
fn dump(text: &str) -> String {
    let end = end_of_drawn(text);
    let mut dump = String::new();
    for (at, byte) in text.bytes().enumerate() {
        if at < end || at + 1 == text.len() {
            if at > end {
                dump.push_str("… ");
            }
            dump.push_str(&hex(byte));
            dump.push(' ');
        }
    }
    dump
}
