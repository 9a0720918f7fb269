//! The teacher's page as a whole: the model, and what carries out its effects.

use std::cell::RefCell;
use std::rc::Rc;

use web::browser::appearance::{Appearance, first_language};
use web::browser::clock::Clock;
use web::browser::dom::{Dom as _, element};
use web::browser::events::OnEvent;
use web::browser::listener::{Listener, closest};
use web::browser::program::{Post, Program};
use web::browser::step_titles::StepTitles;
use web::browser::storage::PageStorage;
use web::browser::timer::Timer;
use web::browser::version::{compare, reopen};
use web::core::language::{LanguageEffect, LanguageMsg};
use web::core::subscription::StreamEvent;
use web_sys::{Document, Event};

use crate::client::Client;
use crate::controls::{meaning, sorted_by};
use crate::model::{Effect, Model, Msg, Told};
use crate::view::{BATCH_PAUSE, View};

/// The teacher's page.
pub struct TeacherPage {
    document: Document,
    model: RefCell<Model>,
    appearance: Rc<Appearance>,
    client: Client,
    titles: StepTitles,
    view: View,
    timer: Timer,
    clock: Clock,
    on_stream: OnEvent<Told>,
    _listeners: Vec<Listener>,
}

impl Program for TeacherPage {
    type Msg = Msg;

    fn open(document: Document, post: Post<Msg>) -> Self {
        let window = document.default_view().expect("an open document has a window");
        let storage = Rc::new(PageStorage::of(&window));
        let told = post.clone();
        let appearance = Rc::new(Appearance::open(&document, &storage, move |msg| {
            told(Msg::Language(msg));
        }));
        let poster = |msg: fn() -> Msg| {
            let post = post.clone();
            move || {
                post(msg());
            }
        };
        let titled = post.clone();
        TeacherPage {
            model: RefCell::new(Model::new(first_language(&window, &storage))),
            client: Client::new(document.clone(), post.clone()),
            titles: StepTitles::new(Rc::new(move |titles| {
                titled(Msg::Titled(titles));
            })),
            view: View::of(&document, appearance.translator().clone()),
            timer: Timer::new(window.clone(), poster(|| Msg::TimerFired)),
            clock: Clock::of(&window),
            on_stream: {
                let (document, post) = (document.clone(), post.clone());
                Rc::new(move |event| {
                    if let StreamEvent::Message(Told::Lead(lead)) = &event {
                        post(Msg::Compared(compare(&document, lead.program.clone())));
                    }
                    post(Msg::Stream(event));
                })
            },
            _listeners: listen(&document, &appearance, &post),
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
                            self.view.forget();
                        }
                    });
                }
                Effect::LetIn => self.client.let_in(),
                Effect::OpenStream => self.client.open_stream(&self.on_stream),
                Effect::Act(act) => self.client.act(&act),
                Effect::AskAuthor(name) => self.client.ask_author(&name),
                Effect::Reopen(query) => self.reopen(&query),
            }
        }
        let mut model = self.model.borrow_mut();
        let has_more = model.is_ready() && self.view.refresh(&mut model, moment.millis);
        let wake = model.next_wake(moment.millis);
        self.timer.set(if has_more { Some(BATCH_PAUSE) } else { wake });
        false
    }
}

impl TeacherPage {
    /// Opens the page anew, and keeps the token.
    fn reopen(&self, query: &str) {
        let location = self.document.default_view().map(|window| window.location());
        let token = location.and_then(|location| location.hash().ok()).unwrap_or_default();
        reopen(&self.document, &[query, &token].concat());
    }
}

fn listen(document: &Document, appearance: &Rc<Appearance>, post: &Post<Msg>) -> Vec<Listener> {
    let window = document.default_view().expect("an open document has a window");
    let clicked = {
        let (document, appearance, post) = (document.clone(), appearance.clone(), post.clone());
        move |event: Event| {
            let Some(button) = closest(&event, "button") else { return };
            if let Some(place) = button.get_attribute("data-jump") {
                element(&document, &place).scroll_into_view();
            }
            if let Some(msg) = meaning(&document, &button, &appearance) {
                post(msg);
            }
        }
    };
    let submitted = {
        let (document, appearance, post) = (document.clone(), appearance.clone(), post.clone());
        move |event: Event| {
            event.prevent_default();
            let button = closest(&event, "form").and_then(|form| form.find("button"));
            if let Some(msg) = button.and_then(|it| meaning(&document, &it, &appearance)) {
                post(msg);
            }
        }
    };
    let chosen = {
        let (document, post) = (document.clone(), post.clone());
        move |event: Event| {
            if closest(&event, "#sort").is_some()
                && let Some(sort) = sorted_by(&document)
            {
                post(Msg::Sorted(sort));
            }
        }
    };
    let returned = {
        let (document, post) = (document.clone(), post.clone());
        move |_: Event| {
            if !document.hidden() {
                post(Msg::Returned);
            }
        }
    };
    // Another token behind `#` loads nothing by itself.
    let renewed = {
        let window = window.clone();
        move |_: Event| drop(window.location().reload())
    };
    vec![
        Listener::new(document, "click", clicked),
        Listener::new(document, "submit", submitted),
        Listener::new(document, "change", chosen),
        Listener::new(&window, "online", returned.clone()),
        Listener::new(document, "visibilitychange", returned),
        Listener::new(&window, "hashchange", renewed),
    ]
}
