//! The student's page as a whole: the model, and what carries out its effects.
//!
//! It decides nothing itself, and nothing but this calls the model.

use std::cell::RefCell;
use std::rc::Rc;

use api::Classroom;
use protocol::Stage;
use web::browser::appearance::{Appearance, first_language};
use web::browser::clock::Clock;
use web::browser::json;
use web::browser::listener::{Listener, ResizeListener};
use web::browser::program::{Post, Program};
use web::browser::request::Request;
use web::browser::socket::{self, Socket, SocketEvent};
use web::browser::storage::{PageStorage, StorageKey};
use web::browser::timer::Timer;
use web::browser::version::{compare, reopen};
use web::core::clock::sooner;
use web::core::language::LanguageMsg;
use web::core::lesson::merge;
use web_sys::{Document, MediaQueryList, Window, XmlHttpRequest, XmlHttpRequestResponseType};

use crate::class_client::ClassClient;
use crate::controls::{listen, visibility};
use crate::model::class::ClassEffect;
use crate::model::conversation::{ConversationEffect, ConversationMsg};
use crate::model::input::InputEffect;
use crate::model::lesson::{LessonEffect, LessonMsg};
use crate::model::panels::PanelsEffect;
use crate::model::{Effect, Model, Msg, Stored};
use crate::view::homework::{HomeworkView, new_key};
use crate::view::panels::SidePanels;
use crate::view::{View, exercise};

/// Where the server speaks the lesson's protocol, and where it says that it is
/// alive: both relative to where the page was opened.
const WEBSOCKET: &str = "ws?page=";
const HEALTH: &str = "healthz";

/// What a live server answers to that. Another answer is of another server: a
/// proxy whose upstream is gone, or the login page of a Wi-Fi.
const HEALTHY: &str = "ok\n";

/// Where there is room for three panels, as in the style sheet.
const WIDE: &str = "(min-width:64em)";

/// The student's page.
pub struct StudentPage {
    document: Document,
    model: RefCell<Model>,
    view: Rc<View>,
    panels: Rc<SidePanels>,
    homework: Rc<HomeworkView>,
    appearance: Rc<Appearance>,
    storage: Rc<PageStorage>,
    socket: RefCell<Option<Socket>>,
    /// The liveness check that is under way.
    check: RefCell<Option<Request>>,
    classroom: RefCell<Option<Request>>,
    class: ClassClient,
    timer: Timer,
    clock: Clock,
    /// Whether the pointer is a mouse, and no finger.
    has_mouse: bool,
    post: Post<Msg>,
    _listeners: Vec<Listener>,
    _resized: [Option<ResizeListener>; 2],
}

impl Program for StudentPage {
    type Msg = Msg;

    fn open(document: Document, post: Post<Msg>) -> Self {
        let window = document.default_view().expect("an open document has a window");
        let storage = Rc::new(PageStorage::of(&window));
        let appearance = Rc::new(Appearance::open(&document, &storage, {
            let post = post.clone();
            move |msg| {
                post(msg.into());
            }
        }));
        let timer = Timer::new(window.clone(), {
            let post = post.clone();
            move || {
                post(ConversationMsg::TimerFired.into());
            }
        });
        let wide = media(&window, WIDE);
        let has_room = wide.as_ref().is_none_or(MediaQueryList::matches);
        let view = Rc::new(View::of(document.clone(), appearance.translator().clone()));
        let key = storage.get(StorageKey::Homework).unwrap_or_else(|| {
            let key = new_key();
            storage.set(StorageKey::Homework, &key);
            key
        });
        StudentPage {
            class: ClassClient::new(key.clone(), post.clone()),
            homework: HomeworkView::of(document.clone(), key, post.clone()),
            model: RefCell::new(model(&window, &storage, has_room)),
            panels: SidePanels::of(&view, &post),
            has_mouse: !media(&window, "(pointer:coarse)").is_some_and(|finger| finger.matches()),
            clock: Clock::of(&window),
            _listeners: listen(&window, wide, &view, &appearance, &post),
            _resized: [
                ResizeListener::new(view.conversation(), {
                    let view = view.clone();
                    // When the status bar, a longer hint or a phone's keyboard takes room.
                    move || view.keep_at_end()
                }),
                ResizeListener::new(&view.steps().stays(), {
                    let view = view.clone();
                    move || view.steps().measure()
                }),
            ],
            socket: RefCell::default(),
            check: RefCell::default(),
            classroom: RefCell::default(),
            document,
            view,
            appearance,
            storage,
            timer,
            post,
        }
    }

    fn first_messages(&self) -> Vec<Msg> {
        vec![visibility(&self.document), LanguageMsg::Opened.into()]
    }

    fn handle(&self, msg: Msg) -> bool {
        let moment = self.clock.now();
        let effects = self.model.borrow_mut().update(msg, moment);
        let mut prevents_default = false;
        for effect in effects {
            prevents_default |= matches!(effect, Effect::Input(InputEffect::PreventDefault));
            self.carry_out(effect);
        }
        let model = self.model.borrow();
        // Without texts there is nothing to show yet.
        if model.is_ready() {
            self.view.refresh(&model, moment.millis);
            self.view.show_class(model.class());
            self.class.follow(model.conversation().can_follow_class());
            self.homework.refresh(&model);
            let due = self.panels.refresh(&model, moment);
            let due = due.map(|due| due.saturating_sub(moment.millis));
            self.timer.set(sooner(model.next_wake(moment.millis), due));
        }
        prevents_default
    }
}

/// The model, with what was stored before a reload.
fn model(window: &Window, storage: &PageStorage, has_room: bool) -> Model {
    let host = window.location().host().unwrap_or_default();
    let stored = |key| storage.get(key).unwrap_or_default();
    let stored = Stored {
        draft: &stored(StorageKey::Draft),
        history: &stored(StorageKey::History),
        panel: &stored(StorageKey::Panel),
        progress: &stored(StorageKey::Progress),
        owner: &stored(StorageKey::Owner),
    };
    Model::new(&host, has_room, first_language(window, storage), stored)
}

impl StudentPage {
    fn carry_out(&self, effect: Effect) {
        match effect {
            Effect::Conversation(effect) => self.carry_out_in_conversation(effect),
            Effect::Input(effect) => self.carry_out_in_input(effect),
            Effect::Lesson(effect) => match effect {
                LessonEffect::ShowProgress => self.view.steps().guide(&self.model.borrow()),
                LessonEffect::Reload => self.translate(),
                LessonEffect::FocusStep => self.view.steps().focus(),
                LessonEffect::ShowOwner => {
                    self.view.steps().personalize(self.model.borrow().owner());
                }
                LessonEffect::StoreOwner(text) => self.storage.set(StorageKey::Owner, &text),
                LessonEffect::ForgetProgress => self.storage.set(StorageKey::Progress, ""),
                LessonEffect::StoreProgress(text) => {
                    // Another tab may have come further.
                    let stored = self.storage.get(StorageKey::Progress).unwrap_or_default();
                    self.storage.set(StorageKey::Progress, &merge(&text, &stored));
                }
            },
            Effect::Panels(effect) => match effect {
                PanelsEffect::FocusTab => {
                    self.view.focus_tab(self.model.borrow().panels().selected());
                }
                PanelsEffect::StorePanel(id) => self.storage.set(StorageKey::Panel, id),
            },
            Effect::Class(ClassEffect::Report(student)) => self.class.report(&student),
            Effect::Language(effect) => self.appearance.carry_out(effect, || self.translate()),
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
            ConversationEffect::Reopen(query) => reopen(&self.document, &query),
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

    /// Shows everything in the language that came.
    fn translate(&self) {
        let Some(texts) = self.appearance.texts() else { return };
        self.view.steps().load(&texts);
        self.view.steps().personalize(self.model.borrow().owner());
        if self.appearance.translate(texts) {
            exercise::show(&self.view);
            (self.post)(LessonMsg::Loaded(self.view.steps().read()).into());
            // On a phone the keyboard would jump up and cover half the page.
            if self.has_mouse {
                self.view.focus();
            }
        } else {
            self.view.steps().guide(&self.model.borrow());
        }
    }

    /// Asks where raw TCP clients connect and which page the server has.
    fn ask_classroom(&self) {
        let (document, post) = (self.document.clone(), self.post.clone());
        let ended = move |request: &XmlHttpRequest| {
            let text = request.response_text().ok().flatten();
            // Without an answer the page goes on with what it knows.
            if let Some(classroom) = text.and_then(|text| json::parse::<Classroom>(&text)) {
                let Classroom { tcp_host: host, tcp_port: port, page, echoes, number, program } =
                    classroom;
                exercise::tell_address(&document, page.as_deref());
                let stage = if echoes { Stage::Echo } else { Stage::Contacts };
                post(ConversationMsg::ClassroomFetched { page, host, port, stage }.into());
                post(LessonMsg::Numbered(number.try_into().unwrap_or_default()).into());
                post(ConversationMsg::VersionCompared(compare(&document, program)).into());
            }
        };
        let number = self.model.borrow().owner().number().to_string();
        let path = self.class.path(&[api::CLASSROOM, "?number=", &number, "&page="].concat());
        let request = Request::get_fresh(&path, XmlHttpRequestResponseType::Text, Box::new(ended));
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
        let post = self.post.clone();
        let on_event = move |event| {
            let msg = match event {
                SocketEvent::ExtensionNegotiated => ConversationMsg::ExtensionNegotiated,
                SocketEvent::Received(text) => ConversationMsg::Received(text),
                SocketEvent::Closed { code, reason } => ConversationMsg::Closed { code, reason },
            };
            post(msg.into());
        };
        let model = self.model.borrow();
        let at = model.conversation().server();
        let whose = if at.is_empty() { WEBSOCKET } else { &["ws?at=", at, "&server="].concat() };
        let url = socket::address(&self.document, &self.class.path(whose));
        // What the browser refuses outright is tried again like any failure,
        // when the model's timeout ends.
        self.socket.replace(Socket::connect(&url, Rc::new(on_event)).ok());
    }
}

fn media(window: &Window, query: &str) -> Option<MediaQueryList> {
    window.match_media(query).ok().flatten()
}
