//! The lab for sticky packets: its controls, the stream with its cut, and what
//! the server makes of the pieces.

use std::cell::Cell;

use wasm_bindgen::JsCast;
use web::browser::dom::{Dom as _, leaf};
use web::browser::translator::Translator;
use web::core::i18n::{Placeholder, TextKey};
use web::core::message::visible;
use web::core::sticky_lab::{Event, Lab, Rest, Sample, shown};
use web_sys::{Element, HtmlElement, HtmlInputElement};

use super::bytes::Squares;

/// The panel of the lab.
pub struct StickyView {
    lines: HtmlInputElement,
    chinese: HtmlInputElement,
    late: HtmlInputElement,
    split: HtmlInputElement,
    place: HtmlElement,
    stream: Squares,
    steps: Element,
    lab: Cell<Lab>,
    drawn: Cell<Option<Lab>>,
}

/// The sample at first, as the controls stand in the markup: it has a character that
/// can be cut.
const FIRST: Sample = Sample { lines: false, chinese: true };

impl StickyView {
    /// Finds its elements by their ids.
    pub fn of(find: impl Fn(&str) -> HtmlElement) -> Self {
        StickyView {
            lines: find("lab-lines").unchecked_into(),
            chinese: find("lab-chinese").unchecked_into(),
            late: find("lab-late").unchecked_into(),
            split: find("lab-split").unchecked_into(),
            place: find("lab-place"),
            stream: Squares(find("lab-wire").into()),
            steps: find("lab-steps").into(),
            // At first both messages come at once, and stick.
            lab: Cell::new(Lab { sample: FIRST, split: FIRST.text().len(), late: false }),
            drawn: Cell::new(None),
        }
    }

    /// Sets the lab up as its controls say. Returns whether a character is cut.
    pub fn set(&self) -> bool {
        let sample = Sample { lines: self.lines.checked(), chinese: self.chinese.checked() };
        let split = self.split.value_as_number() as usize;
        let lab = Lab { sample, split, late: self.late.checked() };
        self.lab.set(lab);
        lab.is_inside_character()
    }

    /// Shows how the lab is set up where it differs from what is shown.
    pub fn refresh(&self, translator: &Translator) {
        let lab = self.lab.get();
        if self.drawn.replace(Some(lab)) == Some(lab) {
            return;
        }
        let text = lab.sample.text();
        let split = lab.split.min(text.len());
        let (place, end) = (split.to_string(), text.len().to_string());
        self.split.set("max", &end);
        self.split.set_value(&place);
        let word = if lab.is_inside_character() { TextKey::LabInside } else { TextKey::LabPlace };
        translator.show_with(
            &self.place,
            word,
            &[(Placeholder::Bytes, &place), (Placeholder::Limit, &end)],
        );

        self.stream.draw_text(translator, &text);
        let mut at = 0;
        self.stream.0.each("i", |byte| {
            if at >= split {
                byte.set_class_name(if at == split && at > 0 { "second cut" } else { "second" });
            }
            at += 1;
        });

        self.steps.set_text_content(None);
        for step in lab.play() {
            match step.event {
                Event::Recv(piece) => {
                    let length = piece.len().to_string();
                    let text = visible(&shown(&text, piece));
                    let values = [(Placeholder::Bytes, &*length), (Placeholder::Text, &*text)];
                    translator.show_with(&self.line("recv"), TextKey::LabRecv, &values);
                }
                Event::Silence => translator.show_with(&self.line(""), TextKey::LabSilence, &[]),
            }
            for message in step.messages {
                let reply = visible(&message.reply.unwrap_or_default());
                // What is no text has no placeholder for one.
                let word =
                    if message.text.is_some() { TextKey::LabMessage } else { TextKey::LabGarbage };
                let text = visible(&message.text.unwrap_or_default());
                let values = [(Placeholder::Reply, &*reply), (Placeholder::Text, &*text)];
                translator.show_with(&self.line("cut"), word, &values);
            }
            if let Some(rest) = step.waits_for {
                let word = match rest {
                    Rest::OfCharacter => TextKey::LabWaitsCharacter,
                    Rest::OfLine => TextKey::LabWaitsLine,
                };
                translator.show_bytes(&self.line("held"), word, step.held.len());
            }
        }
    }

    fn line(&self, class: &str) -> Element {
        leaf(&self.steps, "li", class, "")
    }
}
