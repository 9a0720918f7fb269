//! What the view and the other models ask the conversation.

use protocol::command::Stage;
use web::core::connection::Connection;
use web::core::message::{Address, Mode};
use web::core::offline::LocalBook;

use super::{Conversation, Log, StatusBar};

impl Conversation {
    /// Where the connection stands.
    pub fn connection(&self) -> Connection {
        self.connection
    }

    /// Who answers.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Which student's server the page talks to; empty if it is the class's.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The class's server, as students call it.
    pub fn class_host(&self) -> &str {
        &self.host
    }

    /// Whom the page talks to.
    pub fn host(&self) -> &str {
        if self.server.is_empty() { &self.host } else { &self.server }
    }

    /// Where raw TCP clients connect: where the lesson says, until the server
    /// says it itself.
    pub fn tcp(&self) -> &Address {
        &self.tcp
    }

    /// How much of the lesson the one who answers speaks.
    pub fn stage(&self) -> Stage {
        match self.mode {
            Mode::Server => self.stage,
            Mode::Page => Stage::Contacts,
        }
    }

    /// Whether a message can be sent.
    pub fn can_send(&self) -> bool {
        self.connection == Connection::Open && self.leaving.is_none()
    }

    /// The messages and what happened to the connections.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The book of the page, where the page answers.
    pub fn own_book(&self) -> &LocalBook {
        self.offline.book()
    }

    /// Whether the page can be seen and a server has something to tell: one that has
    /// never answered has nothing, and one that was given up sends nothing.
    pub fn can_follow_class(&self) -> bool {
        self.hidden.is_none() && self.had_server && !self.is_unreachable
    }

    /// The same for the class's book.
    pub fn can_follow_book(&self) -> bool {
        self.can_follow_class() && self.mode == Mode::Server
    }

    /// Whether the frames can be known: nothing but the message is in them.
    pub fn knows_frames(&self) -> bool {
        !self.has_extension
    }

    /// The status bar above the input, `None` while there is a connection.
    pub fn status_bar(&self, now: u64) -> Option<StatusBar> {
        StatusBar::of(self.mode, self.connection, self.why, now)
    }
}
