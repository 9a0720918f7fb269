//! A page's program, and the update loop with its queue of messages.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use web_sys::Document;

/// Where messages go. The answer is whether the browser must do nothing more with
/// the event behind the message.
pub type Post<M> = Rc<dyn Fn(M) -> bool>;

/// What a page consists of: a model, and what carries out its effects.
pub trait Program: Sized + 'static {
    /// What can happen on the page.
    type Msg: 'static;

    /// Takes over the document. Nothing is handled that is posted meanwhile.
    fn open(document: Document, post: Post<Self::Msg>) -> Self;

    /// The messages to begin with.
    fn first_messages(&self) -> Vec<Self::Msg>;

    /// Carries out one message. Returns whether the browser must do nothing more
    /// with the event behind it.
    fn handle(&self, msg: Self::Msg) -> bool;
}

/// A program that runs. Dropping it ends the program: its connections are closed
/// and its listeners removed.
pub struct UpdateLoop<P: Program> {
    program: P,
    /// Messages in order. One that is posted while another is carried out waits
    /// for its end, so that no handler meets a model that is in use.
    queue: RefCell<VecDeque<P::Msg>>,
    is_running: Cell<bool>,
}

impl<P: Program> UpdateLoop<P> {
    /// Opens the program in a document.
    pub fn open(document: Document) -> Rc<Self> {
        let this = Rc::new_cyclic(|this: &std::rc::Weak<Self>| {
            let this = this.clone();
            let post = move |msg| this.upgrade().is_some_and(|this| this.post(msg));
            UpdateLoop {
                program: P::open(document, Rc::new(post)),
                queue: RefCell::default(),
                is_running: Cell::new(false),
            }
        });
        for msg in this.program.first_messages() {
            this.post(msg);
        }
        this
    }

    /// Carries out a message and all that are posted meanwhile.
    fn post(&self, msg: P::Msg) -> bool {
        self.queue.borrow_mut().push_back(msg);
        if self.is_running.replace(true) {
            return false;
        }
        let mut prevents_default = false;
        loop {
            let next = self.queue.borrow_mut().pop_front();
            let Some(msg) = next else { break };
            prevents_default |= self.program.handle(msg);
        }
        self.is_running.set(false);
        prevents_default
    }
}

thread_local! {
    /// The program owns its listeners, its sockets and its timers; this owns the
    /// program, for as long as the document lives.
    static RUNNING: RefCell<Option<Rc<dyn Any>>> = const { RefCell::new(None) };
}

/// Runs a program for as long as the document lives.
pub fn run<P: Program>() {
    let window = web_sys::window().expect("the program is loaded by a page");
    let document = window.document().expect("a page has a document");
    let running = UpdateLoop::<P>::open(document);
    RUNNING.with(|kept| kept.replace(Some(running)));
}
