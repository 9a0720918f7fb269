//! What the page is shown of a student's homework, in its language.

use std::sync::Arc;

use api::{CheckedBytes, CheckedCharacter, Homework, HomeworkCheck};
use protocol::escape::Escaped;
use protocol::homework::checks::CHECKS;
use protocol::homework::words::{self, Language};
use protocol::homework::{CheckName, Exchange, Finding, Stage, State};

use crate::relay::own_client::OwnClient;

/// Bytes shown of one message. The longest command of the lesson has 102.
const SHOWN: usize = 128;

/// How far a student is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// Whether a `check.py` is connected.
    pub(crate) has_relay: bool,
    /// Whether the checks are being carried out.
    pub(crate) is_running: bool,
    /// Whether all required checks were passed, in this run or an earlier one.
    pub(crate) passed: bool,
    /// The checks of the last run; none before the first.
    pub(crate) stages: Arc<[Stage]>,
    /// The port of the student's server.
    pub(crate) port: u16,
    /// What the student's own client has said to the classroom.
    pub(crate) client: OwnClient,
    /// What the page is shown of a `check.py` at another server of the class: while one is
    /// connected there and none here, or as long as nothing was checked here.
    pub(crate) elsewhere: Option<Homework>,
}

impl Progress {
    /// As the page reads it.
    pub(crate) fn told(&self, code: &str, language: Language) -> Homework {
        let counts =
            |elsewhere: &&Homework| !self.has_relay && (elsewhere.relay || self.stages.is_empty());
        let elsewhere = self.elsewhere.as_ref().filter(counts).cloned();
        let mut homework = elsewhere.unwrap_or_else(|| self.checked(language));
        homework.checks.push(self.client.told(language));
        Homework { code: code.to_owned(), ..homework }
    }

    /// The same without the code and the student's own client.
    fn checked(&self, language: Language) -> Homework {
        let checks = match self.stages.is_empty() {
            true => CHECKS.iter().map(|c| waiting(c.name, c.required, language)).collect(),
            false => self.stages.iter().map(|stage| told(stage, self.port, language)).collect(),
        };
        Homework {
            code: String::new(),
            relay: self.has_relay,
            running: self.is_running,
            passed: self.passed,
            summary: self.summary(language),
            checks,
        }
    }

    /// What a page at another server is to be shown: nothing before a `check.py` was
    /// connected here.
    pub(crate) fn shown_elsewhere(&self, language: Language) -> Option<Homework> {
        let was_connected = self.has_relay || !self.stages.is_empty();
        was_connected.then(|| self.checked(language))
    }

    /// What stands above the checks, so that a failure far down is in sight.
    fn summary(&self, language: Language) -> String {
        let Some((passed, required, ..)) = self.result() else { return String::new() };
        let failed = |stage: &&Stage| stage.required && stage.state == State::Failed;
        let score = match language {
            Language::Chinese => format!("{passed} / {required} 项通过"),
            Language::English => format!("{passed} / {required} passed"),
        };
        let Some(first) = self.stages.iter().find(failed) else { return score };
        let HomeworkCheck { title, text, .. } = told(first, self.port, language);
        let text = text.unwrap_or_default();
        match language {
            Language::Chinese => format!("{score}。先看“{title}”：{text}"),
            Language::English => format!("{score}. Look at “{title}” first: {text}"),
        }
    }

    /// What became of each check, in their order, as [`api::Person::checks`] has it.
    fn states(&self) -> String {
        self.stages.iter().map(|stage| stage.state.letter()).collect()
    }

    /// How many required checks were passed, how many there are, and whether the homework
    /// was done; and what became of each check. Nothing before the first run.
    pub(crate) fn result(&self) -> Option<(u8, u8, bool, String)> {
        let required: Vec<_> = self.stages.iter().filter(|stage| stage.required).collect();
        let passed = required.iter().filter(|stage| stage.state.is_passed());
        let count = |n: usize| u8::try_from(n).unwrap_or(u8::MAX);
        let result = (count(passed.count()), count(required.len()), self.passed, self.states());
        (!required.is_empty()).then_some(result)
    }

    /// As before the first run; what is connected stays so.
    pub(crate) fn forget(&mut self) {
        *self = Progress { has_relay: self.has_relay, port: self.port, ..Progress::default() };
    }

    /// What was sent and received for a check, as bytes.
    pub(crate) fn details(&self, check: &str, language: Language) -> Vec<CheckedBytes> {
        if check == OwnClient::NAME {
            return exchanged(&self.client.exchanges(), language);
        }
        let stage = self.stages.iter().find(|stage| stage.name.word() == check);
        stage.map(|stage| details(stage, language)).unwrap_or_default()
    }
}

/// What a check is about, and whether it is an extra.
fn title(name: CheckName, required: bool, language: Language) -> String {
    let extra = if required { "" } else { pick(language, "（附加）", " (extra)") };
    words::title(name, language).to_owned() + extra
}

/// A line for the terminal of `check.py`: what became of a check.
pub(crate) fn line(stage: &Stage, port: u16, language: Language) -> String {
    let mark = match stage.state {
        State::Passed => "[ok]",
        State::Note => "[ok *]",
        State::Failed if stage.required => "[x]",
        State::Failed => "[!]",
        State::Skipped | State::Waiting | State::Running => "[-]",
    };
    let told = told(stage, port, language);
    let mut line = format!("{mark} {}", told.title);
    for text in [told.text, told.line].into_iter().flatten() {
        line += &format!("\n     {text}");
    }
    line
}

/// The last line of a run for the terminal of `check.py`.
pub(crate) fn last_line(passed: bool, has_file: bool, language: Language) -> &'static str {
    match (language, passed, has_file) {
        (Language::Chinese, true, _) => "通过了！作业完成。",
        (Language::Chinese, false, true) => "还没有通过。改好，存盘，就会再查一次。",
        (Language::Chinese, false, false) => {
            "还没有通过。改好，重新启动你的服务器，再点网页上的“再查一次”。"
        }
        (Language::English, true, _) => "Passed: the homework is done.",
        (Language::English, false, true) => "Not yet. Change it and save: it is checked again.",
        (Language::English, false, false) => {
            "Not yet. Change it, start your server again, and press Check again on the page."
        }
    }
}

fn waiting(name: CheckName, required: bool, language: Language) -> HomeworkCheck {
    HomeworkCheck {
        name: name.word().to_owned(),
        title: title(name, required, language),
        state: State::Waiting.word().to_owned(),
        extra: !required,
        text: None,
        line: None,
    }
}

fn told(stage: &Stage, port: u16, language: Language) -> HomeworkCheck {
    let finding = stage.finding.as_ref();
    let line = finding.and_then(|finding| finding.line.as_ref());
    HomeworkCheck {
        name: stage.name.word().to_owned(),
        title: title(stage.name, stage.required, language),
        state: stage.state.word().to_owned(),
        extra: !stage.required,
        text: finding.map(|finding| words::verdict(finding, port, language)),
        line: line.map(|line| format!("{}  {}", line.number, Escaped(line.text.trim()))),
    }
}

fn details(stage: &Stage, language: Language) -> Vec<CheckedBytes> {
    let mut rows = exchanged(&stage.exchanges, language);
    if let Some(Finding { expected: Some(expected), actual, .. }) = &stage.finding {
        rows.push(row(pick(language, "应该收到", "should come"), "", expected.as_bytes(), None));
        let actual = actual.as_deref().unwrap_or_default();
        let same = expected.bytes().zip(actual).take_while(|(one, other)| one == *other).count();
        rows.push(row(pick(language, "实际收到", "came"), "recv", actual, Some(same)));
    }
    rows
}

/// What was sent, and what each `recv` brought.
fn exchanged(exchanges: &[Exchange], language: Language) -> Vec<CheckedBytes> {
    let mut rows = Vec::new();
    for exchange in exchanges {
        if !exchange.sent.is_empty() {
            rows.push(row(pick(language, "发出", "sent"), "sent", &exchange.sent, None));
        }
        for (index, chunk) in exchange.chunks.iter().enumerate() {
            let nth = index + 1;
            let title = match language {
                Language::Chinese => format!("第 {nth} 次 recv"),
                Language::English => format!("recv {nth}"),
            };
            rows.push(row(&title, "recv", chunk, None));
        }
    }
    rows
}

fn row(title: &str, class: &str, bytes: &[u8], wrong: Option<usize>) -> CheckedBytes {
    let title = format!("{title} · {} B", bytes.len());
    CheckedBytes { title, class: class.to_owned(), bytes: characters(bytes, wrong) }
}

fn pick(language: Language, chinese: &'static str, english: &'static str) -> &'static str {
    match language {
        Language::Chinese => chinese,
        Language::English => english,
    }
}

/// Bytes as characters, each with its bytes in hexadecimal. What is no UTF-8 has a
/// `?` for each byte. `wrong` is where the first difference is.
fn characters(bytes: &[u8], wrong: Option<usize>) -> Vec<CheckedCharacter> {
    let bytes = &bytes[..bytes.len().min(SHOWN)];
    let mut characters = Vec::new();
    let mut at = 0;
    let mut push = |shown: String, own: &[u8]| {
        let is_wrong = wrong.is_some_and(|wrong| (at..at + own.len()).contains(&wrong));
        at += own.len();
        let hex: Vec<_> = own.iter().map(|byte| format!("{byte:02X}")).collect();
        characters.push(CheckedCharacter { shown, hex: hex.join(" "), wrong: is_wrong });
    };
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            let shown = match character {
                ' ' => "·".to_owned(),
                _ => Escaped(character.encode_utf8(&mut [0; 4])).to_string(),
            };
            push(shown, character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        for byte in chunk.invalid() {
            push("?".to_owned(), &[*byte]);
        }
    }
    if wrong.is_some_and(|wrong| wrong >= at) {
        // It ends too early: the difference is behind it, one cell without a byte.
        let (shown, hex) = (" ".to_owned(), String::new());
        characters.push(CheckedCharacter { shown, hex, wrong: true });
    }
    characters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_different_byte_is_in_the_character_that_is_marked() {
        let marked = |bytes: &[u8], wrong| {
            let characters = characters(bytes, Some(wrong));
            characters.iter().position(|character| character.wrong)
        };
        assert_eq!(marked("张三 a".as_bytes(), 0), Some(0));
        assert_eq!(marked("张三 a".as_bytes(), 5), Some(1));
        assert_eq!(marked("张三 a".as_bytes(), 7), Some(3));
        assert_eq!(marked("张三 a".as_bytes(), 8), Some(4), "it ends too early");
        assert_eq!(marked(b"", 0), Some(0));
        // The page draws a cell for each word of it.
        assert_eq!(characters(b"", Some(0))[0].hex.split(' ').count(), 1);
        let gbk = characters(b"\xd5\xc5!", None);
        let shown: Vec<_> = gbk.iter().map(|c| (&*c.shown, &*c.hex)).collect();
        assert_eq!(shown, [("?", "D5"), ("?", "C5"), ("!", "21")]);
        assert_eq!(characters(&[b'x'; 1000], None).len(), SHOWN);
    }

    #[test]
    fn what_a_server_sent_is_escaped() {
        let shown = characters("\n\u{1b}\u{202e} ".as_bytes(), None);
        let shown: Vec<_> = shown.iter().map(|character| &*character.shown).collect();
        assert_eq!(shown, ["\\n", "<U+001B>", "<U+202E>", "·"]);
    }
}
