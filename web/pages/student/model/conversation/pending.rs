//! Messages that wait for their replies, oldest first: replies come in the order
//! of the messages.

use protocol::Decoder;
use protocol::command::{Command, Stage};

/// A message that has not got all its replies.
#[derive(Debug)]
pub(super) struct PendingMessage {
    pub(super) id: u32,
    pub(super) text: String,
    /// The commands in it that still wait for a reply, in order: as many as it
    /// has lines. An `exit` waits for the end of the conversation.
    commands: Vec<String>,
    /// What has come so far.
    pub(super) replies: Vec<String>,
    pub(super) since: u64,
    /// Whether the student has been told that the reply is late.
    pub(super) is_noted: bool,
}

/// A reply that came, and what it belongs to.
#[derive(Debug)]
pub(super) struct Matched {
    /// The command it answers.
    pub(super) command: String,
    /// The message, if that was its last reply.
    pub(super) complete: Option<PendingMessage>,
}

/// What a message that is sent will bring.
#[derive(Debug)]
pub(super) struct Expected {
    /// Whether an `exit` is the last command in it.
    pub(super) exits: bool,
}

/// The messages of one conversation that wait. Hardly ever more than a few.
#[derive(Debug)]
pub(super) struct Pending {
    messages: Vec<PendingMessage>,
    /// Reads what is sent as the server does, to know which replies to expect.
    decoder: Decoder,
}

impl Default for Pending {
    fn default() -> Self {
        Pending { messages: Vec::new(), decoder: Decoder::new(Stage::Contacts) }
    }
}

impl Pending {
    /// A new connection: the server's decoder is a new one too.
    pub(super) fn reset_decoder(&mut self) {
        self.decoder = Decoder::new(Stage::Contacts);
    }

    /// A message is sent.
    pub(super) fn push(&mut self, id: u32, text: &str, now: u64) -> Expected {
        self.decoder.push(text.as_bytes());
        self.decoder.close();
        let mut commands = Vec::new();
        let mut exits = false;
        while !exits && let Some(message) = self.decoder.next_message() {
            // One that is too long to be kept is a mistake as the whole text.
            let command = message.text.unwrap_or(text);
            exits = matches!(Command::parse(command, Stage::Contacts), Ok(Command::Exit));
            commands.push(command.to_string());
        }
        self.decoder.compact();
        if !commands.is_empty() {
            self.messages.push(PendingMessage {
                id,
                text: text.to_string(),
                commands,
                replies: Vec::new(),
                since: now,
                is_noted: false,
            });
        }
        Expected { exits }
    }

    /// A reply has come: to the oldest command, if there is one.
    pub(super) fn reply(&mut self, text: &str) -> Option<Matched> {
        let oldest = self.messages.first_mut()?;
        let command = oldest.commands.remove(0);
        oldest.replies.push(text.to_string());
        let is_complete = oldest.commands.is_empty();
        let complete = is_complete.then(|| self.messages.remove(0));
        Some(Matched { command, complete })
    }

    /// No more replies will come.
    pub(super) fn take(&mut self) -> Vec<PendingMessage> {
        std::mem::take(&mut self.messages)
    }

    /// Since when the oldest one waits.
    pub(super) fn oldest_since(&self) -> Option<u64> {
        self.messages.first().map(|message| message.since)
    }

    /// When the next reply becomes late that is not noted as such.
    pub(super) fn next_late(&self, timeout: u64) -> Option<u64> {
        let message = self.messages.iter().find(|message| !message.is_noted)?;
        Some(message.since + timeout)
    }

    /// Marks those that wait for `timeout` as noted and returns their ids.
    pub(super) fn note_late(&mut self, timeout: u64, now: u64) -> Vec<u32> {
        let fresh = self.messages.iter_mut().filter(|message| !message.is_noted);
        let late = fresh.take_while(|message| message.since + timeout <= now);
        late.map(|message| {
            message.is_noted = true;
            message.id
        })
        .collect()
    }
}
