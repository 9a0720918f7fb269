//! The page as its own server, where no other answers.
//!
//! Nothing is imitated: the decoder, the commands and the answers are the
//! server's own. Only the network is missing, and the book is one student's and
//! lives as long as the page.

use protocol::{Decoder, Next, Replies, Stage, WELCOME, answer};

use crate::roster::Roster;

/// Answers a conversation as the server answers one over a WebSocket.
#[derive(Debug)]
pub struct Handler {
    decoder: Decoder,
    book: Roster,
}

impl Handler {
    /// A handler with an empty book.
    pub fn new(stage: Stage) -> Self {
        Handler { decoder: Decoder::new(stage), book: Roster::default() }
    }

    /// The book.
    pub fn book(&self) -> &Roster {
        &self.book
    }

    /// The book, to be searched.
    pub fn book_mut(&mut self) -> &mut Roster {
        &mut self.book
    }

    /// Begins a new conversation about the same book, and says what the
    /// server says first.
    pub fn greet(&mut self) -> String {
        self.decoder = Decoder::new(self.decoder.stage());
        WELCOME.to_string()
    }

    /// The replies to one message, and whether the conversation is over.
    pub fn answer(&mut self, text: &str) -> (Vec<String>, bool) {
        self.decoder.push(text.as_bytes());
        self.decoder.close();
        let mut replies = Replies::default();
        let next = answer(&mut self.decoder, &mut self.book, &mut replies, usize::MAX);
        self.decoder.compact();
        (replies.iter().map(str::to_string).collect(), next == Next::Close)
    }
}

#[cfg(test)]
mod tests {
    use transcripts::{Action, all};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[cfg_attr(target_arch = "wasm32", wasm_bindgen_test)]
    #[cfg_attr(not(target_arch = "wasm32"), test)]
    fn it_answers_the_transcripts_byte_for_byte() {
        let mut played = 0;
        for transcript in all().into_iter().filter(|transcript| !transcript.stream_only) {
            let mut handler = Handler::new(transcript.stage);
            assert_eq!(handler.greet(), WELCOME);
            for turn in &transcript.turns {
                let Action::Send(bytes) = &turn.action else { continue };
                // A browser sends text.
                let Ok(text) = str::from_utf8(bytes) else { break };
                let answered = handler.answer(text);
                assert_eq!(answered, (turn.replies(), turn.closed), "{}", transcript.name);
            }
            played += 1;
        }
        assert!(played > 20, "{played}");
    }

    #[test]
    fn the_book_outlives_a_conversation_and_an_unfinished_line_does_not() {
        let mut handler = Handler::new(Stage::Contacts);
        handler.greet();
        assert_eq!(handler.answer("add;a;1\nexit\nfind;a"), (vec!["a added!".to_string()], true));
        handler.greet();
        assert_eq!(handler.answer("find;a"), (vec!["1".to_string()], false));
    }
}
