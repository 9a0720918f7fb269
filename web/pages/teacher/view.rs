//! The teacher's page on view. A row is written anew only when its person has changed;
//! whatever was typed becomes text nodes only.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::rc::Rc;

use api::{JournalEntry, Lead, Person, Sticky};
use js_sys::Intl::Collator;
use js_sys::{Array, Date, Object, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};
use web::browser::dom::{Dom as _, element, instantiate, root, template};
use web::browser::listener::Listener;
use web::browser::translator::Translator;
use web_sys::{Document, Element, Node};

use crate::controls::announced;
use crate::homework::HomeworkTable;
use crate::model::people::{BATCH, Counts, Row, Sort, has_hand_up, label, quiet};
use crate::model::{Access, Model};

/// Entries of the journal in the document: a lesson's last minutes.
const ENTRIES: usize = 60;

/// Names in each of the two lists: what fits into their two lines. Hundreds would be laid out
/// anew at each change; the rows' filter has them all.
const NAMES: usize = 24;

/// Between two batches of rows, in milliseconds: two frames of a screen with 60 a second, so
/// that each batch is laid out by itself even where a frame takes twice its time.
pub const BATCH_PAUSE: u64 = 33;

/// The same between two batches of moves, none of which comes while the list is scrolled. Each
/// has the browser walk all rows behind it, some 20 ms of a slow laptop, and rows that change
/// places at each frame cannot be read.
const MOVES_PAUSE: u64 = 100;

/// The parts of the document that change.
pub struct View {
    document: Document,
    translator: Rc<Translator>,
    rows: RefCell<HashMap<u64, ShownRow>>,
    /// The numbers of the rows as they are sorted.
    order: RefCell<Vec<u64>>,
    shown: RefCell<Shown>,
    homework: HomeworkTable,
    /// Whether the rows were scrolled since it was last time to move some.
    has_scrolled: Rc<Cell<bool>>,
    _listeners: Vec<Listener>,
}

/// A person's row, and what is in it.
struct ShownRow {
    element: Element,
    person: Option<Person>,
    /// As [`quiet`] says it.
    quiet: Option<(u64, u64)>,
}

/// What is on the screen.
#[derive(Default)]
struct Shown {
    lead: Option<Lead>,
    counts: Option<Counts>,
    journal: Option<u64>,
    titles: usize,
    /// What the rows are sorted by, once they are.
    sort: Option<Sort>,
    /// Whether they are, as far as is known.
    order: Option<Order>,
    /// When it was last time to move some.
    moved: u64,
    author: Option<Option<Person>>,
}

/// How far the rows are in the order of what they are sorted by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// All of them.
    Whole,
    /// Some more have to be moved.
    Part,
    /// None may be moved now.
    Held,
}

impl View {
    /// Finds its parts in the document when they are needed.
    pub fn of(document: &Document, translator: Rc<Translator>) -> Self {
        let (rows, order, shown, homework) = Default::default();
        let has_scrolled = Rc::new(Cell::new(false));
        // On a phone the page as a whole is scrolled.
        let column = element(document, "people").parent_node();
        let listen = |scroller: Node| {
            let has_scrolled = has_scrolled.clone();
            Listener::new(&scroller, "scroll", move |_| has_scrolled.set(true))
        };
        let _listeners = column.into_iter().chain([document.clone().into()]).map(listen).collect();
        View {
            document: document.clone(),
            translator,
            rows,
            order,
            shown,
            homework,
            has_scrolled,
            _listeners,
        }
    }

    /// Has everything be shown again: in another language.
    pub fn forget(&self) {
        self.shown.replace(Shown::default());
        self.homework.forget();
    }

    fn find(&self, id: &str) -> Element {
        element(&self.document, id).into()
    }

    fn text(&self, id: &str, text: &str) {
        self.find(id).write(text);
    }

    /// Shows the state of the model where it differs from what is shown. Returns whether
    /// there are more rows to show, after [`BATCH_PAUSE`].
    pub fn refresh(&self, model: &mut Model, now: u64) -> bool {
        let root = root(&self.document);
        let access = match model.access() {
            Access::Asking => "asking",
            Access::Granted => "granted",
            Access::Denied => "denied",
            Access::Wait => "wait",
        };
        root.set("data-access", access);
        root.set("data-state", if model.is_live() { "live" } else { "lost" });
        root.set("data-filter", model.filter());
        self.document.each("button[data-filter]", |button| {
            let is_it = button.get_attribute("data-filter").as_deref() == Some(model.filter());
            press(&button, is_it);
        });
        self.text("refusal", model.refusal().unwrap_or_default());
        let confirm = self.find("confirm");
        let is_new = model.confirms() && confirm.has_attribute("hidden");
        confirm.hide(!model.confirms());
        if is_new {
            confirm.come_into_sight();
        }
        self.text("held-for", &model.held(now).map(clock).unwrap_or_default());
        self.show_author(model);
        self.show_lead(model);
        self.show_people(model, now);
        self.show_journal(model);
        model.roll().has_changes() || self.shown.borrow().order == Some(Order::Part)
    }

    fn show_author(&self, model: &Model) {
        let mut shown = self.shown.borrow_mut();
        let Some(author) = model.author().filter(|author| shown.author.as_ref() != Some(author))
        else {
            return;
        };
        let place = self.find("author");
        match author {
            Some(person) => {
                let slots = [("name", label(person)), ("address", &*person.address)];
                self.translator.say(&place, "author-", "known", &slots);
            }
            None => self.translator.say(&place, "author-", "unknown", &[]),
        }
        shown.author = Some(author.clone());
    }

    fn show_lead(&self, model: &Model) {
        let mut shown = self.shown.borrow_mut();
        let Some(lead) = model.lead().filter(|lead| shown.lead.as_ref() != Some(lead)) else {
            return;
        };
        self.text("contacts", &lead.contacts.to_string());
        self.text("rate", &lead.rate.to_string());
        let shows = lead.shows_lines || lead.shows.is_some();
        for (action, hides) in [
            ("pause", lead.held.is_some()),
            ("resume", lead.held.is_none()),
            ("freeze", lead.frozen),
            ("thaw", !lead.frozen),
            ("close-door", lead.closed),
            ("open-door", !lead.closed),
            ("open-servers", lead.servers),
            ("close-servers", !lead.servers),
            ("show", lead.shows_lines),
            ("hide", !shows),
            ("unannounce", lead.announcement.is_none()),
        ] {
            self.each_button(action, |button| button.hide(hides));
        }
        for (action, is_it) in [
            ("stage-echo", lead.echoes),
            ("stage-contacts", !lead.echoes),
            ("sticky-off", lead.sticky == Sticky::Off),
            ("sticky-join", lead.sticky == Sticky::Joined),
            ("sticky-split", lead.sticky == Sticky::Split),
        ] {
            self.each_button(action, |button| press(&button, is_it));
        }
        let pause = lead.pause.to_string();
        self.each_button("slow", |button| {
            press(&button, button.get_attribute("data-millis").as_deref() == Some(&pause));
        });
        self.each_button("undo", |button| button.turn("disabled", lead.undo.is_none()));
        let announcement = lead.announcement.as_deref().unwrap_or_default();
        self.text("announced", announcement);
        announced(&self.document, announcement);
        self.show_blocked(lead);
        if shown.lead.as_ref().is_none_or(|before| before.shows != lead.shows) {
            for (id, row) in &*self.rows.borrow() {
                press(&row.element.query("[data-action=show-one]"), lead.shows == Some(*id));
            }
        }
        shown.lead = Some(lead.clone());
    }

    /// Does something with the buttons of an action that stand outside of the rows.
    fn each_button(&self, action: &str, with: impl FnMut(Element)) {
        self.find("lead").each(&["[data-action=", action, "]"].concat(), with);
    }

    fn show_blocked(&self, lead: &Lead) {
        let list = self.find("blocked");
        list.hide(lead.blocked.is_empty());
        list.each("li", |row| row.remove());
        for (address, seconds) in &lead.blocked {
            let row = instantiate(&template(&self.document, "block"));
            row.fill("address", address);
            row.fill("time", &clock(u64::from(*seconds)));
            row.query("button").set("data-text", address);
            list.add(&row);
        }
    }

    fn show_people(&self, model: &mut Model, now: u64) {
        let mut rows = self.rows.borrow_mut();
        let titles = model.titles().len();
        let is_new = self.shown.borrow().counts.is_none() || self.shown.borrow().titles != titles;
        if is_new {
            model.roll_mut().change_all();
            rows.values_mut().for_each(|row| row.person = None);
        }
        let (changed, gone) = match self.moves(model, &rows, now) {
            true => Default::default(),
            false => model.roll_mut().changes(),
        };
        for id in &gone {
            if let Some(row) = rows.remove(id) {
                row.element.remove();
            }
        }
        let list = self.find("people");
        for id in &changed {
            let Some(person) = model.roll().row(*id) else { continue };
            let row = rows.entry(*id).or_insert_with(|| {
                let element = instantiate(&template(&self.document, "person"));
                list.add(&element);
                ShownRow { element, person: None, quiet: None }
            });
            self.write(row, &person.person, model);
        }
        for (id, row) in &mut *rows {
            if let Some(person) = model.roll().row(*id) {
                row.write_time(person, now);
            }
        }
        if model.filter() == "homework" {
            self.homework.refresh(&self.document, &self.translator, model.roll(), &changed);
        } else {
            self.homework.forget();
        }
        let counts = model.roll().counts();
        let has_changed = !changed.is_empty() || self.shown.borrow().counts != Some(counts);
        let mut shown = self.shown.borrow_mut();
        if has_changed {
            shown.order = Some(Order::Part);
        }
        shown.titles = titles;
        shown.counts = Some(counts);
        if has_changed {
            for (id, count) in [
                ("online", counts.online),
                ("struggling-count", counts.struggling),
                ("idle-count", counts.idle),
                ("hands-count", counts.hands),
            ] {
                self.text(id, &count.to_string());
            }
            self.find("nobody").hide(!rows.is_empty());
            self.list_names(model);
        }
    }

    /// Puts some rows in order, if it is time. Returns whether that was done, which is enough
    /// for one frame.
    fn moves(&self, model: &Model, rows: &HashMap<u64, ShownRow>, now: u64) -> bool {
        let mut shown = self.shown.borrow_mut();
        let is_complete = !rows.is_empty() && rows.len() >= model.roll().rows().count();
        let is_new_sort = shown.sort != Some(model.sort());
        let is_due = shown.order != Some(Order::Whole) && now >= shown.moved + MOVES_PAUSE;
        if is_due {
            shown.moved = now;
        }
        let is_time = is_new_sort || is_due && !self.has_scrolled.take();
        if !is_complete || !is_time {
            return false;
        }
        let order = self.arrange(model, rows, if is_new_sort { usize::MAX } else { BATCH });
        shown.order = Some(order);
        if order != Order::Held {
            shown.sort = Some(model.sort());
        }
        order != Order::Held
    }

    /// Puts the rows in order, with so many moves at most. None moves away from under the
    /// pointer, or from the keyboard's focus, so that no click meets another person.
    fn arrange(&self, model: &Model, rows: &HashMap<u64, ShownRow>, mut moves: usize) -> Order {
        if self.is_used("#people>:hover") || self.is_used("#people :focus-visible") {
            return Order::Held;
        }
        let mut order = self.order.borrow_mut();
        model.roll().sort(&mut order, model.sort(), self.collation());
        let list = self.find("people");
        let mut next = list.first_element_child();
        for row in order.iter().filter_map(|id| Some(&rows.get(id)?.element)) {
            let following = next.as_ref().and_then(|next| next.next_element_sibling());
            if next.as_ref() == Some(row) || following.as_ref() == Some(row) {
                // The one between, if any, is moved when it is its turn: a row that falls
                // behind is one move, not one of each row that it falls behind.
                next = row.next_element_sibling();
            } else if moves == 0 {
                return Order::Part;
            } else {
                moves -= 1;
                let before = next.as_ref().map(|next| next.unchecked_ref());
                // It cannot fail: both are in the list.
                let _ = list.insert_before(row, before);
            }
        }
        Order::Whole
    }

    /// Whether something is pointed at or has the focus. A finger points at nothing for
    /// long, and browsers that do not know a selector say no.
    fn is_used(&self, selector: &str) -> bool {
        let window = self.document.default_view();
        let points = window.and_then(|window| window.match_media("(hover:hover)").ok().flatten());
        let found = self.document.query_selector(selector);
        points.is_some_and(|points| points.matches()) && found.is_ok_and(|found| found.is_some())
    }

    /// Compares texts as the page's language does: Chinese by pinyin, numbers by value.
    fn collation(&self) -> impl Fn(&str, &str) -> Ordering + use<> {
        let options = Object::new();
        // It cannot fail on an object of one's own.
        let _ = Reflect::set(&options, &"numeric".into(), &JsValue::TRUE);
        let language = root(&self.document).lang();
        let compare = Collator::new(&Array::of1(&language.into()), &options).compare();
        move |one, other| {
            let compared = compare.call2(&JsValue::NULL, &one.into(), &other.into());
            let compared = compared.ok().and_then(|compared| compared.as_f64());
            compared.unwrap_or_default().total_cmp(&0.0)
        }
    }

    /// The two lists: whom to go to, and why.
    fn list_names(&self, model: &Model) {
        for state in ["struggling", "idle"] {
            let (names, more) = model.roll().names(state, NAMES);
            let more = if more > 0 { format!(" · … +{more}") } else { String::new() };
            self.text(state, &(names.join(" · ") + &more));
        }
    }

    /// Writes a row anew, or just its counts where nothing else has changed: that is most of
    /// what comes of a class that works.
    fn write(&self, row: &mut ShownRow, person: &Person, model: &Model) {
        let same = row.person.as_ref().is_some_and(|before| {
            let Person { idle, messages, errors, .. } = *person;
            *person == Person { idle, messages, errors, ..before.clone() }
        });
        if !same {
            self.write_anew(&row.element, person, model);
        }
        row.element.fill("messages", &person.messages.to_string());
        row.element.fill("errors", &person.errors.to_string());
        row.person = Some(person.clone());
    }

    fn write_anew(&self, row: &Element, person: &Person, model: &Model) {
        row.set("data-person", &person.id.to_string());
        row.set("data-state", &person.state);
        row.turn("data-hand", has_hand_up(person));
        row.turn("data-homework", person.homework.is_some());
        row.turn("data-passed", person.passed);
        row.turn("data-in-page", person.in_page);
        row.turn("data-flooding", person.flooding);
        row.turn("data-mistake", !person.cause.is_empty());
        row.turn("data-recovered", person.recovered);
        row.fill("name", label(person));
        let seat = if person.name.is_empty() { "" } else { &person.seat };
        row.fill("seat", seat);
        let named = !person.name.is_empty() || !person.seat.is_empty();
        row.fill("address", if named { &person.address } else { "" });
        let say = |slot: &str, prefix, word: &str| {
            let place = row.query(&[".", slot].concat());
            self.translator.say(&place, prefix, word, &[]);
        };
        say("state", "state-", &person.state);
        say("kind", "kind-", if person.raw { "raw" } else { "page" });
        say("cause", "cause-", &person.cause);
        let step = person.step.map(usize::from);
        let title = step.and_then(|step| model.titles().get(step));
        let step = step.map(|step| (step + 1).to_string()).unwrap_or_default();
        row.fill("step", &step);
        let commands = person.commands.join(" ");
        row.fill("title", title.map_or(&*commands, |title| &**title));
        // A mistake that is still to be mended comes before what was said since.
        let is_stuck = !person.cause.is_empty() && !person.recovered;
        row.fill("last", if is_stuck { &person.mistake } else { &person.last });
        row.fill("mistake", if person.recovered { &person.mistake } else { "" });
        let homework = person.homework.map(|(passed, of)| format!("{passed}/{of}"));
        row.fill("homework", &homework.unwrap_or_default());
        let shows = model.lead().and_then(|lead| lead.shows) == Some(person.id);
        for (action, is_it) in [
            ("show-one", shows),
            ("sticky-join", person.sticky == Sticky::Joined),
            ("sticky-split", person.sticky == Sticky::Split),
        ] {
            press(&row.query(&["[data-action=", action, "]"].concat()), is_it);
        }
        row.query("[data-action=sticky-off]").hide(person.sticky == Sticky::Off);
        row.query("[data-action=lower-hand]").hide(!has_hand_up(person));
    }

    fn show_journal(&self, model: &Model) {
        let last = model.journal().last().map_or(0, |entry| entry.id);
        if self.shown.borrow().journal == Some(last) {
            return;
        }
        let list = self.find("journal");
        list.set_text_content(None);
        for entry in model.journal().iter().rev().take(ENTRIES) {
            list.add(&self.entry(entry));
        }
        self.shown.borrow_mut().journal = Some(last);
    }

    fn entry(&self, entry: &JournalEntry) -> Element {
        let row = instantiate(&template(&self.document, "entry"));
        let date = Date::new(&JsValue::from(entry.at as f64 * 1000.0));
        let time: String = String::from(date.to_time_string()).chars().take(8).collect();
        row.fill("time", &time);
        let whom =
            if entry.whom.is_empty() { entry.act.text.as_deref() } else { Some(&*entry.whom) };
        self.translator.say(&row.query(".did"), "did-", entry.act.action.name(), &[]);
        let text = match (entry.act.millis, whom) {
            (Some(millis), _) => format!("{} s", millis as f64 / 1000.0),
            (None, whom) => whom.unwrap_or_default().to_string(),
        };
        row.fill("whom", &text);
        row.query(".by-itself").hide(!entry.by_itself);
        row
    }
}

impl ShownRow {
    fn write_time(&mut self, person: &Row, now: u64) {
        let (minutes, seconds) = quiet(person.since, now);
        if self.quiet.replace((minutes, seconds)) != Some((minutes, seconds)) {
            self.element.query(".quiet").write(&format!("{minutes}:{seconds:02}"));
        }
    }
}

fn press(button: &Element, is_pressed: bool) {
    button.set("aria-pressed", if is_pressed { "true" } else { "false" });
}

/// Seconds as minutes and seconds.
fn clock(seconds: u64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
