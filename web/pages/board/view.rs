//! The board in the browser: it carries out what the model decides, and shows it.

use std::cell::RefCell;
use std::rc::Rc;

use api::{Board, JoinAddress};
use web::browser::appearance::{Appearance, first_language};
use web::browser::clock::Clock;
use web::browser::dom::{Dom as _, element, root};
use web::browser::events::{EventKind, EventStream, OnEvent};
use web::browser::json;
use web::browser::listener::{Listener, closest};
use web::browser::program::{Post, Program};
use web::browser::storage::PageStorage;
use web::browser::timer::Timer;
use web::browser::version::{compare, reopen};
use web::core::language::LanguageMsg;
use web::core::subscription::StreamEvent;
use web_sys::Document;

use crate::model::{Effect, Model, Msg, is_loopback, outline, typed};

/// The events of the stream.
const KINDS: [EventKind<Board>; 1] = [(api::BOARD_EVENT, json::parse)];

/// The most characters of an address in large letters: `192.168.100.100:65535`.
const LARGE: usize = 21;

/// The modules around a QR code that have to be light (ISO/IEC 18004).
const QUIET_ZONE: usize = 4;

/// The board's page.
pub struct BoardPage {
    document: Document,
    model: RefCell<Model>,
    appearance: Rc<Appearance>,
    stream: RefCell<Option<EventStream>>,
    /// What is on the screen.
    shown: RefCell<Option<Board>>,
    timer: Timer,
    clock: Clock,
    on_stream: OnEvent<Board>,
    _listeners: [Listener; 3],
}

impl Program for BoardPage {
    type Msg = Msg;

    fn open(document: Document, post: Post<Msg>) -> Self {
        let window = document.default_view().expect("an open document has a window");
        let storage = Rc::new(PageStorage::of(&window));
        let poster = |msg: fn() -> Msg| {
            let post = post.clone();
            move || {
                post(msg());
            }
        };
        let appearance = Rc::new(Appearance::open(&document, &storage, {
            let post = post.clone();
            move |msg| {
                post(Msg::Language(msg));
            }
        }));
        let clicked = {
            let (appearance, post) = (appearance.clone(), post.clone());
            move |event| {
                let button = closest(&event, "button[id]");
                let id = button.and_then(|button| button.get_attribute("id"));
                if let Some(msg) = id.and_then(|id| appearance.meaning(&id)) {
                    post(Msg::Language(msg));
                }
            }
        };
        let (online, visible) = (poster(|| Msg::Returned), poster(|| Msg::Returned));
        let seen = {
            let document = document.clone();
            move |_| {
                if !document.hidden() {
                    visible();
                }
            }
        };
        BoardPage {
            model: RefCell::new(Model::new(first_language(&window, &storage))),
            stream: RefCell::default(),
            shown: RefCell::default(),
            timer: Timer::new(window.clone(), poster(|| Msg::TimerFired)),
            clock: Clock::of(&window),
            on_stream: {
                let (document, post) = (document.clone(), post.clone());
                Rc::new(move |event| {
                    if let StreamEvent::Message(Board { program, .. }) = &event {
                        post(Msg::Compared(compare(&document, program.clone())));
                    }
                    post(Msg::Stream(event));
                })
            },
            _listeners: [
                Listener::new(&document, "click", clicked),
                Listener::new(&window, "online", move |_| online()),
                Listener::new(&document, "visibilitychange", seen),
            ],
            appearance,
            document,
        }
    }

    fn first_messages(&self) -> Vec<Msg> {
        vec![Msg::Language(LanguageMsg::Opened)]
    }

    fn handle(&self, msg: Msg) -> bool {
        let moment = self.clock.now();
        let effects = self.model.borrow_mut().update(msg, moment);
        for effect in effects {
            match effect {
                Effect::Language(effect) => self.appearance.carry_out(effect, || {
                    if let Some(texts) = self.appearance.texts() {
                        self.appearance.translate(texts);
                    }
                }),
                Effect::Reopen(query) => reopen(&self.document, &query),
                Effect::OpenStream => {
                    // The old one goes before the new one comes.
                    drop(self.stream.take());
                    let stream = EventStream::open(api::BOARD, &KINDS, &self.on_stream);
                    self.stream.replace(stream.ok());
                }
            }
        }
        let model = self.model.borrow();
        if model.is_ready() {
            self.refresh(&model);
        }
        self.timer.set(model.next_wake(moment.millis));
        false
    }
}

impl BoardPage {
    /// Shows the state of the model where it differs from what is shown.
    fn refresh(&self, model: &Model) {
        root(&self.document).set("data-state", model.freshness().name());
        let Some(board) = model.board() else { return };
        if self.shown.borrow().as_ref() == Some(board) {
            return;
        }
        let find = |id: &str| element(&self.document, id);
        find("stale").hide(!model.is_stale());
        for (id, count) in [
            ("online", board.pages + board.clients),
            ("pages", board.pages),
            ("clients", board.clients),
            ("contacts-count", board.contacts),
        ] {
            find(id).set_text_content(Some(&count.to_string()));
        }
        if let Some(address) = board.addresses.first() {
            self.show_address(address);
        }
        self.shown.replace(Some(board.clone()));
    }

    fn show_address(&self, address: &JoinAddress) {
        let find = |id: &str| element(&self.document, id);
        let url = typed(&address.url);
        find("join-url").set_text_content(Some(url));
        find("tcp-host").set_text_content(Some(&address.host));
        find("tcp-port").set_text_content(Some(&address.port.to_string()));
        let is_long = url.chars().nth(LARGE).is_some();
        for id in ["join-url", "tcp-address"] {
            find(id).set_class_name(if is_long { "address long" } else { "address" });
        }
        find("only-here").hide(!is_loopback(&address.host));

        let qr = find("qr");
        let (from, side) = (QUIET_ZONE, address.qr.len() + 2 * QUIET_ZONE);
        qr.set("viewBox", &format!("-{from} -{from} {side} {side}"));
        qr.query("path").set("d", &outline(&address.qr));
    }
}
