//! The lesson's steps: all of them, in the markup of the language's file, and
//! how far the student is.
//!
//! Only the open one is unfolded, by the style sheet. [`lesson`](web::core::lesson)
//! decides which that is and what has been done.

use protocol::Stage;
use wasm_bindgen::JsCast;
use web::browser::dom::{Dom as _, breakable, element, instantiate, root, template};
use web::core::lesson::{Lesson, Step};
use web::core::message::Direction;
use web::core::owner::Owner;
use web_sys::{Document, Element, HtmlElement, HtmlInputElement};

use crate::model::Model;

/// The steps, and what stands around them.
pub struct Steps {
    document: Document,
    plan: HtmlElement,
    list: HtmlElement,
    /// What stands at the end of the open step.
    guide: HtmlElement,
    echo: HtmlElement,
    hint: HtmlElement,
    /// The open step above the other panels of a narrow screen.
    current_step: HtmlElement,
    current_title: HtmlElement,
}

impl Steps {
    /// Finds its parts in the document.
    pub fn of(document: &Document) -> Self {
        let find = |id: &str| element(document, id);
        Steps {
            plan: find("plan"),
            list: find("steps"),
            guide: find("guide"),
            echo: find("echo"),
            hint: find("step-hint"),
            current_step: find("now"),
            current_title: find("now-title"),
            document: document.clone(),
        }
    }

    /// Puts the lesson of a language's file in place of what stands there.
    pub fn load(&self, texts: &Element) {
        self.plan.add(&self.guide);
        element(&self.document, "again").turn("open", false);
        self.list.set_text_content(None);
        let title = template(&self.document, "step");
        each_with("data-step", texts, &mut |step, _| {
            let step = step.copy();
            if let Some(heading) = step.find("h3") {
                let title = instantiate(&title);
                title.fill("title", &heading.text_content().unwrap_or_default());
                heading.set_text_content(None);
                heading.add(&title);
            }
            self.list.add(&step);
        });
        each_with("data-command", &self.list, &mut |button, command| {
            button.set("data-mine", command);
        });
        self.list.each("kbd,code", |sample| {
            let text = sample.text_content().unwrap_or_default();
            if sample.child_element_count() == 0 {
                sample.set("data-mine", &text);
            }
        });
    }

    /// Shows the examples of the steps and of the page with their owner's name.
    pub fn personalize(&self, owner: &Owner) {
        let page = root(&self.document);
        each_with("data-mine", &page, &mut |sample, example| {
            let mine = owner.adapt(example);
            for attribute in ["data-command", "data-fill"] {
                if sample.has_attribute(attribute) {
                    sample.set(attribute, &mine);
                }
            }
            if sample.has_attribute("data-command") {
                breakable(sample, &mine);
            } else if !sample.has_attribute("data-fill") {
                sample.set_text_content(Some(&mine));
            }
        });
        for (selector, value) in [("[data-name]", owner.name()), ("[data-seat]", owner.seat())] {
            page.each(selector, |field| {
                let field: HtmlInputElement = field.unchecked_into();
                if field.value() != value {
                    field.set_value(value);
                }
            });
        }
    }

    /// The steps that were told, as the lesson takes them.
    pub fn read(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        each_with("data-step", &self.list, &mut |markup, name| {
            let mut step = Step::new(name);
            each_with("data-goal", markup, &mut |_, name| step.goal(name));
            each_with("data-hint", markup, &mut |_, name| step.hint(name));
            steps.push(step);
        });
        steps
    }

    /// Shows how far the student is.
    pub fn guide(&self, model: &Model) {
        let lesson = model.lesson();
        let stage = match model.conversation().stage() {
            Stage::Echo => "echo",
            Stage::Contacts => "contacts",
        };
        root(&self.document).set("data-stage", stage);
        let mut done = 0;
        let mut steps = lesson.steps().iter().enumerate();
        each_with("data-step", &self.list, &mut |markup, _| {
            let Some((index, step)) = steps.next() else { return };
            done += u32::from(step.is_done());
            mark(markup, step.is_done());
            each_with("data-goal", markup, &mut |goal, name| mark(goal, !step.wants(name)));
            each_with("data-question", markup, &mut |question, name| {
                if !step.wants(&["answered:", name].concat()) {
                    self.explain(&question.query("[data-answer=right]"));
                }
            });
            if index != lesson.index() {
                markup.turn("aria-current", false);
            } else if markup.get_attribute("aria-current").is_none() {
                self.open(markup);
            }
        });

        let count = lesson.steps().len().to_string();
        let at = (lesson.index() + 1).to_string();
        let done = done.to_string();
        for (id, number) in [("done", &done), ("count", &at)] {
            let text = [number, " / ", &count].concat();
            element(&self.document, id).set_text_content(Some(&text));
        }
        let progress = element(&self.document, "progress");
        progress.style_with("--on", &done);
        progress.style_with("--of", &count);
        self.current_step.style_with("--n", &at);
        self.conclude(lesson);

        let tcp = model.conversation().tcp();
        let port = tcp.port.to_string();
        for (slot, value) in [
            ("host", model.conversation().class_host()),
            ("tcp", &format!("{}:{port}", tcp.host)),
            ("tcp-host", &tcp.host),
            ("tcp-port", &port),
        ] {
            self.list.fill(slot, value);
        }
    }

    /// Shows the explanation of an answer.
    pub fn explain(&self, answer: &Element) {
        answer.set("aria-pressed", "true");
    }

    /// What stays at the end of the panel, whatever is scrolled.
    pub fn stays(&self) -> Element {
        self.guide.query(".stays")
    }

    /// Has what is scrolled to stop above what stays.
    pub fn measure(&self) {
        let height = self.stays().client_height();
        self.plan.style_with("--stays", &format!("{height}px"));
    }

    /// Brings the explanation of an answer into sight.
    pub fn reveal(&self, answer: &Element) {
        self.measure();
        if let Some(why) = answer.next_element_sibling() {
            why.come_into_sight();
        }
    }

    /// Repeats, where the conversation cannot be seen, the last message that
    /// was sent and what came back.
    pub fn echo(&self, line: &Element, direction: Direction) {
        if direction == Direction::Sent {
            self.echo.set_text_content(None);
        } else if self.echo.first_child().is_none() {
            return;
        }
        let line = line.copy();
        line.turn("id", false);
        self.echo.add(&line);
    }

    /// Moves to the open step.
    pub fn focus(&self) {
        if let Some(title) = self.list.find("[aria-current] .step") {
            title.take_focus();
        }
    }

    /// Names the open step above the other panels, or does not.
    pub fn show_current_step(&self, shows: bool) {
        self.current_step.hide(!shows);
    }

    fn open(&self, step: &Element) {
        step.set("aria-current", "step");
        self.echo.set_text_content(None);
        step.add(&self.guide);
        step.scroll_into_view();
    }

    /// Says at the end of the open step, and above the other panels, what is
    /// to be said about it.
    fn conclude(&self, lesson: &Lesson) {
        let is_done = lesson.open().is_some_and(Step::is_done);
        let waits = self.document.find("[data-stage=echo] [data-needs][aria-current]").is_some();
        let hint = lesson.hint().filter(|_| !waits);
        let told = match (is_done, hint) {
            (true, _) if lesson.has_next() => "done",
            (true, _) => "all",
            (false, _) if waits => "waits",
            (false, None) if lesson.open().is_some_and(Step::wants_only_own) => "own",
            (false, None) => "open",
            (false, Some(_)) => "hint",
        };
        // The red pen only corrects.
        let is_wrong = matches!(hint, Some("mistake" | "semicolon" | "swapped"));
        self.hint.set_class_name(if is_wrong { "pen" } else { "" });
        self.current_step.set_class_name(if is_wrong { "now pen" } else { "now" });
        self.guide.set("data-told", told);
        self.current_step.set("data-told", told);
        mark(&self.current_step, is_done);
        element(&self.document, "skip").hide(is_done || !lesson.has_next());

        let selector = match hint {
            Some(hint) => ["[aria-current] [data-hint=\"", hint, "\"]"].concat(),
            None => "[aria-current] .step>:last-child".to_string(),
        };
        self.hint.set_text_content(None);
        self.current_title.set_text_content(None);
        let Some(source) = self.list.find(&selector) else { return };
        source.copy().move_into(&self.current_title);
        if hint.is_some() {
            source.copy().move_into(&self.hint);
        }
    }
}

/// Does something with each element that carries the attribute, and its value.
fn each_with(attribute: &str, within: &Element, with: &mut dyn FnMut(&Element, &str)) {
    within.each(&["[", attribute, "]"].concat(), |element| {
        with(&element, &element.get_attribute(attribute).unwrap_or_default());
    });
}

fn mark(element: &Element, is_done: bool) {
    element.set("data-done", if is_done { "true" } else { "false" });
}
