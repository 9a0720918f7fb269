//! The board in the browser: it carries out what the model decides, and shows it.

use std::cell::RefCell;
use std::rc::Rc;

use api::{Board, JoinAddress};
use web::browser::appearance::{Appearance, first_language};
use web::browser::clipboard::copy;
use web::browser::clock::Clock;
use web::browser::dom::{Dom as _, element, instantiate, root, template};
use web::browser::events::{EventKind, EventStream, OnEvent};
use web::browser::json;
use web::browser::listener::{Listener, closest};
use web::browser::program::{Post, Program};
use web::browser::step_titles::StepTitles;
use web::browser::storage::PageStorage;
use web::browser::timer::Timer;
use web::browser::version::{compare, reopen};
use web::core::language::{LanguageEffect, LanguageMsg};
use web::core::subscription::StreamEvent;
use web_sys::Document;

use crate::class::ClassView;
use crate::model::{Effect, Model, Msg, is_loopback, outline, page_port, typed};

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
    /// What is on the screen, and the address of it.
    shown: RefCell<Option<(Board, Option<JoinAddress>)>>,
    class: ClassView,
    titles: StepTitles,
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
                let Some(button) = closest(&event, "button") else { return };
                let id = button.id();
                let msg = match &*id {
                    "turn" => Some(Msg::JoinTurned),
                    "nobody" | "close-help" => Some(Msg::HelpTurned),
                    "copy" => {
                        let document = button.owner_document().expect("it was clicked in one");
                        let code = element(&document, "tcp-python");
                        let word = if copy(&document, &code) { "copied" } else { "not-copied" };
                        appearance.translator().say(&button, "", word, &[]);
                        None
                    }
                    _ => appearance.meaning(&id).map(Msg::Language),
                };
                let chosen = button.get_attribute("data-address");
                let chosen = chosen.and_then(|index| index.parse().ok()).map(Msg::AddressChosen);
                if let Some(msg) = msg.or(chosen) {
                    post(msg);
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
            class: ClassView::of(&document, appearance.translator().clone()),
            titles: StepTitles::new({
                let post = post.clone();
                Rc::new(move |titles| {
                    post(Msg::Titled(titles));
                })
            }),
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
                Effect::Language(effect) => {
                    if let LanguageEffect::Fetch(language) = effect {
                        self.titles.fetch(language);
                    }
                    self.appearance.carry_out(effect, || {
                        if let Some(texts) = self.appearance.texts() {
                            self.appearance.translate(texts);
                        }
                    });
                }
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
        let root = root(&self.document);
        root.set("data-state", model.freshness().name());
        root.set("data-view", if model.joins() { "join" } else { "class" });
        let find = |id: &str| element(&self.document, id);
        find("help").hide(!model.shows_help());
        find("nobody").set("aria-expanded", if model.shows_help() { "true" } else { "false" });
        self.class.title(model.titles());
        let Some(board) = model.board() else { return };
        find("stale").hide(!model.is_stale());
        let shown = Some((board.clone(), model.address().cloned()));
        if *self.shown.borrow() == shown {
            return;
        }
        for (id, count) in [
            ("online", board.pages + board.clients),
            ("pages", board.pages),
            ("clients", board.clients),
            ("contacts-count", board.contacts),
        ] {
            find(id).set_text_content(Some(&count.to_string()));
        }
        find("reached").hide(!board.class.reached);
        find("unreached").hide(board.class.reached);
        if let Some(address) = model.address() {
            self.show_address(address);
            self.show_choice(&board.addresses, address);
        }
        self.class.refresh(&board.class);
        self.shown.replace(shown);
    }

    /// Offers the addresses, where there are several.
    fn show_choice(&self, addresses: &[JoinAddress], chosen: &JoinAddress) {
        let list = element(&self.document, "addresses");
        list.hide(addresses.len() < 2);
        list.each("button", |button| button.remove());
        for (index, address) in addresses.iter().enumerate() {
            let button = instantiate(&template(&self.document, "address"));
            let name = [typed(&address.url), " ", &address.interface].concat();
            button.set_text_content(Some(name.trim_end()));
            button.set("data-address", &index.to_string());
            button.set("aria-pressed", if address == chosen { "true" } else { "false" });
            list.add(&button);
        }
    }

    fn show_address(&self, address: &JoinAddress) {
        let find = |id: &str| element(&self.document, id);
        let url = typed(&address.url);
        let port = address.port.to_string();
        find("join-url").set_text_content(Some(url));
        find("tcp-host").set_text_content(Some(&address.host));
        find("tcp-port").set_text_content(Some(&port));
        let tuple = ["('", &address.host, "', ", &port, ")"].concat();
        find("tcp-python").set_text_content(Some(&tuple));
        let is_long = url.chars().nth(LARGE).is_some();
        for id in ["join-url", "tcp-address"] {
            find(id).set_class_name(if is_long { "address long" } else { "address" });
        }
        // The commands that open the firewall.
        let help = find("help");
        help.fill("tcp", &port);
        help.fill("http", page_port(url));
        find("only-here").hide(!is_loopback(&address.host));

        let qr = find("qr");
        let (from, side) = (QUIET_ZONE, address.qr.len() + 2 * QUIET_ZONE);
        qr.set("viewBox", &format!("-{from} -{from} {side} {side}"));
        qr.query("path").set("d", &outline(&address.qr));
    }
}
