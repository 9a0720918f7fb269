//! The page as a whole: the model, and the rooms that touch the browser.
//!
//! It carries out what the model decided. It decides nothing itself, and
//! nothing but this calls the model.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use js_sys::Math;
use web_sys::{Document, MediaQueryList, Performance, Window};

use crate::alarm::Alarm;
use crate::appearance::{Language, Theme};
use crate::controls::{Listener, Post, Watch, listen};
use crate::model::{Effect, Model, Moment, Msg, Remembered, Shelf};
use crate::news::Newsstand;
use crate::shelves::Shelves;
use crate::socket::Socket;
use crate::texts::Texts;
use crate::view::View;

/// Where the server speaks the lesson's protocol.
const PATH: &str = "/ws";

/// Where there is room for three panels, as in the style sheet.
const WIDE: &str = "(min-width:64em)";

/// An open page. Dropping it closes its connection and removes its listeners.
pub struct Page {
    model: RefCell<Model>,
    view: Rc<View>,
    socket: RefCell<Option<Socket>>,
    url: String,
    alarm: Alarm,
    texts: Texts,
    newsstand: Newsstand,
    shelves: Shelves,
    /// Whether a mouse points here, and no finger.
    has_mouse: bool,
    clock: Performance,
    post: Post,
    _listeners: Vec<Listener>,
    _watch: Option<Watch>,
}

impl Page {
    /// Takes over the document and begins to connect.
    pub fn open(document: Document) -> Rc<Self> {
        let window = document.default_view().expect("an open document has a window");
        let here = !document.hidden();
        let page = Rc::new_cyclic(|page| Page::new(&window, document, page));
        page.post(Msg::Looked { here });
        page.post(Msg::Opened);
        page
    }

    fn new(window: &Window, document: Document, page: &Weak<Page>) -> Self {
        let post: Post = {
            let page = page.clone();
            Rc::new(move |msg| page.upgrade().is_some_and(|page| page.post(msg)))
        };
        let alarm = Alarm::new(window.clone(), {
            let post = post.clone();
            move || {
                post(Msg::Woken);
            }
        });

        let shelves = Shelves::of(window);
        let language = Language::first(
            shelves.get(Shelf::Language).as_deref(),
            window.navigator().language().as_deref(),
        );
        let location = window.location();
        let host = location.host().unwrap_or_default();
        let scheme = match location.protocol() {
            Ok(protocol) if protocol == "https:" => "wss",
            _ => "ws",
        };
        let remembered = Remembered {
            draft: &shelves.get(Shelf::Draft).unwrap_or_default(),
            history: &shelves.get(Shelf::History).unwrap_or_default(),
            panel: &shelves.get(Shelf::Panel).unwrap_or_default(),
            progress: &shelves.get(Shelf::Progress).unwrap_or_default(),
        };
        let wide = media(window, WIDE);
        let has_room = wide.as_ref().is_none_or(MediaQueryList::matches);
        let model = Model::new(&host, has_room, language, remembered);

        let view = Rc::new(View::of(document));
        if let Some(theme) = Theme::remembered(shelves.get(Shelf::Theme).as_deref()) {
            view.paint(theme);
        }
        Page {
            model: RefCell::new(model),
            socket: RefCell::new(None),
            url: format!("{scheme}://{host}{PATH}"),
            alarm,
            texts: Texts::new(post.clone()),
            newsstand: Newsstand::new(post.clone()),
            shelves,
            has_mouse: !media(window, "(pointer:coarse)").is_some_and(|finger| finger.matches()),
            clock: window.performance().expect("browsers have a clock"),
            _listeners: listen(window, wide, &view, &post),
            _watch: Watch::of(&view, &post),
            view,
            post,
        }
    }

    /// Tells the model what happened and does what it says. Returns whether
    /// the event behind it has been used up.
    fn post(&self, msg: Msg) -> bool {
        let moment = self.moment();
        // The model is given back before its effects are carried out: some of
        // them make the browser report something at once.
        let effects = self.model.borrow_mut().update(msg, moment);
        let mut swallowed = false;
        for effect in effects {
            swallowed |= effect == Effect::Swallow;
            self.carry_out(effect);
        }
        let model = self.model.borrow();
        self.view.refresh(&model, moment.millis);
        self.alarm.set(model.next_wake(moment.millis));
        swallowed
    }

    fn moment(&self) -> Moment {
        Moment { millis: self.clock.now() as u64, jitter: (Math::random() * 400.0) as i32 - 200 }
    }

    fn carry_out(&self, effect: Effect) {
        match effect {
            Effect::Connect => self.connect(),
            Effect::Disconnect => drop(self.socket.take()),
            Effect::Transmit(text) => {
                if let Some(socket) = &*self.socket.borrow() {
                    socket.send(&text);
                }
            }
            Effect::Show(message) => self.view.show(&message),
            Effect::Annotate { id, note, take_back } => self.view.annotate(id, &note, take_back),
            Effect::Unannotate { id } => self.view.unannotate(id),
            Effect::Write(text) => self.view.write(&text),
            Effect::Focus => self.view.focus(),
            Effect::FocusTab => self.view.focus_tab(self.model.borrow().panels().selected()),
            Effect::FocusStep => self.view.steps().focus(),
            Effect::Guide => self.view.steps().guide(&self.model.borrow()),
            Effect::Swallow => {}
            Effect::Keep(shelf, text) => self.shelves.keep(shelf, &text),
            Effect::Watch => self.newsstand.watch(),
            Effect::Unwatch => self.newsstand.unwatch(),
            Effect::Ask(wanted) => self.newsstand.ask(wanted),
            Effect::AskClassroom => self.newsstand.ask_classroom(),
            Effect::Fetch(language) => self.texts.fetch(language),
            Effect::Speak => self.speak(),
            Effect::Fail => self.view.fail(),
            Effect::Paint(theme) => self.view.paint(theme),
        }
    }

    fn speak(&self) {
        let Some(words) = self.texts.words() else { return };
        if self.view.speak(words) {
            self.post(Msg::Taught(self.view.steps().read()));
            // On a phone the keyboard would jump up and cover half the page.
            if self.has_mouse {
                self.view.focus();
            }
        } else {
            self.view.steps().guide(&self.model.borrow());
        }
    }

    fn connect(&self) {
        // The old connection goes before the new one comes.
        drop(self.socket.take());
        let socket = Socket::connect(&self.url, self.post.clone());
        // What the browser refuses outright is tried again like any failure,
        // when the model's patience ends.
        self.socket.replace(socket.ok());
    }
}

fn media(window: &Window, query: &str) -> Option<MediaQueryList> {
    window.match_media(query).ok().flatten()
}
