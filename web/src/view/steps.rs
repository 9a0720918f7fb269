//! The lesson's steps: all of them, in the markup of the language's file, and
//! how far the student is.
//!
//! Only the open one is unfolded, by the style sheet. [`lesson`](crate::lesson)
//! decides which that is and what has been done.

use wasm_bindgen::JsCast;
use web_sys::{Document, Element, HtmlElement};

use crate::lesson::{Lesson, Step};
use crate::model::{Direction, Model};

use super::{copy, each, element, fill, first_child, joined, query, set_attribute, template};

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
    strip: HtmlElement,
    strip_title: HtmlElement,
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
            strip: find("now"),
            strip_title: find("now-title"),
            document: document.clone(),
        }
    }

    /// Puts the lesson of a language's file in place of what stands there.
    pub fn tell(&self, words: &Element) {
        let _ = self.plan.append_child(&self.guide);
        let _ = element(&self.document, "again").remove_attribute("open");
        self.list.set_text_content(None);
        let title = template(&self.document, "step").content();
        each_with("data-step", words, &mut |step, _| {
            let step = copy(step);
            if let Some(heading) = step.first_element_child() {
                let title = first_child(&title);
                fill(&title, "title", &heading.text_content().unwrap_or_default());
                heading.set_text_content(None);
                let _ = heading.append_child(&title);
            }
            let _ = self.list.append_child(&step);
        });
        each_with("data-command", &self.list, &mut |button, command| {
            let label = command.chars().map(|c| if c == '\n' { '⏎' } else { c });
            button.set_text_content(Some(&label.collect::<String>()));
        });
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
        let mut done = 0;
        let mut steps = lesson.steps().iter().enumerate();
        each_with("data-step", &self.list, &mut |markup, _| {
            let Some((index, step)) = steps.next() else { return };
            done += u32::from(step.is_done());
            mark(markup, step.is_done());
            each_with("data-goal", markup, &mut |goal, name| mark(goal, !step.wants(name)));
            each_with("data-question", markup, &mut |question, name| {
                if !step.wants(&joined(&["answered:", name])) {
                    self.explain(&query(question, "[data-answer=right]"));
                }
            });
            if index != lesson.index() {
                let _ = markup.remove_attribute("aria-current");
            } else if !markup.has_attribute("aria-current") {
                self.open(markup);
            }
        });

        let count = lesson.steps().len().to_string();
        let at = (lesson.index() + 1).to_string();
        let done = done.to_string();
        for (id, number) in [("done", &done), ("count", &at)] {
            let text = joined(&[number, " / ", &count]);
            element(&self.document, id).set_text_content(Some(&text));
        }
        let progress = element(&self.document, "progress").style();
        let _ = progress.set_property("--on", &done);
        let _ = progress.set_property("--of", &count);
        let _ = self.strip.style().set_property("--n", &at);
        self.conclude(lesson);

        let tcp = model.tcp();
        let port = tcp.port.to_string();
        for (slot, value) in [
            ("host", model.host()),
            ("tcp", &joined(&[&tcp.host, ":", &port])),
            ("tcp-host", &tcp.host),
            ("tcp-port", &port),
        ] {
            fill(&self.list, slot, value);
        }
    }

    /// Shows the explanation of an answer.
    pub fn explain(&self, answer: &Element) {
        set_attribute(answer, "aria-pressed", "true");
    }

    /// Repeats, where the conversation cannot be seen, the last message that
    /// was sent and what came back.
    pub fn echo(&self, line: &Element, direction: Direction) {
        if direction == Direction::Sent {
            self.echo.set_text_content(None);
        } else if !self.echo.has_child_nodes() {
            return;
        }
        let line = copy(line);
        let _ = line.remove_attribute("id");
        let _ = self.echo.append_child(&line);
    }

    /// Moves to the open step.
    pub fn focus(&self) {
        if let Ok(Some(title)) = self.list.query_selector("[aria-current] .step") {
            let _ = title.unchecked_into::<HtmlElement>().focus();
        }
    }

    /// Names the open step above the other panels, or does not.
    pub fn show_strip(&self, shows: bool) {
        self.strip.set_hidden(!shows);
    }

    fn open(&self, step: &Element) {
        set_attribute(step, "aria-current", "step");
        self.echo.set_text_content(None);
        let _ = step.append_child(&self.guide);
        step.scroll_into_view();
    }

    /// Says at the end of the open step, and above the other panels, what is
    /// to be said about it.
    fn conclude(&self, lesson: &Lesson) {
        let is_done = lesson.open().is_some_and(Step::is_done);
        let told = match (is_done, lesson.hint()) {
            (true, _) if lesson.goes_on() => "done",
            (true, _) => "all",
            (false, None) => "open",
            (false, Some(_)) => "hint",
        };
        set_attribute(&self.guide, "data-told", told);
        set_attribute(&self.strip, "data-told", told);
        mark(&self.strip, is_done);
        element(&self.document, "skip").set_hidden(is_done || !lesson.goes_on());

        let selector = match lesson.hint() {
            Some(hint) => joined(&["[aria-current] [data-hint=\"", hint, "\"]"]),
            None => "[aria-current] .step>:last-child".to_string(),
        };
        self.hint.set_text_content(None);
        self.strip_title.set_text_content(None);
        let Ok(Some(source)) = self.list.query_selector(&selector) else { return };
        move_children(&copy(&source), &self.strip_title);
        if lesson.hint().is_some() {
            move_children(&copy(&source), &self.hint);
        }
    }
}

/// Does something with each element that carries the attribute, and its value.
fn each_with(attribute: &str, within: &Element, with: &mut dyn FnMut(&Element, &str)) {
    each(within.query_selector_all(&joined(&["[", attribute, "]"])), |element| {
        with(&element, &element.get_attribute(attribute).unwrap_or_default());
    });
}

fn mark(element: &Element, is_done: bool) {
    set_attribute(element, "data-done", if is_done { "true" } else { "false" });
}

fn move_children(from: &Element, to: &Element) {
    while let Some(child) = from.first_child() {
        let _ = to.append_child(&child);
    }
}
