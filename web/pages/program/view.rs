//! The panel in the browser: it carries out what the model decides, and shows it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::Array;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::JsValue;
use web::browser::appearance::first_language;
use web::browser::dom::{Dom as _, create, leaf, root};
use web::browser::listener::{Listener, closest};
use web::browser::program::{Post, Program};
use web::browser::request::{Request, relative};
use web::browser::storage::{PageStorage, StorageKey};
use web::browser::timer::Timer;
use web_sys::{
    Document, Event, HtmlElement, MutationObserver, MutationObserverInit, Window, XmlHttpRequest,
    XmlHttpRequestResponseType,
};

use crate::editor::{insert, listen_to_editor, number_lines};
use crate::model::{Effect, FILES, Model, Msg, Purpose, State, arguments};
use crate::neighbours::{Neighbours, has_conversation};
use crate::parts::{OPEN, Parts, store, stored};
use crate::runner::{Runner, Start};
use crate::texts::Texts;

/// Milliseconds between two looks at what was printed: a flood changes all lines at
/// once, and a slow computer draws them in 50.
const DRAW: u64 = 150;

/// Milliseconds between two signs of life to the server, which waits for 25 s.
const ALIVE: u64 = 8_000;

/// Milliseconds after which an interpreter that is being built is asked for again: it
/// takes minutes.
const LATER: u64 = 3_000;

/// Milliseconds between two looks at which servers of the class run, while the panel is
/// seen: a class of fifty asks 17 times a second.
const LOOK: u64 = 3_000;

/// The panel.
pub struct ProgramPanel {
    document: Document,
    window: Window,
    model: RefCell<Model>,
    runner: Rc<Runner>,
    texts: Texts,
    parts: Parts,
    /// What of the console is in the document: how often it was emptied, and the
    /// numbers of the first line and the one behind the last.
    drawn: Cell<(usize, usize, usize)>,
    is_due: Cell<bool>,
    draw: Timer,
    alive: Timer,
    later: Timer,
    look: Timer,
    neighbours: Neighbours,
    example: RefCell<Option<Request>>,
    post: Post<Msg>,
    _language: (MutationObserver, Closure<dyn FnMut(JsValue)>),
    _listeners: Vec<Listener>,
    _left: Listener,
}

impl Program for ProgramPanel {
    type Msg = Msg;

    fn open(document: Document, post: Post<Msg>) -> Self {
        let window = document.default_view().expect("an open document has a window");
        let html = root(&document);
        if html.get_attribute("data-ready").is_none() {
            // By itself, at its own address.
            let storage = PageStorage::of(&window);
            html.set("lang", first_language(&window, &storage).tag());
            html.set("data-ready", "");
        }
        let parts = Parts::of(&document);
        let poster = |msg: fn() -> Msg| {
            let post = post.clone();
            move || {
                post(msg());
            }
        };
        let translated = poster(|| Msg::Translated);
        let changed = Closure::new(move |_: JsValue| translated());
        let observer = MutationObserver::new(changed.as_ref().unchecked_ref())
            .expect("every browser that runs this has it");
        let options = MutationObserverInit::new();
        options.set_attribute_filter(&Array::of1(&"lang".into()));
        // It fails for options that make no sense.
        let _ = observer.observe_with_options(&html, &options);
        let runner = Runner::new(window.clone(), post.clone());
        ProgramPanel {
            model: RefCell::default(),
            texts: Texts::new(&document),
            drawn: Cell::new((usize::MAX, 0, 0)),
            is_due: Cell::new(false),
            draw: Timer::new(window.clone(), poster(|| Msg::Ticked)),
            alive: Timer::new(window.clone(), poster(|| Msg::AliveDue)),
            later: Timer::new(window.clone(), poster(|| Msg::LoadDue)),
            look: Timer::new(window.clone(), poster(|| Msg::ServersDue)),
            neighbours: Neighbours::new(&document),
            example: RefCell::default(),
            _language: (observer, changed),
            _listeners: listen(&document, &parts, &post),
            _left: Listener::new(&window, "pagehide", {
                let runner = runner.clone();
                move |_| runner.leave()
            }),
            runner,
            post,
            parts,
            document,
            window,
        }
    }

    fn first_messages(&self) -> Vec<Msg> {
        vec![Msg::Translated, Msg::Opened(stored(&self.window, OPEN).unwrap_or_default())]
    }

    fn handle(&self, msg: Msg) -> bool {
        let is_typed = matches!(msg, Msg::Typed(_));
        let is_tick = matches!(msg, Msg::Ticked);
        if msg == Msg::Translated {
            self.translate();
        }
        let is_told = matches!(msg, Msg::Told(_) | Msg::Progress(_) | Msg::ServersTold(_));
        let effects = self.model.borrow_mut().update(msg);
        let is_plain = effects.is_empty();
        for effect in effects {
            self.carry_out(effect);
        }
        if is_tick {
            self.is_due.set(false);
        }
        // What only tells more is drawn from time to time, everything else at once.
        if is_told && is_plain {
            if !self.is_due.replace(true) {
                self.draw.set(Some(DRAW));
            }
        } else {
            self.show();
        }
        is_typed
    }
}

impl ProgramPanel {
    fn translate(&self) {
        let post = self.post.clone();
        let document = self.document.clone();
        self.texts.fetch(move || {
            // Everything is shown anew with the next message.
            document.each("#program [data-text]", |element| element.turn("data-shown", false));
            post(Msg::Ticked);
        });
    }

    fn carry_out(&self, effect: Effect) {
        match effect {
            Effect::Open(file) => self.open_file(file),
            Effect::FetchExample(file) => self.fetch_example(file),
            Effect::Replace(text) => self.replace(&text),
            Effect::Load => self.runner.load(),
            Effect::LoadLater => self.later.set(Some(LATER)),
            Effect::OpenSession => self.runner.open_session(),
            Effect::Start(purpose) => self.start(purpose),
            Effect::Terminate => self.runner.terminate(),
            Effect::SayAlive => {
                self.runner.ask("alive", false);
                self.alive.set(Some(ALIVE));
            }
            Effect::EndSession => self.runner.ask("end", false),
            Effect::SendLine(line) => self.runner.ask(&format!("type\n{line}"), false),
            Effect::Report(checks) => self.report(&checks),
            Effect::TellPage => {
                if let Ok(event) = Event::new("passed") {
                    let _ = self.parts.panel.dispatch_event(&event);
                }
            }
            Effect::AskForServers => {
                self.neighbours.ask(&self.parts, &self.post);
                self.look.set(Some(LOOK));
            }
            Effect::FocusLine => {
                self.parts.ask.hide(false);
                self.parts.line.take_focus();
            }
        }
    }

    /// Says so under the key of the student's homework, if this is a student's page.
    fn report(&self, checks: &str) {
        let storage = PageStorage::of(&self.window);
        if let Some(key) = storage.get(StorageKey::Homework) {
            let path = relative(api::HOMEWORK_PAGE);
            self.runner.tell(&format!("{path}?key={key}&checks={checks}"));
        }
    }

    fn start(&self, purpose: Purpose) {
        let line = self.parts.arguments.value();
        self.runner.start(&Start {
            source: self.parts.editor.value(),
            file: self.model.borrow().file().to_owned(),
            arguments: arguments(&line),
            checks: purpose == Purpose::Check,
            is_chinese: self.texts.is_chinese(),
        });
        self.alive.set(Some(ALIVE));
    }

    /// Puts what was written before into the editor, or what there is to begin from.
    fn open_file(&self, file: &'static str) {
        store(&self.window, OPEN, file);
        let stored = stored(&self.window, file);
        self.parts.file.set_value(file);
        self.parts.editor.set_value(stored.as_deref().unwrap_or_default());
        self.parts.editor.set_scroll_top(0);
        self.parts.arguments.set_value(
            &self::stored(&self.window, &format!("{file} arguments")).unwrap_or_default(),
        );
        let has_example = FILES.iter().any(|(name, has)| *name == file && *has);
        if stored.is_none() && has_example {
            self.fetch_example(file);
        }
    }

    fn fetch_example(&self, file: &'static str) {
        let post = self.post.clone();
        let came = move |request: &XmlHttpRequest| {
            let text = request.response_text().ok().flatten();
            let text = text.filter(|_| request.status() == Ok(200));
            post(Msg::Example(file.to_owned(), text));
        };
        let request =
            Request::get(relative(file), XmlHttpRequestResponseType::Text, Box::new(came));
        self.example.replace(request.ok());
    }

    /// Puts a text into the editor as if it were typed, so that it can be undone.
    fn replace(&self, text: &str) {
        let editor = &self.parts.editor;
        if editor.value().is_empty() || !self.insert_over_everything(text) {
            editor.set_value(text);
        }
        editor.set_scroll_top(0);
        store(&self.window, self.model.borrow().file(), &editor.value());
    }

    fn insert_over_everything(&self, text: &str) -> bool {
        self.parts.editor.take_focus();
        self.parts.editor.select();
        insert(&self.document, text) && self.parts.editor.value() == text
    }

    /// Shows the state of the model.
    fn show(&self) {
        let model = self.model.borrow();
        let parts = &self.parts;
        parts.panel.set("data-state", model.state().name());
        // Its buttons get their texts below.
        self.neighbours.draw(parts, model.servers());
        self.document.each("#program [data-text]:not([data-shown])", |element| {
            let key = element.get_attribute("data-text").unwrap_or_default();
            self.texts.show(&element, &key, &[]);
            element.turn("data-shown", element.has_child_nodes());
        });
        self.texts.show(&parts.status, model.status(), &[]);
        if let Some(text) = self.texts.text("output") {
            parts.output.set("aria-label", &text);
        }
        self.texts.show(&parts.about, &["about-", model.file()].concat(), &[]);
        let runs = matches!(model.state(), State::Loading | State::Running);
        parts.run.turn("disabled", runs);
        parts.check.turn("disabled", runs);
        parts.stop.turn("disabled", !runs);
        parts.progress.hide(model.progress().is_none());
        if let Some(progress) = model.progress() {
            parts.progress.set("value", &progress.to_string());
        }
        self.draw_address(&model);
        parts.ask.hide(!model.asks());
        self.draw_console(&model);
        self.draw_checks(&model);
        self.draw_error(&model);
        drop(model);
        number_lines(&self.parts, self.wrong_line());
    }

    /// Says who reaches the program and where, and offers to talk to it.
    fn draw_address(&self, model: &Model) {
        let (parts, address) = (&self.parts, model.address());
        parts.address.hide(address.is_none());
        parts.talk.hide(address.is_none() || !has_conversation(&self.document));
        parts.panel.turn("data-address", address.is_some());
        // The student's page has a switch of its own.
        root(&self.document).turn("data-serves", address.is_some());
        if let Some(address) = address {
            parts.panel.set("data-address", address);
            parts.talk.set("data-server", address);
            self.texts.show(&parts.address, model.address_text(), &[("address", address)]);
        }
    }

    fn wrong_line(&self) -> Option<usize> {
        self.model.borrow().explained().and_then(|explained| explained.line)
    }

    fn draw_console(&self, model: &Model) {
        let (dropped, lines) = model.console().lines();
        let (emptied, mut first, mut end) = self.drawn.get();
        let output = &self.parts.output;
        if emptied != model.console().emptied() || end < dropped {
            output.set_text_content(None);
            (first, end) = (dropped, dropped);
        }
        let at_end = output.scroll_top() + output.client_height() + 24 >= output.scroll_height();
        while first < dropped {
            if let Some(line) = output.first_element_child() {
                line.remove();
            }
            first += 1;
        }
        // The last line that was drawn may have grown since.
        if let (Some(line), Some(drawn)) =
            (end.checked_sub(dropped + 1).and_then(|at| lines.get(at)), output.last_element_child())
            && drawn.text_content().as_deref() != Some(&line.text)
        {
            drawn.set_text_content(Some(&line.text));
        }
        for line in lines.iter().skip(end - dropped) {
            leaf(output, "li", "", &line.text).set("data-stream", line.stream.name());
        }
        self.drawn.set((model.console().emptied(), first, dropped + lines.len()));
        if at_end {
            output.set_scroll_top(output.scroll_height());
        }
    }

    fn draw_checks(&self, model: &Model) {
        let list = &self.parts.checks;
        if list.child_element_count() as usize == model.checks().len() {
            return;
        }
        list.set_text_content(None);
        for check in model.checks() {
            let item = create(&self.document, "li");
            item.set("data-check", &check.name);
            item.set("data-state", &check.state);
            let sign = match &*check.state {
                "passed" => "✓ ",
                "failed" => "✗ ",
                _ => "· ",
            };
            leaf(&item, "span", "", &format!("{sign}{}", check.title));
            if !check.text.is_empty() {
                let line = leaf(&item, "p", "", "");
                if !check.line.is_empty() {
                    let place = leaf(&line, "span", "", "");
                    self.texts.show(&place, "in-line", &[("line", &check.line)]);
                    line.add(&self.document.create_text_node(" "));
                }
                line.add(&self.document.create_text_node(&check.text));
            }
            list.add(&item);
        }
    }

    fn draw_error(&self, model: &Model) {
        let why = &self.parts.why;
        why.set_text_content(None);
        let Some(explained) = model.explained().filter(|_| model.checks().is_empty()) else {
            return;
        };
        if let Some(line) = explained.line {
            let place = leaf(why, "span", "", "");
            self.texts.show(&place, "in-line", &[("line", &line.to_string())]);
            why.add(&self.document.create_text_node(" "));
        }
        if let Some(key) = explained.key {
            let text = leaf(why, "span", "", "");
            self.texts.show(&text, key, &[]);
        }
    }
}

/// Turns a narrow screen to the conversation, which a wide one shows beside the panel.
fn show_conversation(document: &Document) {
    let tab = document.query_selector("[role=tab][aria-controls=talk]").ok().flatten();
    if let Some(tab) = tab.map(|tab| tab.unchecked_into::<HtmlElement>())
        && tab.offset_width() > 0
    {
        tab.click();
    }
}

fn listen(document: &Document, parts: &Parts, post: &Post<Msg>) -> Vec<Listener> {
    let clicked = {
        let (document, post) = (document.clone(), post.clone());
        move |event| {
            if closest(&event, "[data-server]").is_some() {
                show_conversation(&document);
            }
            let button = closest(&event, "button[id]");
            let msg = match button.and_then(|button| button.get_attribute("id")).as_deref() {
                Some("run") => Msg::Pressed(Purpose::Run),
                Some("program-check") => Msg::Pressed(Purpose::Check),
                Some("stop") => Msg::Stopped,
                Some("program-restore") => Msg::Restored,
                _ => return,
            };
            post(msg);
        }
    };
    let chosen = {
        let (post, file) = (post.clone(), parts.file.clone());
        move |_| {
            post(Msg::Chosen(file.value()));
        }
    };
    let typed = {
        let (post, line) = (post.clone(), parts.line.clone());
        move |event: web_sys::Event| {
            event.prevent_default();
            post(Msg::Typed(line.value()));
            line.set_value("");
        }
    };
    let mut listeners = vec![
        Listener::new(&parts.panel, "click", clicked),
        Listener::new(&parts.file, "change", chosen),
        Listener::new(&parts.ask, "submit", typed),
    ];
    listeners.extend(listen_to_editor(document, parts, post));
    listeners
}
