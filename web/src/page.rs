//! The page as a whole: the model, and the rooms that touch the browser.
//!
//! It carries out what the model decided. It decides nothing itself, and
//! nothing but this calls the model.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use api::Classroom;
use js_sys::Math;
use web_sys::{
    Document, MediaQueryList, Performance, Url, Window, XmlHttpRequest, XmlHttpRequestResponseType,
};

use crate::alarm::Alarm;
use crate::appearance::{Language, Theme};
use crate::clock::Moment;
use crate::controls::{Listener, Post, Watch, listen, looked};
use crate::json;
use crate::model::conversation::{ConversationEffect, ConversationMsg};
use crate::model::input::InputEffect;
use crate::model::language::{LanguageEffect, LanguageMsg};
use crate::model::lesson::{LessonEffect, LessonMsg};
use crate::model::panels::PanelsEffect;
use crate::model::{Effect, Model, Msg, Stored};
use crate::panels::view::SidePanels;
use crate::request::Request;
use crate::socket::Socket;
use crate::storage::{PageStorage, StorageKey};
use crate::texts::Texts;
use crate::view::View;

/// Where the server speaks the lesson's protocol, and where it says that it is
/// alive: both relative to where the page was opened.
const WEBSOCKET: &str = "ws";
const HEALTH: &str = "healthz";

/// What a live server answers to that. Another answer is of another server: a
/// proxy whose upstream is gone, or the login page of a Wi-Fi.
const HEALTHY: &str = "ok\n";

/// Where there is room for three panels, as in the style sheet.
const WIDE: &str = "(min-width:64em)";

/// An open page. Dropping it closes its connection and removes its listeners.
pub struct Page {
    model: RefCell<Model>,
    /// Messages for the model, in order. One that comes while another is carried
    /// out waits for its end, so that nothing meets a model that is in use.
    queue: RefCell<VecDeque<Msg>>,
    is_updating: Cell<bool>,
    view: Rc<View>,
    socket: RefCell<Option<Socket>>,
    /// Where the WebSocket is, as a whole address.
    url: String,
    /// The liveness check that is under way.
    check: RefCell<Option<Request>>,
    alarm: Alarm,
    texts: Texts,
    panels: Rc<SidePanels>,
    classroom: RefCell<Option<Request>>,
    storage: PageStorage,
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
        let looked = looked(&document);
        let page = Rc::new_cyclic(|page| Page::new(&window, document, page));
        page.post(looked);
        page.post(LanguageMsg::Opened.into());
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
                post(ConversationMsg::TimerFired.into());
            }
        });

        let storage = PageStorage::of(window);
        let language = Language::first(
            storage.get(StorageKey::Language).as_deref(),
            window.navigator().language().as_deref(),
        );
        let host = window.location().host().unwrap_or_default();
        let remembered = Stored {
            draft: &storage.get(StorageKey::Draft).unwrap_or_default(),
            history: &storage.get(StorageKey::History).unwrap_or_default(),
            panel: &storage.get(StorageKey::Panel).unwrap_or_default(),
            progress: &storage.get(StorageKey::Progress).unwrap_or_default(),
        };
        let wide = media(window, WIDE);
        let has_room = wide.as_ref().is_none_or(MediaQueryList::matches);
        let model = Model::new(&host, has_room, language, remembered);

        let url = websocket_address(&document);
        let view = Rc::new(View::of(document));
        if let Some(theme) = Theme::remembered(storage.get(StorageKey::Theme).as_deref()) {
            view.paint(theme);
        }
        Page {
            model: RefCell::new(model),
            queue: RefCell::default(),
            is_updating: Cell::new(false),
            socket: RefCell::new(None),
            url,
            check: RefCell::default(),
            alarm,
            texts: Texts::new(post.clone()),
            panels: SidePanels::of(&view, &post),
            classroom: RefCell::default(),
            storage,
            has_mouse: !media(window, "(pointer:coarse)").is_some_and(|finger| finger.matches()),
            clock: window.performance().expect("browsers have a clock"),
            _listeners: listen(window, wide, &view, &post),
            _watch: Watch::of(&view),
            view,
            post,
        }
    }

    /// Tells the model what happened and does what it says, for this message and
    /// all that come of it. Returns whether the event behind it has been used up.
    fn post(&self, msg: Msg) -> bool {
        self.queue.borrow_mut().push_back(msg);
        if self.is_updating.replace(true) {
            return false;
        }
        let mut is_used_up = false;
        loop {
            let next = self.queue.borrow_mut().pop_front();
            let Some(msg) = next else { break };
            is_used_up |= self.update(msg);
        }
        self.is_updating.set(false);
        is_used_up
    }

    fn update(&self, msg: Msg) -> bool {
        let moment = self.moment();
        let effects = self.model.borrow_mut().update(msg, moment);
        let mut is_used_up = false;
        for effect in effects {
            is_used_up |= matches!(effect, Effect::Input(InputEffect::PreventDefault));
            self.carry_out(effect);
        }
        let model = self.model.borrow();
        // Without words there is nothing to show yet.
        if model.is_ready() {
            self.view.refresh(&model, moment.millis);
            let due = self.panels.refresh(&model, moment);
            let due = due.map(|due| due.saturating_sub(moment.millis));
            self.alarm.set(model.next_wake(moment.millis).into_iter().chain(due).min());
        }
        is_used_up
    }

    fn moment(&self) -> Moment {
        Moment { millis: self.clock.now() as u64, jitter: (Math::random() * 400.0) as i32 - 200 }
    }

    fn carry_out(&self, effect: Effect) {
        match effect {
            Effect::Conversation(effect) => self.carry_out_in_conversation(effect),
            Effect::Input(effect) => self.carry_out_in_input(effect),
            Effect::Lesson(effect) => match effect {
                LessonEffect::ShowProgress => self.view.steps().guide(&self.model.borrow()),
                LessonEffect::Reload => self.speak(),
                LessonEffect::FocusStep => self.view.steps().focus(),
                LessonEffect::StoreProgress(text) => {
                    self.storage.set(StorageKey::Progress, &text);
                }
            },
            Effect::Panels(effect) => match effect {
                PanelsEffect::FocusTab => {
                    self.view.focus_tab(self.model.borrow().panels().selected());
                }
                PanelsEffect::StorePanel(id) => self.storage.set(StorageKey::Panel, id),
            },
            Effect::Language(effect) => match effect {
                LanguageEffect::Fetch(language) => self.texts.fetch(language),
                LanguageEffect::Translate => self.speak(),
                LanguageEffect::ShowFailure => self.view.fail(),
                LanguageEffect::ApplyTheme(theme) => self.view.paint(theme),
                LanguageEffect::StoreLanguage(language) => {
                    self.storage.set(StorageKey::Language, language.tag());
                }
                LanguageEffect::StoreTheme(theme) => {
                    self.storage.set(StorageKey::Theme, theme.name());
                }
            },
        }
    }

    fn carry_out_in_conversation(&self, effect: ConversationEffect) {
        match effect {
            ConversationEffect::Connect => self.connect(),
            ConversationEffect::Disconnect => {
                drop(self.check.take());
                drop(self.socket.take());
            }
            ConversationEffect::CheckServer => self.check_server(),
            ConversationEffect::FetchClassroom => self.ask_classroom(),
            ConversationEffect::Send(text) => {
                if let Some(socket) = &*self.socket.borrow() {
                    socket.send(&text);
                }
            }
            ConversationEffect::Show(message) => self.view.show(&message),
            ConversationEffect::Annotate { id, note, is_restorable } => {
                self.view.annotate(id, &note, is_restorable);
            }
            ConversationEffect::RemoveAnnotation { id } => self.view.unannotate(id),
        }
    }

    fn carry_out_in_input(&self, effect: InputEffect) {
        match effect {
            InputEffect::Write(text) => self.view.write(&text),
            InputEffect::Focus => self.view.focus(),
            InputEffect::PreventDefault => {}
            InputEffect::StoreDraft(text) => self.storage.set(StorageKey::Draft, &text),
            InputEffect::StoreHistory(text) => self.storage.set(StorageKey::History, &text),
        }
    }

    fn speak(&self) {
        let Some(words) = self.texts.words() else { return };
        if self.view.speak(words) {
            self.post(LessonMsg::Loaded(self.view.steps().read()).into());
            // On a phone the keyboard would jump up and cover half the page.
            if self.has_mouse {
                self.view.focus();
            }
        } else {
            self.view.steps().guide(&self.model.borrow());
        }
    }

    /// Asks where raw TCP clients connect.
    fn ask_classroom(&self) {
        let post = self.post.clone();
        let ended = move |request: &XmlHttpRequest| {
            let text = request.response_text().ok().flatten();
            // Without an answer the page goes on with what it knows.
            if let Some(Classroom { tcp_host: host, tcp_port: port }) =
                text.and_then(|text| json::parse(&text))
            {
                post(ConversationMsg::ClassroomFetched { host, port }.into());
            }
        };
        let request =
            Request::get(api::CLASSROOM, XmlHttpRequestResponseType::Text, Box::new(ended));
        self.classroom.replace(request.ok());
    }

    /// Asks the server for a sign of life.
    fn check_server(&self) {
        let post = self.post.clone();
        let ended = move |request: &XmlHttpRequest| {
            let text = request.response_text().ok().flatten();
            let alive = request.status() == Ok(200) && text.as_deref() == Some(HEALTHY);
            post(ConversationMsg::ServerChecked { alive }.into());
        };
        let request = Request::get_fresh(HEALTH, XmlHttpRequestResponseType::Text, Box::new(ended));
        // What the browser refuses outright ends like a check without an answer.
        self.check.replace(request.ok());
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

/// The address of the WebSocket beside the page. Whole, since older browsers take
/// no relative one, and with its own scheme.
fn websocket_address(document: &Document) -> String {
    let base = document.base_uri().ok().flatten().unwrap_or_default();
    // A document that came over http or https has such a base.
    let Ok(url) = Url::new_with_base(WEBSOCKET, &base) else { return String::new() };
    url.set_protocol(if url.protocol() == "https:" { "wss:" } else { "ws:" });
    url.href()
}

fn media(window: &Window, query: &str) -> Option<MediaQueryList> {
    window.match_media(query).ok().flatten()
}
