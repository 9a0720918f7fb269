//! Whole visits played through, without a browser.

use web::core::appearance::Theme;
use web::core::connection::{CONNECT_TIMEOUT, Connection};
use web::core::i18n::files::assert_translated;
use web::core::i18n::{Text, TextKey};
use web::core::keyboard::Key;
use web::core::lesson::Step;
use web::core::liveness::{AWAY, LATE, SILENT, TIMEOUT};
use web::core::message::Mode;

use super::conversation::{EventKind, Message, StatusBar};
use super::panels::Selection;
use super::*;
use crate::panels::python::messages;
use crate::panels::sequence::Sequence;

mod class;
mod connection;
mod conversation;
mod homework;
mod input;
mod language;
mod lesson;
mod offline;
mod panels;

/// A page and the clock on the wall.
pub(crate) struct TestPage {
    pub model: Model,
    pub now: u64,
    /// How the server answers a liveness check: not at all, or at once and so.
    pub alive: Option<bool>,
    /// What was done since the last look.
    done: Vec<Effect>,
    /// The same for the class.
    class: Vec<ClassEffect>,
}

impl TestPage {
    pub fn opened() -> Self {
        Self::opened_with(Stored::default())
    }

    pub fn opened_with(stored: Stored<'_>) -> Self {
        let mut page = Self::loading(stored);
        page.happens(LanguageMsg::Fetched { found: true });
        page
    }

    /// A page without its texts.
    pub fn loading(stored: Stored<'_>) -> Self {
        let model = Model::new("127.0.0.1:8080", true, Language::English, stored);
        let mut page =
            TestPage { model, now: 1_000, alive: Some(true), done: Vec::new(), class: Vec::new() };
        page.happens(LanguageMsg::Opened);
        page
    }

    /// A page that no server has ever answered.
    pub fn alone() -> Self {
        let mut page = Self::opened();
        page.breaks().waits(500).breaks();
        page
    }

    pub fn connected() -> Self {
        let mut page = Self::opened();
        page.receives("Welcome!");
        page.done.clear();
        page
    }

    pub fn happens(&mut self, msg: impl Into<Msg>) -> &mut Self {
        let moment = Moment { millis: self.now, jitter: 0 };
        let effects = self.model.update(msg, moment);
        for effect in &effects {
            let Effect::Conversation(effect) = effect else { continue };
            let (ConversationEffect::Show(Message { opening: Some(note), .. })
            | ConversationEffect::Show(Message { correction: Some(note), .. })
            | ConversationEffect::Annotate { note, .. }) = effect
            else {
                continue;
            };
            assert_translated(note);
        }
        assert_translated(&self.model.hint().text);
        let checks = effects.contains(&ConversationEffect::CheckServer.into());
        for effect in effects {
            match effect {
                Effect::Class(effect) => self.class.push(effect),
                effect => self.done.push(effect),
            }
        }
        if let Some(alive) = self.alive.filter(|_| checks) {
            self.happens(ConversationMsg::ServerChecked { alive });
        }
        self
    }

    pub fn receives(&mut self, text: &str) -> &mut Self {
        self.happens(ConversationMsg::Received(text.to_string()))
    }

    pub fn types(&mut self, text: &str) -> &mut Self {
        self.happens(InputMsg::Typed { text: text.to_string(), composing: false })
    }

    pub fn presses(&mut self, key: Key) -> &mut Self {
        self.happens(InputMsg::KeyPressed { key, at_end: true, repeated: false })
    }

    pub fn sends(&mut self, text: &str) -> &mut Self {
        self.types(text).presses(Key::Enter)
    }

    pub fn breaks(&mut self) -> &mut Self {
        self.happens(ConversationMsg::Closed { code: 1006, reason: String::new() })
    }

    /// Lets time pass, waking the model whenever it asked for it.
    pub fn waits(&mut self, millis: u64) -> &mut Self {
        let end = self.now + millis;
        while let Some(wake) = self.model.next_wake(self.now).filter(|wake| self.now + wake <= end)
        {
            assert!(wake > 0, "the model asks to be woken again and again");
            self.now += wake;
            self.happens(ConversationMsg::TimerFired);
        }
        self.now = end;
        self
    }

    pub fn did(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.done)
    }

    pub fn transmitted(&mut self) -> Vec<String> {
        let sent = self.did().into_iter();
        sent.filter_map(|effect| match effect {
            Effect::Conversation(ConversationEffect::Send(text)) => Some(text),
            _ => None,
        })
        .collect()
    }

    /// The notes put at messages, with the id of each.
    pub fn noted(&mut self) -> Vec<(u32, TextKey)> {
        let done = self.did().into_iter();
        done.filter_map(|effect| match effect {
            Effect::Conversation(ConversationEffect::Annotate { id, note, .. }) => {
                Some((id, note.key))
            }
            _ => None,
        })
        .collect()
    }

    pub fn shown(&mut self) -> Vec<Message> {
        let done = self.did().into_iter();
        done.filter_map(|effect| match effect {
            Effect::Conversation(ConversationEffect::Show(message)) => Some(message),
            _ => None,
        })
        .collect()
    }
}
