//! The side panels in the document, and what a person does in them.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use wasm_bindgen::JsCast;
use web::browser::book_client::{BookClient, OnEvent};
use web::browser::dom::{Dom as _, element};
use web::browser::listener::{Listener, ResizeListener, closest};
use web::browser::program::Post;
use web::browser::translator::Translator;
use web::core::book::sync::BookEvent;
use web::core::clock::Moment;
use web_sys::{Document, Event, KeyboardEvent};

use crate::model::lesson::LessonMsg;
use crate::model::panels::PanelsMsg;
use crate::model::tabs::Panel;
use crate::model::{Model, Msg};
use crate::panels::contacts::ContactsPanel;
use crate::view::{View, message_id};

mod bytes;
mod contacts;
mod program;
mod python;
mod sequence;
mod sticky;

use bytes::BytesView;
use contacts::ContactsView;
use program::ProgramView;
use python::PythonView;
use sequence::SequenceView;
use sticky::StickyView;

/// The panels beside the conversation.
pub struct SidePanels {
    document: Document,
    translator: Rc<Translator>,
    contacts: RefCell<ContactsPanel>,
    client: BookClient,
    /// What the book client said since the last refresh.
    events: RefCell<Vec<BookEvent>>,
    /// The message that is marked.
    selected: Cell<Option<u32>>,
    book: ContactsView,
    wire: BytesView,
    sequence: SequenceView,
    sticky: StickyView,
    python: PythonView,
    program: ProgramView,
    _resized: Option<ResizeListener>,
    _listeners: [Listener; 8],
}

impl SidePanels {
    /// Finds their parts in the document. What happens in them is posted as
    /// [`PanelsMsg::Refreshed`], for the page to call [`refresh`](Self::refresh).
    pub fn of(view: &View, post: &Post<Msg>) -> Rc<Self> {
        Rc::new_cyclic(|this| SidePanels::new(view, this, post))
    }

    fn new(view: &View, this: &Weak<Self>, post: &Post<Msg>) -> Self {
        let document = view.document();
        let find = |id: &str| element(document, id);
        let on_event: OnEvent = {
            let (this, post) = (this.clone(), post.clone());
            Rc::new(move |event| {
                if let Some(this) = this.upgrade() {
                    this.events.borrow_mut().push(event);
                    post(PanelsMsg::Refreshed.into());
                }
            })
        };
        let book = ContactsView::of(document);
        let resized = changed(this, post, |this| {
            this.contacts.borrow_mut().scroll(this.book.viewport());
        });
        SidePanels {
            document: document.clone(),
            translator: view.translator().clone(),
            selected: Cell::new(None),
            contacts: RefCell::default(),
            client: BookClient::new(on_event),
            events: RefCell::default(),
            wire: BytesView::of(find),
            sequence: SequenceView::of(document, find),
            sticky: StickyView::of(find),
            python: PythonView::of(document, find),
            program: ProgramView::of(document, find, post),
            _listeners: listen(document, &book, this, post),
            _resized: ResizeListener::new(book.list(), resized),
            book,
        }
    }

    /// Shows the state of the model where it differs from what is shown: only in
    /// the panel that can be seen. Returns when, in the model's milliseconds,
    /// that is to be done again.
    pub fn refresh(&self, model: &Model, moment: Moment) -> Option<u64> {
        let translator = &*self.translator;
        let sees = |panel| model.panels().shows(panel);
        let mut contacts = self.contacts.borrow_mut();
        for event in self.events.take() {
            contacts.handle(event, moment);
        }
        for request in contacts.next_requests(model, sees(Panel::Contacts), moment.millis) {
            self.client.run(request);
        }
        self.show_selected(model.selected());
        if sees(Panel::Contacts) {
            self.book.refresh(&contacts, model.conversation().mode(), translator);
        }
        if sees(Panel::Bytes) {
            self.wire.refresh(translator, model);
        }
        if sees(Panel::Sequence) {
            self.sequence.refresh(translator, model);
        }
        if sees(Panel::Sticky) {
            self.sticky.refresh(translator);
        }
        if sees(Panel::Python) {
            self.python.refresh(translator, model);
        }
        if sees(Panel::Program) {
            self.program.refresh();
        }
        contacts.due()
    }

    /// Marks the message that is looked at in the conversation.
    fn show_selected(&self, selected: Option<u32>) {
        let before = self.selected.replace(selected);
        if before == selected {
            return;
        }
        let line = |id: u32| self.document.get_element_by_id(&message_id(id));
        if let Some(line) = before.and_then(line) {
            line.turn("aria-current", false);
        }
        if let Some(line) = selected.and_then(line) {
            line.set("aria-current", "true");
            line.come_into_sight();
        }
    }
}

/// A handler that changes something here, and has it shown.
fn changed(
    this: &Weak<SidePanels>,
    post: &Post<Msg>,
    change: impl Fn(&SidePanels) + 'static,
) -> impl Fn() + 'static {
    let (this, post) = (this.clone(), post.clone());
    move || {
        if let Some(this) = this.upgrade() {
            change(&this);
            post(PanelsMsg::Refreshed.into());
        }
    }
}

fn listen(
    document: &Document,
    book: &ContactsView,
    this: &Weak<SidePanels>,
    post: &Post<Msg>,
) -> [Listener; 8] {
    let searched = changed(this, post, |this| {
        this.contacts.borrow_mut().search(&this.book.search().value());
    });
    let scrolled = changed(this, post, |this| {
        this.contacts.borrow_mut().scroll(this.book.viewport());
    });
    let arrows = element(document, "arrows");
    let pointed = |event: &'static str| {
        let (this, post) = (this.clone(), post.clone());
        Listener::new(&arrows, event, move |event| {
            let arrow = closest(&event, "[data-arrow]");
            let arrow = arrow.and_then(|arrow| arrow.get_attribute("data-arrow")?.parse().ok());
            if let (Some(arrow), Some(this)) = (arrow, this.upgrade()) {
                this.sequence.point(arrow);
                post(PanelsMsg::Refreshed.into());
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
            post(match this.sticky.set() {
                true => LessonMsg::CharacterSplit.into(),
                false => PanelsMsg::Refreshed.into(),
            });
        }
    };
    let unfolded = {
        let this = this.clone();
        move |_| {
            if let Some(this) = this.upgrade() {
                this.python.show_own_server();
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
        Listener::new(&element(document, "own-server"), "toggle", unfolded),
    ]
}
