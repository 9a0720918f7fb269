//! The homework on view: a table with a row a student and a column a check.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use api::Person;
use protocol::homework::State;
use protocol::homework::checks::CHECKS;
use protocol::homework::words::{self, Language};
use web::browser::dom::{Dom as _, create, instantiate, root, template};
use web::browser::translator::Translator;
use web_sys::{Document, Element};

use crate::model::people::{Roll, label};

/// The table. It is filled while it is looked at.
#[derive(Default)]
pub struct HomeworkTable {
    rows: RefCell<HashMap<u64, Element>>,
    is_shown: Cell<bool>,
}

impl HomeworkTable {
    /// Has everything be written anew when it is looked at next.
    pub fn forget(&self) {
        self.is_shown.set(false);
    }

    /// Shows the homework of everybody who has begun it, or only of those that have
    /// changed if it is in sight already.
    pub fn refresh(
        &self,
        document: &Document,
        translator: &Translator,
        roll: &Roll,
        changed: &[u64],
    ) {
        let mut rows = self.rows.borrow_mut();
        let all: Vec<u64>;
        let mut changed = changed;
        if !self.is_shown.replace(true) {
            write_head(document);
            rows.drain().for_each(|(_, row)| row.remove());
            all = roll.rows().map(|row| row.person.id).collect();
            changed = &all;
        }
        rows.retain(|id, row| {
            let stays = roll.row(*id).is_some_and(|row| has_begun(&row.person));
            if !stays {
                row.remove();
            }
            stays
        });
        let body = document.query("#homework");
        for id in changed {
            let Some(person) = roll.row(*id).map(|row| &row.person).filter(|it| has_begun(it))
            else {
                continue;
            };
            let row = rows.entry(*id).or_insert_with(|| {
                let row = instantiate(&template(document, "result"));
                for check in CHECKS {
                    row.add(&cell(document, "td", check.required));
                }
                body.add(&row);
                row
            });
            write(row, person, translator);
        }
        document.query("#results").hide(rows.is_empty());
        document.query("#no-homework").hide(!rows.is_empty());
    }
}

fn has_begun(person: &Person) -> bool {
    !person.checks.is_empty()
}

/// The titles of the checks, in the language of the page.
fn write_head(document: &Document) {
    let is_chinese = root(document).lang().starts_with("zh");
    let language = if is_chinese { Language::Chinese } else { Language::English };
    let head = document.query("#results thead tr");
    head.each("[data-check]", |cell| cell.remove());
    for check in CHECKS {
        let title = create(document, "span");
        title.set_text_content(Some(words::title(check.name, language)));
        let cell = cell(document, "th", check.required);
        cell.set("scope", "col");
        cell.add(&title);
        head.add(&cell);
    }
}

fn cell(document: &Document, tag: &str, is_required: bool) -> Element {
    let cell = create(document, tag);
    cell.set("data-check", "");
    cell.turn("data-extra", !is_required);
    cell
}

fn write(row: &Element, person: &Person, translator: &Translator) {
    row.set("data-result", &person.id.to_string());
    row.fill("name", label(person));
    let (passed, of) = person.homework.unwrap_or_default();
    row.fill("homework", &format!("{passed}/{of}"));
    row.turn("data-in-page", person.in_page);
    let mut states = person.checks.chars();
    row.each("[data-check]", |cell| {
        let state = states.next().unwrap_or('w').to_string();
        if cell.get_attribute("data-check").as_deref() != Some(&*state) {
            let word =
                State::ALL.into_iter().map(State::word).find(|word| word.starts_with(&*state));
            translator.say(&cell, "check-", word.unwrap_or_default(), &[]);
            cell.set("data-check", &state);
        }
    });
}
