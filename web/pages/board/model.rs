//! State of the board: what the server said last, whether it still says it, and what
//! of it is large: how to join, or how the class is doing.

use api::{Board, JoinAddress};
use web::core::appearance::Language;
use web::core::clock::{Moment, sooner};
use web::core::language::{LanguageEffect, LanguageModel, LanguageMsg, LanguageOutput};
use web::core::subscription::{StreamEvent, StreamRequest, Subscription};
use web::core::version::Comparison;

/// How long nobody new has to come before the class takes the place of how to join it,
/// in milliseconds: the time to take a phone out and point it at the code.
const CALM: u64 = 15_000;

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "most messages are boards; on 32 bits it is small enough"
)]
pub enum Msg {
    /// Something about language or theme.
    Language(LanguageMsg),
    /// The stream of boards brings something.
    Stream(StreamEvent<Board>),
    /// How the page compares with the one of the server that sent a board.
    Compared(Comparison),
    /// The network is back, or the page has come to the front.
    Returned,
    /// The time the model asked to be woken at has come.
    TimerFired,
    /// The button for how to join was pressed: large, or a strip.
    JoinTurned,
    /// The button for what to check when nobody gets in was pressed.
    HelpTurned,
    /// This one of several addresses was chosen.
    AddressChosen(usize),
    /// The titles of the lesson's steps, in the language of the page.
    Titled(Vec<String>),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Something about language or theme.
    Language(LanguageEffect),
    /// Open the stream of boards anew.
    OpenStream,
    /// Open the page anew under this query: the server has another version of it.
    Reopen(String),
}

/// Whether the board is as the class is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Nothing has come yet.
    Connecting,
    /// It is.
    Live,
    /// It was: the connection is gone.
    Lost,
}

impl Freshness {
    /// The `data-state` attribute.
    pub fn name(self) -> &'static str {
        match self {
            Freshness::Connecting => "connecting",
            Freshness::Live => "live",
            Freshness::Lost => "lost",
        }
    }
}

/// The state of the page.
#[derive(Debug)]
pub struct Model {
    language: LanguageModel,
    stream: Subscription,
    /// Whether the server has another version of the page, which a cache keeps back.
    is_stale: bool,
    board: Option<Board>,
    /// Whether how to join is large, once that was chosen by hand.
    chosen: Option<bool>,
    /// Whether it is large all the same while the teacher shows something.
    joins_meanwhile: bool,
    /// The most who were here at once, and since when.
    most: (u64, u64),
    /// Whether nobody new has come for a while.
    is_calm: bool,
    shows_help: bool,
    /// The address that was chosen among several.
    address: String,
    titles: Vec<String>,
}

impl Model {
    /// A page that has just been opened.
    pub fn new(language: Language) -> Self {
        let (language, stream) = (LanguageModel::new(language), Subscription::default());
        Model {
            language,
            stream,
            is_stale: false,
            board: None,
            chosen: None,
            joins_meanwhile: false,
            most: (0, 0),
            is_calm: false,
            shows_help: false,
            address: String::new(),
            titles: Vec::new(),
        }
    }

    /// Takes what happened and returns what to do, in order.
    pub fn update(&mut self, msg: Msg, moment: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        match msg {
            Msg::Language(msg) => {
                // What else comes of it concerns an input, and there is none.
                effects.extend(self.language.update(msg).into_iter().filter_map(|output| {
                    let LanguageOutput::Effect(effect) = output else { return None };
                    Some(Effect::Language(effect))
                }));
            }
            Msg::Stream(StreamEvent::Opened) => self.stream.opened(),
            Msg::Stream(StreamEvent::Interrupted { is_final }) => {
                self.stream.interrupted(is_final, moment);
            }
            Msg::Stream(StreamEvent::Message(board)) => {
                let here = board.pages + board.clients;
                if here > self.most.0 {
                    self.most = (here, moment.millis);
                }
                self.board = Some(board);
                self.joins_meanwhile &= self.shows_talk();
            }
            Msg::Compared(version) => {
                self.is_stale = version == Comparison::Stale;
                if let Comparison::Other(query) = version {
                    effects.push(Effect::Reopen(query));
                }
            }
            // The connection may only look open after a sleep, and a new one costs
            // a request.
            Msg::Returned => self.stream = Subscription::default(),
            Msg::TimerFired => {}
            Msg::JoinTurned if self.shows_talk() => self.joins_meanwhile = !self.joins_meanwhile,
            Msg::JoinTurned => self.chosen = Some(!self.joins()),
            Msg::HelpTurned => self.shows_help = !self.shows_help,
            Msg::Titled(titles) => self.titles = titles,
            Msg::AddressChosen(index) => {
                let address = self.board.as_ref().and_then(|board| board.addresses.get(index));
                self.address = address.map(|address| address.url.clone()).unwrap_or_default();
            }
        }
        self.is_calm |= self.calm().is_some_and(|due| due <= moment.millis);
        if let Some(StreamRequest::Open) = self.stream.next_request(true, moment.millis) {
            effects.push(Effect::OpenStream);
        }
        effects
    }

    /// How many milliseconds from now [`Msg::TimerFired`] is due, if at all.
    pub fn next_wake(&self, now: u64) -> Option<u64> {
        let calm = self.calm().filter(|_| !self.is_calm);
        sooner(self.stream.due(), calm).map(|due| due.saturating_sub(now))
    }

    /// When joining has calmed down, once somebody is there.
    fn calm(&self) -> Option<u64> {
        (self.most.0 > 0).then_some(self.most.1 + CALM)
    }

    /// Whether the teacher shows lines or somebody's conversation.
    fn shows_talk(&self) -> bool {
        let class = self.board.as_ref().map(|board| &board.class);
        class.is_some_and(|class| class.lines.is_some() || class.shown.is_some())
    }

    /// Whether how to join is large; else it is a strip. What the teacher shows is to be
    /// seen at once, and afterwards the board is as it was.
    pub fn joins(&self) -> bool {
        if self.shows_talk() { self.joins_meanwhile } else { self.chosen.unwrap_or(!self.is_calm) }
    }

    /// The titles of the lesson's steps, as far as they are known.
    pub fn titles(&self) -> &[String] {
        &self.titles
    }

    /// Whether to say what to check when nobody gets in.
    pub fn shows_help(&self) -> bool {
        self.shows_help
    }

    /// The address to show: the one that was chosen, as long as there is such a one,
    /// else the likeliest.
    pub fn address(&self) -> Option<&JoinAddress> {
        let addresses = &self.board.as_ref()?.addresses;
        let chosen = addresses.iter().find(|address| address.url == self.address);
        chosen.or(addresses.first())
    }

    /// Whether the page has texts to show.
    pub fn is_ready(&self) -> bool {
        self.language.is_ready()
    }

    /// What the server said last.
    pub fn board(&self) -> Option<&Board> {
        self.board.as_ref()
    }

    /// Whether the page is another version than the server's and stays so.
    pub fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// Whether it is so now.
    pub fn freshness(&self) -> Freshness {
        match self.board {
            None => Freshness::Connecting,
            Some(_) if self.stream.is_live() => Freshness::Live,
            Some(_) => Freshness::Lost,
        }
    }
}

/// An address as it is typed into a browser: without the scheme and the slash at the
/// end.
pub fn typed(url: &str) -> &str {
    let url = url.strip_prefix("http://").unwrap_or(url);
    url.strip_suffix('/').unwrap_or(url)
}

/// The port in an address of the page; HTTP's own where it has none.
pub fn page_port(typed: &str) -> &str {
    let port = typed.split('/').next().and_then(|host| host.rsplit_once(':'));
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    port.map(|(_, port)| port).filter(|port| is_port(port)).unwrap_or("80")
}

/// Whether only the server's own machine reaches an address.
pub fn is_loopback(host: &str) -> bool {
    host == "localhost" || host == "::1" || host.starts_with("127.")
}

/// The outline of a QR code's dark modules as the `d` of an SVG path, a module
/// being 1 wide and high: a rectangle for each run of them in a row.
pub fn outline(rows: &[String]) -> String {
    let mut path = String::new();
    for (y, row) in rows.iter().enumerate() {
        let mut x = 0;
        // A run ends where another module begins.
        for run in row.as_bytes().chunk_by(|left, right| left == right) {
            let width = run.len();
            if run[0] == b'1' {
                path.push_str(&format!("M{x} {y}h{width}v1h-{width}z"));
            }
            x += width;
        }
    }
    path
}

/// The bars of a graph of the last minute as the `d` of an SVG path: each rate is a line
/// up from the bottom of a field `height` high, every 4 of its width, and the highest
/// fills it.
pub fn bars(rates: &[u32], height: u32) -> String {
    let most = u64::from(rates.iter().copied().max().unwrap_or_default()).max(10);
    let mut path = String::new();
    for (index, &rate) in rates.iter().enumerate().filter(|(_, rate)| **rate > 0) {
        let up = (u64::from(rate) * u64::from(height)).div_ceil(most);
        path.push_str(&format!("M{} {height}v-{up}", index * 4 + 2));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(pages: u64) -> Board {
        let address = JoinAddress {
            interface: "wlan0".to_string(),
            url: "http://192.168.1.5:8080/".to_string(),
            host: "192.168.1.5".to_string(),
            port: 9999,
            qr: vec!["10".to_string(), "01".to_string()],
        };
        let program = Some("board-1a".to_string());
        Board {
            addresses: vec![address],
            pages,
            clients: 2,
            contacts: 17,
            program,
            class: Default::default(),
        }
    }

    fn at(millis: u64) -> Moment {
        Moment { millis, jitter: 0 }
    }

    #[test]
    fn the_page_s_port_is_read_from_its_address() {
        for (typed, port) in [
            ("192.168.50.1:8090", "8090"),
            ("[fe80::1]:8080/r/abc", "8080"),
            ("[fe80::1]", "80"),
            ("school.test/r/abc", "80"),
        ] {
            assert_eq!(page_port(typed), port, "{typed}");
        }
    }

    #[test]
    fn the_board_is_live_while_the_stream_is_and_opens_it_anew_when_it_is_refused() {
        let mut model = Model::new(Language::Chinese);
        let opened = model.update(Msg::Language(LanguageMsg::Opened), at(0));
        assert!(opened.contains(&Effect::OpenStream), "{opened:?}");
        assert_eq!(model.freshness(), Freshness::Connecting);
        assert_eq!(model.update(Msg::Stream(StreamEvent::Opened), at(10)), []);
        model.update(Msg::Stream(StreamEvent::Message(board(3))), at(20));
        assert_eq!((model.freshness(), model.board()), (Freshness::Live, Some(&board(3))));

        // A browser reconnects by itself after a break.
        let broken = Msg::Stream(StreamEvent::Interrupted { is_final: false });
        assert_eq!(model.update(broken, at(30)), []);
        assert_eq!(model.freshness(), Freshness::Lost);
        assert_eq!(model.board(), Some(&board(3)), "what was last known stays");
        model.update(Msg::Stream(StreamEvent::Opened), at(40));
        assert_eq!(model.freshness(), Freshness::Live);

        // And not after an answer that is no stream.
        let refused = Msg::Stream(StreamEvent::Interrupted { is_final: true });
        assert_eq!(model.update(refused, at(50)), []);
        let wake = model.next_wake(50).unwrap();
        assert_eq!(model.update(Msg::TimerFired, at(50 + wake)), [Effect::OpenStream]);
    }

    #[test]
    fn joining_is_large_until_nobody_new_comes_and_a_button_decides_otherwise() {
        let mut model = Model::new(Language::Chinese);
        let told = |model: &mut Model, pages, millis| {
            let mut board = board(pages);
            board.clients = 0;
            model.update(Msg::Stream(StreamEvent::Message(board)), at(millis));
        };
        told(&mut model, 0, 0);
        model.update(Msg::TimerFired, at(600_000));
        assert!(model.joins(), "nobody is there yet");
        told(&mut model, 1, 600_000);
        told(&mut model, 2, 600_000 + CALM - 1);
        model.update(Msg::TimerFired, at(600_000 + CALM));
        assert!(model.joins(), "they are still coming");
        let wake = model.next_wake(600_000 + CALM).unwrap();
        model.update(Msg::TimerFired, at(600_000 + CALM + wake));
        assert!(!model.joins());
        assert_eq!(model.next_wake(700_000), None);
        told(&mut model, 30, 700_000);
        assert!(!model.joins(), "it does not jump about");
        model.update(Msg::JoinTurned, at(700_001));
        assert!(model.joins());
        model.update(Msg::JoinTurned, at(700_002));
        assert!(!model.joins());
    }

    #[test]
    fn what_the_teacher_shows_takes_the_place_of_joining_as_long_as_it_is_shown() {
        let mut model = Model::new(Language::Chinese);
        let shows = |model: &mut Model, lines: bool, shown: bool| {
            let mut board = board(0);
            board.class.lines = lines.then(Vec::new);
            board.class.shown =
                shown.then(|| api::Shown { name: String::new(), lines: Vec::new() });
            model.update(Msg::Stream(StreamEvent::Message(board)), at(0));
        };
        let turn = |model: &mut Model| drop(model.update(Msg::JoinTurned, at(0)));
        for chosen in [None, Some(true)] {
            model.chosen = chosen;
            for (lines, shown) in [(true, false), (false, true), (true, true)] {
                shows(&mut model, lines, shown);
                assert!(!model.joins(), "{lines} {shown}");
                turn(&mut model);
                assert!(model.joins(), "somebody comes late");
                shows(&mut model, lines, shown);
                assert!(model.joins());
                turn(&mut model);
                assert!(!model.joins());
                turn(&mut model);
                shows(&mut model, false, false);
                assert!(model.joins(), "as it was");
            }
        }
        turn(&mut model);
        shows(&mut model, true, false);
        shows(&mut model, false, false);
        assert!(!model.joins(), "as it was");
    }

    #[test]
    fn an_address_that_was_chosen_is_shown_as_long_as_there_is_one() {
        let mut model = Model::new(Language::Chinese);
        let mut two = board(0);
        two.addresses
            .push(JoinAddress { url: "http://10.0.0.1/".into(), ..two.addresses[0].clone() });
        model.update(Msg::Stream(StreamEvent::Message(two)), at(0));
        assert_eq!(model.address().unwrap().host, "192.168.1.5");
        model.update(Msg::AddressChosen(1), at(0));
        assert_eq!(model.address().unwrap().url, "http://10.0.0.1/");
        model.update(Msg::Stream(StreamEvent::Message(board(0))), at(0));
        assert_eq!(model.address().unwrap().url, "http://192.168.1.5:8080/");
    }

    #[test]
    fn the_graph_has_a_bar_for_each_second_with_messages() {
        assert_eq!(bars(&[0, 20, 1], 40), "M6 40v-40M10 40v-2");
        assert_eq!(bars(&[5], 40), "M2 40v-20", "a few messages are not a full graph");
    }

    #[test]
    fn after_a_sleep_the_stream_is_opened_anew() {
        let mut model = Model::new(Language::English);
        model.update(Msg::Language(LanguageMsg::Opened), at(0));
        model.update(Msg::Stream(StreamEvent::Opened), at(10));
        assert_eq!(model.update(Msg::Returned, at(20)), [Effect::OpenStream]);
    }

    #[test]
    fn a_server_with_another_board_has_the_page_opened_anew() {
        let mut model = Model::new(Language::English);
        model.update(Msg::Language(LanguageMsg::Opened), at(0));
        assert_eq!(model.update(Msg::Compared(Comparison::Same), at(10)), []);
        let anew = "?board-2b".to_string();
        assert_eq!(
            model.update(Msg::Compared(Comparison::Other(anew.clone())), at(20)),
            [Effect::Reopen(anew)]
        );
        assert!(!model.is_stale());
        assert_eq!(model.update(Msg::Compared(Comparison::Stale), at(30)), []);
        assert!(model.is_stale());
    }

    #[test]
    fn an_address_is_shown_as_it_is_typed() {
        for (url, shown) in [
            ("http://192.168.1.5:8080/", "192.168.1.5:8080"),
            ("http://classroom.local/", "classroom.local"),
            ("http://[fe80::1]:8080/", "[fe80::1]:8080"),
            ("https://school.test/class/", "https://school.test/class"),
        ] {
            assert_eq!(typed(url), shown);
        }
        for (host, is_own) in
            [("127.0.0.1", true), ("::1", true), ("localhost", true), ("192.168.1.5", false)]
        {
            assert_eq!(is_loopback(host), is_own, "{host}");
        }
    }

    #[test]
    fn the_outline_covers_the_dark_modules_and_no_other() {
        let rows = ["1101", "0000", "0111"].map(String::from);
        assert_eq!(outline(&rows), "M0 0h2v1h-2zM3 0h1v1h-1zM1 2h3v1h-3z");
        assert_eq!(outline(&[]), "");
    }
}
