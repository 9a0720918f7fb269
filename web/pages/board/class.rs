//! How the class is doing, on view. Whatever was typed becomes text nodes only.

use std::cell::RefCell;
use std::rc::Rc;

use api::{BoardClass, BoardLine, BoardWork, Shown, ShownLine};
use web::browser::dom::{Dom as _, element, instantiate, template};
use web::browser::translator::Translator;
use web::core::bytes::hex;
use web::core::message::visible;
use web_sys::{Document, Element, HtmlElement};

use crate::model::bars;

/// The height of the graph's field, as in the markup.
const GRAPH: u32 = 48;

/// The most pieces of homework on the wall: more do not fit a projector.
const WALL: usize = 100;

/// The class in the document.
pub struct ClassView {
    document: Document,
    translator: Rc<Translator>,
    titles: RefCell<Vec<String>>,
}

impl ClassView {
    /// Finds its parts in the document when they are needed.
    pub fn of(document: &Document, translator: Rc<Translator>) -> Self {
        ClassView { document: document.clone(), translator, titles: RefCell::default() }
    }

    fn find(&self, id: &str) -> HtmlElement {
        element(&self.document, id)
    }

    /// As many rows in a list as there are to be.
    fn rows(&self, list: &str, row: &str, count: usize) -> Vec<Element> {
        let list = self.find(list);
        while list.child_element_count() as usize > count {
            list.last_element_child().expect("there are more").remove();
        }
        while (list.child_element_count() as usize) < count {
            list.add(&instantiate(&template(&self.document, row)));
        }
        let mut rows = Vec::with_capacity(count);
        let mut next = list.first_element_child();
        while let Some(row) = next {
            next = row.next_element_sibling();
            rows.push(row);
        }
        rows
    }

    /// Shows the class.
    pub fn refresh(&self, class: &BoardClass) {
        self.show_said(class);
        self.show_steps(class);
        self.show_rates(&class.rates);
        self.show_mistakes(class);
        self.show_homework(&class.homework);
        self.show_talk(class);
    }

    /// Names the steps in the language that came.
    pub fn title(&self, titles: &[String]) {
        if *self.titles.borrow() == titles {
            return;
        }
        self.titles.replace(titles.to_vec());
        self.find("class-steps").each("li", |row| self.name(&row));
    }

    fn name(&self, row: &Element) {
        let index = row.get_attribute("data-step").and_then(|step| step.parse::<usize>().ok());
        let titles = self.titles.borrow();
        let title = index.and_then(|index| titles.get(index - 1));
        row.query(".name").set_text_content(title.map(|title| &**title));
    }

    fn show_said(&self, class: &BoardClass) {
        self.find("held").hide(class.held.is_none());
        let line = self.find("announcement");
        line.hide(class.announcement.is_none());
        line.set_text_content(class.announcement.as_deref());
        self.find("stage").hide(!class.echoes);
    }

    fn show_steps(&self, class: &BoardClass) {
        let rows = self.rows("class-steps", "step", class.steps.len());
        let all = class.students.to_string();
        for (index, (row, count)) in rows.iter().zip(&class.steps).enumerate() {
            let (step, done) = ((index + 1).to_string(), count.to_string());
            row.query(".tian").set_text_content(Some(&step));
            row.set("data-count", &done);
            let cells = row.query(".cells");
            cells.style_with("--of", &class.students.max(1).to_string());
            cells.style_with("--on", &done);
            let slots = [("done", &*done), ("all", &*all)];
            self.translator.say(&row.query("b"), "board-", "of", &slots);
            if row.get_attribute("data-step").is_none() {
                row.set("data-step", &step);
                self.name(row);
            }
        }
    }

    fn show_rates(&self, rates: &[u32]) {
        let rate = rates.last().copied().unwrap_or_default().to_string();
        self.translator.say(&self.find("rate"), "board-", "rate", &[("rate", &rate)]);
        self.find("graph").query("path").set("d", &bars(rates, GRAPH));
    }

    fn show_mistakes(&self, class: &BoardClass) {
        self.find("no-mistakes").hide(!class.mistakes.is_empty());
        let rows = self.rows("mistakes", "mistake", class.mistakes.len());
        for (row, mistake) in rows.iter().zip(&class.mistakes) {
            row.set("data-cause", &mistake.cause);
            row.set("data-count", &mistake.count.to_string());
            row.query("b").set_text_content(Some(&["×", &mistake.count.to_string()].concat()));
            self.translator.say(&row.query("span"), "cause-", &mistake.cause, &[]);
            row.query("code").set_text_content(Some(&mistake.example));
        }
    }

    fn show_homework(&self, homework: &[BoardWork]) {
        let is_done = |work: &BoardWork| work.of > 0 && work.passed >= work.of;
        let done = homework.iter().filter(|work| is_done(work)).count().to_string();
        let slots = [("done", &*done), ("all", &homework.len().to_string())];
        self.translator.say(&self.find("works-count"), "board-", "passed", &slots);
        let rows = self.rows("homework", "work", homework.len().min(WALL));
        for (row, work) in rows.iter().zip(homework) {
            let BoardWork { passed, of, in_page } = *work;
            let text = if is_done(work) { "✓".to_string() } else { format!("{passed}/{of}") };
            row.query("b").set_text_content(Some(&text));
            row.turn("data-done", is_done(work));
            row.query("small").hide(!in_page);
            if row.get_attribute("data-in-page").is_some() != in_page {
                row.turn("data-in-page", in_page);
                self.translator.say(&row.query("small"), "board-", "in-page", &[]);
            }
        }
    }

    /// The lesson's lines, or one student's conversation, while the teacher shows it.
    fn show_talk(&self, class: &BoardClass) {
        let shows = class.lines.is_some() || class.shown.is_some();
        let talk = self.document.query(".talk");
        talk.hide(!shows);
        let section = self.find("class");
        section.turn("data-talk", shows);
        let title = self.find("talk-title");
        if let Some(shown) = &class.shown {
            let Shown { name, lines } = shown;
            let word = if name.is_empty() { "shown-one" } else { "shown" };
            self.translator.say(&title, "board-", word, &[("name", name)]);
            let rows = self.rows("lines", "line", lines.len());
            rows.iter().zip(lines).for_each(|(row, line)| show_bytes(row, line));
        } else if let Some(lines) = &class.lines {
            self.translator.say(&title, "board-", "lines", &[]);
            let rows = self.rows("lines", "line", lines.len());
            rows.iter().zip(lines).for_each(|(row, line)| self.show_line(row, line));
        } else {
            self.rows("lines", "line", 0);
        }
        let list = self.find("lines");
        list.set_scroll_top(list.scroll_height());
    }

    fn show_line(&self, row: &Element, line: &BoardLine) {
        let class = match &*line.kind {
            "sent" => "sent",
            "received" => "recv",
            _ => "event",
        };
        row.set_class_name(class);
        row.query(".who").set_text_content(Some(&line.name));
        let text = row.query("code");
        text.turn("data-said", false);
        if class == "event" && line.text.is_empty() {
            self.translator.say(&text, "line-", &line.kind, &[]);
        } else {
            text.set_text_content(Some(&line.text));
        }
        row.query("small").set_text_content(None);
    }
}

fn show_bytes(row: &Element, line: &ShownLine) {
    row.set_class_name(if line.sent { "sent" } else { "recv" });
    row.query(".who").set_text_content(None);
    let text = row.query("code");
    text.turn("data-said", false);
    text.set_text_content(Some(&visible(&line.text)));
    let bytes: Vec<_> = line.text.bytes().map(hex).collect();
    row.query("small").set_text_content(Some(&bytes.join(" ")));
}
