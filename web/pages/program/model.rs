//! The state of the panel, and what is to be done about what happens. Pure.

use api::{ClassServer, Servers};

use crate::console::{Console, Stream};
use crate::editing::words;
use crate::explain::{Explained, explain};

/// The programs, each a file of its own: the name, and whether the server has a text
/// to begin from.
pub const FILES: [(&str, bool); 5] = [
    ("program.py", false),
    ("server.py", true),
    ("server2.py", true),
    ("client.py", true),
    ("client2.py", true),
];

/// What the page does, as `data-state` has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing was run yet.
    #[default]
    Idle,
    /// The interpreter is being loaded.
    Loading,
    /// A program runs.
    Running,
    /// The last one has ended or was stopped.
    Ended,
    /// The last one has ended with an error, or there is no interpreter.
    Failed,
}

impl State {
    /// The value of `data-state`.
    pub fn name(self) -> &'static str {
        match self {
            State::Idle => "idle",
            State::Loading => "loading",
            State::Running => "running",
            State::Ended => "ended",
            State::Failed => "failed",
        }
    }
}

/// What a program is run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To run it.
    Run,
    /// To check the homework.
    Check,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// The panel is open, and this file was so last.
    Opened(String),
    /// A file was chosen.
    Chosen(String),
    /// The file is to be as it was at first.
    Restored,
    /// The server's text for a file came, or not.
    Example(String, Option<String>),
    /// *run* or *check* was pressed.
    Pressed(Purpose),
    /// *stop* was pressed.
    Stopped,
    /// So much of the interpreter is loaded, from 0 to 1.
    Progress(f64),
    /// The interpreter is there, or cannot be had.
    Loaded(Result<(), Missing>),
    /// The time to ask again for one that is being built.
    LoadDue,
    /// The server has a session for the program, or has none to give.
    Session(bool),
    /// The worker tells something: the kind, and what belongs to it.
    Told(Vec<String>),
    /// The worker is broken.
    Broken(String),
    /// A line was typed for the program.
    Typed(String),
    /// The time to look again.
    Ticked,
    /// The server is to hear that the page is still there.
    AliveDue,
    /// The time to ask which servers of the class run.
    ServersDue,
    /// The server tells which.
    ServersTold(Servers),
    /// Texts came, in a language.
    Translated,
}

/// Why there is no interpreter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The server was built without it.
    NotBuilt,
    /// It is being built just now.
    Coming,
    /// It could not be loaded, or the browser cannot run it.
    NotLoaded,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Put the stored text of a file into the editor; where there is none, an empty
    /// one, and ask the server for one if it has it.
    Open(&'static str),
    /// Ask the server for its text of a file.
    FetchExample(&'static str),
    /// Put a text into the editor and store it.
    Replace(String),
    /// Load the interpreter.
    Load,
    /// Do so in a while.
    LoadLater,
    /// Ask the server for a session.
    OpenSession,
    /// Start a program of the editor's text.
    Start(Purpose),
    /// Tell the server that the page is still there.
    SayAlive,
    /// Ask the server which servers of the class run, and again in a while.
    AskForServers,
    /// End the worker.
    Terminate,
    /// Have the server close what the program left open.
    EndSession,
    /// Send a line to the program.
    SendLine(String),
    /// Put the cursor into the field for a line.
    FocusLine,
    /// Tell the server what became of the checks: of each in its order the letter of its
    /// state.
    Report(String),
    /// Tell the student's page that the homework is done.
    TellPage,
}

/// What became of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: String,
    /// What it is about.
    pub title: String,
    /// Why it is not passed.
    pub text: String,
    /// The line of the program that it is about.
    pub line: String,
}

/// The panel's state.
#[derive(Debug, Default)]
pub struct Model {
    state: State,
    file: usize,
    purpose: Option<Purpose>,
    is_loaded: bool,
    progress: Option<f64>,
    missing: Option<Missing>,
    /// Where the program listens for neighbours.
    address: Option<String>,
    /// The servers of the class, as last told.
    servers: Servers,
    /// Whether the program waits for a line.
    asks: bool,
    was_stopped: bool,
    console: Console,
    checks: Vec<Check>,
    passed: Option<bool>,
    explained: Option<Explained>,
}

impl Model {
    /// The state, for `data-state`.
    pub fn state(&self) -> State {
        self.state
    }

    /// The file in the editor.
    pub fn file(&self) -> &'static str {
        FILES[self.file].0
    }

    /// How much of the interpreter is loaded, while it is.
    pub fn progress(&self) -> Option<f64> {
        self.progress.filter(|_| self.state == State::Loading && self.missing.is_none())
    }

    /// Where neighbours reach the program.
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    /// The key of the sentence about who reaches the program there.
    pub fn address_text(&self) -> &'static str {
        // What listens on the server's computer alone is on another one for most pages.
        let is_alone = self.address().is_some_and(|address| address.starts_with("127.0.0.1:"));
        match (is_alone, self.servers.network, self.servers.open) {
            (false, ..) => "address",
            (true, false, _) => "address-here",
            (true, true, false) => "address-closed",
            // It began to listen before the teacher let others in.
            (true, true, true) => "address-pages",
        }
    }

    /// The servers of others that the page may talk to.
    pub fn servers(&self) -> &[ClassServer] {
        &self.servers.servers
    }

    /// Whether the program waits for a line.
    pub fn asks(&self) -> bool {
        self.asks
    }

    /// What was printed.
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// What became of the checks.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The error of the last program.
    pub fn explained(&self) -> Option<&Explained> {
        self.explained.as_ref()
    }

    /// The key of the sentence about the state.
    pub fn status(&self) -> &'static str {
        match (self.state, self.missing, self.passed) {
            (State::Failed, Some(Missing::NotBuilt), _) => "state-without",
            (State::Loading, Some(Missing::Coming), _) => "state-coming",
            (State::Failed, Some(Missing::NotLoaded), _) => "state-not-loaded",
            (State::Ended, _, Some(true)) => "state-passed",
            (State::Failed, _, Some(false)) => "state-not-passed",
            (State::Idle, ..) => "state-idle",
            (State::Loading, ..) => "state-loading",
            (State::Running, ..) if self.purpose == Some(Purpose::Check) => "state-checking",
            (State::Running, ..) if self.asks => "state-asks",
            (State::Running, ..) => "state-running",
            (State::Ended, ..) if self.was_stopped => "state-stopped",
            (State::Ended, ..) => "state-ended",
            (State::Failed, ..) => "state-failed",
        }
    }

    /// Takes what happened and returns what to do, in order.
    pub fn update(&mut self, msg: Msg) -> Vec<Effect> {
        match msg {
            Msg::Opened(name) => {
                self.choose(&name);
                vec![Effect::Open(self.file()), Effect::AskForServers]
            }
            Msg::ServersDue => vec![Effect::AskForServers],
            Msg::ServersTold(servers) => {
                self.servers = servers;
                Vec::new()
            }
            Msg::Chosen(name) => {
                self.choose(&name);
                self.explained = None;
                vec![Effect::Open(self.file())]
            }
            Msg::Restored => match FILES[self.file] {
                (file, true) => vec![Effect::FetchExample(file)],
                (_, false) => vec![Effect::Replace(String::new())],
            },
            Msg::Example(file, text) => match text {
                Some(text) if file == self.file() => vec![Effect::Replace(text)],
                _ => Vec::new(),
            },
            Msg::Pressed(purpose) => self.begin(purpose),
            Msg::Stopped => self.stop(),
            Msg::Progress(loaded) => {
                (self.progress, self.missing) = (Some(loaded), None);
                Vec::new()
            }
            Msg::Loaded(loaded) => self.go_on(loaded),
            Msg::LoadDue => match (self.state, self.missing) {
                (State::Loading, Some(Missing::Coming)) => vec![Effect::Load],
                _ => Vec::new(),
            },
            // Without a session it runs without a network, and says so when it needs one.
            Msg::Session(_) => match self.state {
                State::Running => vec![Effect::Start(Purpose::Run)],
                _ => Vec::new(),
            },
            Msg::Told(words) => self.hear(&words),
            Msg::Broken(text) => {
                self.console.print(Stream::Err, &format!("{text}\n"));
                self.end(State::Failed)
            }
            Msg::Typed(line) => {
                if !self.asks {
                    return Vec::new();
                }
                self.asks = false;
                self.console.print(Stream::In, &format!("{line}\n"));
                vec![Effect::SendLine(line)]
            }
            Msg::AliveDue => match (self.state, self.purpose) {
                (State::Running, Some(Purpose::Run)) => vec![Effect::SayAlive],
                _ => Vec::new(),
            },
            Msg::Ticked | Msg::Translated => Vec::new(),
        }
    }

    fn choose(&mut self, name: &str) {
        self.file = FILES.iter().position(|(file, _)| *file == name).unwrap_or(0);
    }

    fn begin(&mut self, purpose: Purpose) -> Vec<Effect> {
        if matches!(self.state, State::Loading | State::Running) {
            return Vec::new();
        }
        self.purpose = Some(purpose);
        self.console.clear();
        self.checks.clear();
        (self.passed, self.explained, self.missing, self.address) = (None, None, None, None);
        (self.asks, self.was_stopped) = (false, false);
        if self.is_loaded {
            return self.go_on(Ok(()));
        }
        self.state = State::Loading;
        self.progress = Some(0.0);
        vec![Effect::Load]
    }

    fn go_on(&mut self, loaded: Result<(), Missing>) -> Vec<Effect> {
        if let Err(missing) = loaded {
            self.missing = Some(missing);
            if missing == Missing::Coming && self.state == State::Loading {
                return vec![Effect::LoadLater];
            }
            self.state = State::Failed;
            return Vec::new();
        }
        self.is_loaded = true;
        let Some(purpose) = self.purpose else { return Vec::new() };
        self.state = State::Running;
        match purpose {
            Purpose::Run => vec![Effect::OpenSession],
            Purpose::Check => vec![Effect::Start(Purpose::Check)],
        }
    }

    fn stop(&mut self) -> Vec<Effect> {
        match self.state {
            State::Running => {
                self.was_stopped = true;
                self.end(State::Ended)
            }
            State::Loading => {
                // What is loaded is kept; only nothing is started.
                self.purpose = None;
                self.was_stopped = true;
                self.state = State::Ended;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn end(&mut self, state: State) -> Vec<Effect> {
        if self.state != State::Running {
            return Vec::new();
        }
        self.state = state;
        (self.asks, self.address) = (false, None);
        if self.purpose == Some(Purpose::Run) {
            self.explained = explain(&self.console.errors(), self.file());
            return vec![Effect::Terminate, Effect::EndSession];
        }
        // A check explains itself, and what is beyond the homework marks no line.
        if self.passed == Some(false) {
            let failed = self.checks.iter().find(|check| check.state == "failed");
            let line = failed.and_then(|check| check.line.parse().ok());
            self.explained = line.map(|line| Explained { key: None, line: Some(line) });
        }
        vec![Effect::Terminate]
    }

    fn hear(&mut self, words: &[String]) -> Vec<Effect> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["stdout", text] => self.console.print(Stream::Out, text),
            ["stderr", text] => self.console.print(Stream::Err, text),
            ["input"] if !self.asks => {
                self.asks = true;
                return vec![Effect::FocusLine];
            }
            ["address", address] => self.address = Some(address.to_owned()),
            ["check", name, state, title, text, line] => self.checks.push(Check {
                name: name.to_owned(),
                state: state.to_owned(),
                title: title.to_owned(),
                text: text.to_owned(),
                line: line.to_owned(),
            }),
            ["ended", code] => {
                let is_good = code == "0";
                let mut effects = Vec::new();
                if self.purpose == Some(Purpose::Check) {
                    self.passed = Some(is_good);
                    let states = self.checks.iter().filter_map(|check| check.state.chars().next());
                    effects.push(Effect::Report(states.collect()));
                    effects.extend(is_good.then_some(Effect::TellPage));
                }
                effects.extend(self.end(if is_good { State::Ended } else { State::Failed }));
                return effects;
            }
            ["broken", text] => return self.update(Msg::Broken(text.to_owned())),
            _ => {}
        }
        Vec::new()
    }
}

/// What a worker is told about a program.
pub fn arguments(line: &str) -> Vec<String> {
    words(line)
}

#[cfg(test)]
mod tests;
