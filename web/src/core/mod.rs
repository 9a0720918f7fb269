//! Everything that needs no browser: it touches no document, no socket and no
//! clock.
//!
//! * What is typed: [`keyboard`], [`completion`], [`history`], [`hints`] (what is
//!   wrong and what comes next), [`highlight`] (the parts of a command).
//! * What is said: [`message`], [`bytes`] (a message as the wire has it),
//!   [`offline`] (the server in the page), [`sticky_lab`], [`python_export`].
//! * [`lesson`]: the steps, their goals, and how far a student is.
//! * [`book`]: the class's contacts and how a page keeps up with them.
//! * The network: [`connection`] and [`subscription`] (when to try again),
//!   [`liveness`] (half-open connections), [`version`] (a page older than its
//!   server), [`clock`] (time, passed in).
//! * [`samples`]: texts for the tests.
//! * [`i18n`], [`language`] and [`appearance`]: texts, language and color theme.

pub mod appearance;
pub mod book;
pub mod bytes;
pub mod clock;
pub mod completion;
pub mod connection;
pub mod highlight;
pub mod hints;
pub mod history;
pub mod i18n;
pub mod keyboard;
pub mod language;
pub mod lesson;
pub mod liveness;
pub mod message;
pub mod offline;
pub mod owner;
pub mod python_export;
pub mod samples;
pub mod sticky_lab;
pub mod subscription;
pub mod version;
