//! The panels in the document, and what a person does in them.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{
    Document, Element, Event, KeyboardEvent, ResizeObserver, ScrollIntoViewOptions,
    ScrollLogicalPosition, XmlHttpRequest, XmlHttpRequestResponseType,
};

use super::following::News;
use super::news::{Newsstand, Tell};
use super::register::Register;
use crate::controls::{Listener, Post, closest};
use crate::door::Door;
use crate::markup::{Markup as _, element};
use crate::model::{Model, Moment, Msg};
use crate::page::Page;
use crate::panels::Panel;
use crate::request::Request;
use crate::texts;
use crate::view::speech::Speech;
use crate::view::{View, message_id};

mod roster;
mod sequence;
mod sticky;
mod twin;
mod wire;

use roster::RosterView;
use sequence::Picture;
use sticky::Sticky;
use twin::Twin;
use wire::Wire;

/// The markup of the panels, and their words in every language: whoever has
/// them can switch the language without asking for more.
const FILE: &str = "supplement.html";

/// Fetches the markup and opens the panels of a page with it.
pub fn open(page: &Rc<Page>) {
    let ended = {
        let page = Rc::downgrade(page);
        move |request: &XmlHttpRequest| {
            let Some(page) = page.upgrade() else { return };
            match texts::words(request) {
                Some(file) => page.supply(Supplement::of(page.view(), &file, page.mail())),
                None => page.miss(),
            }
        }
    };
    match Request::get(FILE, XmlHttpRequestResponseType::Document, Box::new(ended)) {
        Ok(request) => page.wait_for(request),
        Err(_) => page.miss(),
    }
}

/// The open panels.
pub struct Supplement {
    document: Document,
    speech: Rc<Speech>,
    /// A section with the words of each language.
    words: Element,
    register: RefCell<Register>,
    newsstand: Newsstand,
    /// What the newsstand told since the last look.
    news: RefCell<Vec<News>>,
    /// The message that is marked.
    picked: Cell<Option<u32>>,
    book: RosterView,
    wire: Wire,
    picture: Picture,
    sticky: Sticky,
    twin: Twin,
    observer: Option<ResizeObserver>,
    _scrolled: Closure<dyn FnMut()>,
    _listeners: [Listener; 8],
}

impl Supplement {
    /// Puts the markup of the file into the document.
    pub fn of(view: &View, file: &Element, post: Post) -> Rc<Self> {
        let document = view.document();
        file.each("[data-panel]", |panel| {
            let name = panel.get_attribute("data-panel").unwrap_or_default();
            let shell = element(document, &name);
            shell.set_text_content(None);
            panel.move_into(&shell);
        });
        Rc::new_cyclic(|this| Supplement::new(view, file, this, &post))
    }

    fn new(view: &View, file: &Element, this: &Weak<Self>, post: &Post) -> Self {
        let document = view.document();
        let find = |id: &str| element(document, id);
        let tell: Tell = {
            let (this, post) = (this.clone(), post.clone());
            Rc::new(move |news| {
                if let Some(this) = this.upgrade() {
                    this.news.borrow_mut().push(news);
                    post(Msg::Stirred);
                }
            })
        };
        let book = RosterView::of(document);
        let scrolled = {
            let stirred = stirred(this, post, |this| {
                this.register.borrow_mut().scroll(this.book.sight());
            });
            Closure::wrap(Box::new(stirred) as Box<dyn FnMut()>)
        };
        // Where it is missing the reader scrolls.
        let observer = ResizeObserver::new(scrolled.as_ref().unchecked_ref()).ok();
        if let Some(observer) = &observer {
            observer.observe(book.list());
        }
        Supplement {
            document: document.clone(),
            speech: view.speech().clone(),
            picked: Cell::new(None),
            words: file.query("#words"),
            register: RefCell::default(),
            newsstand: Newsstand::new(tell),
            news: RefCell::default(),
            wire: Wire::of(find),
            picture: Picture::of(document, find),
            sticky: Sticky::of(find),
            twin: Twin::of(document, find),
            _listeners: listen(document, &book, this, post),
            book,
            observer,
            _scrolled: scrolled,
        }
    }
}

impl Supplement {
    /// Marks the message that is looked at in the conversation.
    fn show_picked(&self, picked: Option<u32>) {
        let before = self.picked.replace(picked);
        if before == picked {
            return;
        }
        let line = |id: u32| self.document.get_element_by_id(&message_id(id));
        if let Some(line) = before.and_then(line) {
            line.turn("aria-current", false);
        }
        if let Some(line) = picked.and_then(line) {
            line.set("aria-current", "true");
            let nearest = ScrollIntoViewOptions::new();
            nearest.set_block(ScrollLogicalPosition::Nearest);
            line.scroll_into_view_with_scroll_into_view_options(&nearest);
        }
    }
}

impl Drop for Supplement {
    fn drop(&mut self) {
        if let Some(observer) = &self.observer {
            observer.disconnect();
        }
    }
}

impl Door for Rc<Supplement> {
    fn lend(&self, words: &Element) {
        let language = words.get_attribute("lang").unwrap_or_default();
        let selector: String = ["[lang=", &language, "]"].into_iter().collect();
        words.add(&self.words.query(&selector).copy());
    }

    fn refresh(&self, model: &Model, moment: Moment) -> Option<u64> {
        let speech = &*self.speech;
        let sees = |panel| model.panels().shows(panel);
        let mut register = self.register.borrow_mut();
        for news in self.news.take() {
            register.take(news, moment);
        }
        for errand in register.go_on(model, sees(Panel::Contacts), moment.millis) {
            self.newsstand.run(errand);
        }
        self.show_picked(model.picked());
        if sees(Panel::Contacts) {
            self.book.refresh(&register, model.mode(), speech);
        }
        if sees(Panel::Wire) {
            self.wire.refresh(speech, model);
        }
        if sees(Panel::Sequence) {
            self.picture.refresh(speech, model);
        }
        if sees(Panel::Sticky) {
            self.sticky.refresh(speech);
        }
        if sees(Panel::Python) {
            self.twin.refresh(speech, model);
        }
        register.due()
    }
}

/// A handler that changes something here, and has it shown.
fn stirred(
    this: &Weak<Supplement>,
    post: &Post,
    change: impl Fn(&Supplement) + 'static,
) -> impl Fn() + 'static {
    let (this, post) = (this.clone(), post.clone());
    move || {
        if let Some(this) = this.upgrade() {
            change(&this);
            post(Msg::Stirred);
        }
    }
}

fn listen(
    document: &Document,
    book: &RosterView,
    this: &Weak<Supplement>,
    post: &Post,
) -> [Listener; 8] {
    let searched = stirred(this, post, |this| {
        this.register.borrow_mut().search(&this.book.search().value());
    });
    let scrolled = stirred(this, post, |this| {
        this.register.borrow_mut().scroll(this.book.sight());
    });
    let arrows = element(document, "arrows");
    let pointed = |event: &'static str| {
        let (this, post) = (this.clone(), post.clone());
        Listener::new(&arrows, event, move |event| {
            let arrow = closest(&event, "[data-arrow]");
            let arrow = arrow.and_then(|arrow| arrow.get_attribute("data-arrow")?.parse().ok());
            if let (Some(arrow), Some(this)) = (arrow, this.upgrade()) {
                this.picture.point(arrow);
                post(Msg::Stirred);
            }
        })
    };
    let moved = |event: Event| {
        let press: &KeyboardEvent = event.unchecked_ref();
        let Some(arrow) = closest(&event, "[data-arrow]") else { return };
        let next = match &*press.key() {
            "ArrowUp" => arrow.previous_element_sibling(),
            "ArrowDown" => arrow.next_element_sibling(),
            _ => return,
        };
        event.prevent_default();
        if let Some(next) = next {
            next.take_focus();
        }
    };
    let cut = {
        let (this, post) = (this.clone(), post.clone());
        move |_| {
            let Some(this) = this.upgrade() else { return };
            post(if this.sticky.set() { Msg::Split } else { Msg::Stirred });
        }
    };
    let copied = {
        let this = this.clone();
        move |event: Event| {
            if let (Some(button), Some(this)) = (closest(&event, "[data-copy]"), this.upgrade()) {
                this.twin.copy(&this.speech, &button);
            }
        }
    };
    [
        Listener::new(book.search(), "input", move |_| searched()),
        Listener::new(book.list(), "scroll", move |_| scrolled()),
        pointed("pointerover"),
        pointed("focusin"),
        pointed("click"),
        Listener::new(&arrows, "keydown", moved),
        Listener::new(&element(document, "sticky"), "input", cut),
        Listener::new(&element(document, "python"), "click", copied),
    ]
}
