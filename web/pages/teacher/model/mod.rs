//! State of the teacher's page: whether it is let in, what the class is like, and what
//! was clicked.

pub mod people;

use api::{Act, Action, JournalEntry, Lead, People, Person};
use web::core::appearance::Language;
use web::core::clock::{Moment, sooner};
use web::core::language::{LanguageEffect, LanguageModel, LanguageMsg, LanguageOutput};
use web::core::subscription::{StreamEvent, StreamRequest, Subscription};
use web::core::version::Comparison;

use self::people::{Roll, Sort};

/// How many entries of the journal are kept: as many as the server keeps.
const JOURNAL: usize = 500;

/// How long the button that ends the lesson waits for its second click, in
/// milliseconds: time to read what it asks.
const CONFIRMATION: u64 = 8_000;

/// How often the times of the list are looked at, in milliseconds. They go by tens of
/// seconds.
const TICK: u64 = 5_000;

/// What the stream brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// What is switched.
    Lead(Box<Lead>),
    /// Changes of the list of people.
    People(People),
    /// What was done.
    Journal(Vec<JournalEntry>),
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Msg {
    /// Something about language or theme.
    Language(LanguageMsg),
    /// The server answered whether the page is let in: an HTTP status, 0 without one.
    LetIn(u16),
    /// The stream brings something.
    Stream(StreamEvent<Told>),
    /// How the page compares with the server's.
    Compared(Comparison),
    /// The network is back, or the page has come to the front.
    Returned,
    /// The time the model asked to be woken at has come.
    TimerFired,
    /// The titles of the lesson's steps, in the language of the page.
    Titled(Vec<String>),
    /// Something is to be done.
    Clicked(Act),
    /// The server did it, or says why not.
    Done(Option<String>),
    /// Who stored a contact: nobody is known if there is none.
    Author(Option<Person>),
    /// Who stored this contact is asked.
    AuthorAsked(String),
    /// Only those rows are looked for.
    Filtered(String),
    /// The rows are to be in this order.
    Sorted(Sort),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Something about language or theme.
    Language(LanguageEffect),
    /// Ask to be let in.
    LetIn,
    /// Open the stream anew.
    OpenStream,
    /// Have the server do it.
    Act(Act),
    /// Ask who stored a contact.
    AskAuthor(String),
    /// Open the page anew under this query.
    Reopen(String),
}

/// Whether the page may be here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Not known yet.
    Asking,
    /// It may.
    Granted,
    /// It has no token, or a wrong one.
    Denied,
    /// Too many wrong tokens came from this address: after a minute it may try again.
    Wait,
}

/// The state of the page.
#[derive(Debug)]
pub struct Model {
    language: LanguageModel,
    stream: Subscription,
    access: Access,
    lead: Option<Lead>,
    /// When that was said.
    told_at: u64,
    roll: Roll,
    journal: Vec<JournalEntry>,
    titles: Vec<String>,
    filter: String,
    sort: Sort,
    /// Until when a second click ends the lesson.
    confirms_until: Option<u64>,
    refusal: Option<String>,
    author: Option<Option<Person>>,
}

impl Model {
    /// A page that has just been opened.
    pub fn new(language: Language) -> Self {
        Model {
            language: LanguageModel::new(language),
            stream: Subscription::default(),
            access: Access::Asking,
            lead: None,
            told_at: 0,
            roll: Roll::default(),
            journal: Vec::new(),
            titles: Vec::new(),
            filter: "all".to_string(),
            sort: Sort::default(),
            confirms_until: None,
            refusal: None,
            author: None,
        }
    }

    /// Takes what happened and returns what to do, in order.
    pub fn update(&mut self, msg: Msg, moment: Moment) -> Vec<Effect> {
        let now = moment.millis;
        let mut effects = Vec::new();
        match msg {
            Msg::Language(msg) => {
                effects.extend(self.language.update(msg).into_iter().filter_map(|output| {
                    let LanguageOutput::Effect(effect) = output else { return None };
                    Some(Effect::Language(effect))
                }));
            }
            Msg::LetIn(status) => effects.extend(self.let_in(status, moment)),
            Msg::Stream(StreamEvent::Opened) => self.stream.opened(),
            Msg::Stream(StreamEvent::Interrupted { is_final }) => {
                self.stream.interrupted(is_final, moment);
            }
            Msg::Stream(StreamEvent::Message(told)) => self.hear(told, now),
            Msg::Compared(Comparison::Other(query)) => effects.push(Effect::Reopen(query)),
            Msg::Compared(_) | Msg::TimerFired => {}
            // The connection may only look open after a sleep.
            Msg::Returned => self.stream = Subscription::default(),
            Msg::Titled(titles) => self.titles = titles,
            Msg::Clicked(act) => effects.extend(self.click(act, now)),
            Msg::Done(refusal) => self.refusal = refusal,
            Msg::AuthorAsked(name) => effects.push(Effect::AskAuthor(name)),
            Msg::Author(author) => self.author = Some(author),
            Msg::Filtered(filter) => self.filter = filter,
            Msg::Sorted(sort) => self.sort = sort,
        }
        if self.confirms_until.is_some_and(|until| until <= now) {
            self.confirms_until = None;
        }
        // After a break the cookie may be another server's: the page asks to be let in
        // again, and opens the stream then.
        let is_wanted = self.is_ready() && self.access != Access::Denied;
        if let Some(StreamRequest::Open) = self.stream.next_request(is_wanted, now) {
            effects.push(Effect::LetIn);
        }
        effects
    }

    fn let_in(&mut self, status: u16, moment: Moment) -> Option<Effect> {
        self.access = match status {
            204 => Access::Granted,
            401 => Access::Denied,
            429 => Access::Wait,
            _ => self.access,
        };
        if status == 204 {
            return Some(Effect::OpenStream);
        }
        self.stream.interrupted(true, moment);
        None
    }

    fn hear(&mut self, told: Told, now: u64) {
        match told {
            Told::Lead(lead) => {
                self.lead = Some(*lead);
                self.told_at = now;
            }
            Told::People(people) => self.roll.hear(people, now),
            Told::Journal(entries) => {
                for entry in entries {
                    let is_end = entry.act.action == Action::End;
                    // A server that was restarted counts from 1 again.
                    self.journal.retain(|known| known.id < entry.id && !is_end);
                    self.journal.push(entry);
                }
                let over = self.journal.len().saturating_sub(JOURNAL);
                self.journal.drain(..over);
            }
        }
    }

    fn click(&mut self, act: Act, now: u64) -> Option<Effect> {
        self.refusal = None;
        if act.action == Action::End && self.confirms_until.is_none() {
            self.confirms_until = Some(now + CONFIRMATION);
            return None;
        }
        self.confirms_until = None;
        Some(Effect::Act(act))
    }

    /// How many milliseconds from now [`Msg::TimerFired`] is due.
    pub fn next_wake(&self, now: u64) -> Option<u64> {
        let due = sooner(self.stream.due(), self.confirms_until);
        // The seconds of "eyes on me" run; else only the times of the list do.
        let tick = if self.held(now).is_some() { 1000 } else { TICK };
        sooner(due.map(|due| due.saturating_sub(now)), Some(tick))
    }

    /// Whether the page has texts to show.
    pub fn is_ready(&self) -> bool {
        self.language.is_ready()
    }

    /// Whether the page may be here.
    pub fn access(&self) -> Access {
        self.access
    }

    /// Whether what is shown is so now.
    pub fn is_live(&self) -> bool {
        self.stream.is_live()
    }

    /// What is switched, once it is known.
    pub fn lead(&self) -> Option<&Lead> {
        self.lead.as_ref()
    }

    /// Seconds until "eyes on me" ends by itself.
    pub fn held(&self, now: u64) -> Option<u64> {
        let held = u64::from(self.lead.as_ref()?.held?);
        Some(held.saturating_sub(now.saturating_sub(self.told_at) / 1000))
    }

    /// The list of people.
    pub fn roll(&self) -> &Roll {
        &self.roll
    }

    /// The same, to take what has changed.
    pub fn roll_mut(&mut self) -> &mut Roll {
        &mut self.roll
    }

    /// What was done, oldest first.
    pub fn journal(&self) -> &[JournalEntry] {
        &self.journal
    }

    /// The titles of the lesson's steps, as far as they are known.
    pub fn titles(&self) -> &[String] {
        &self.titles
    }

    /// Which rows are looked for.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// What the rows are sorted by.
    pub fn sort(&self) -> Sort {
        self.sort
    }

    /// Whether the next click on the end of the lesson ends it.
    pub fn confirms(&self) -> bool {
        self.confirms_until.is_some()
    }

    /// Why the last action was not done.
    pub fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    /// Who stored the contact that was asked about, if that was.
    pub fn author(&self) -> Option<&Option<Person>> {
        self.author.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment { millis, jitter: 0 }
    }

    fn ready() -> Model {
        let mut model = Model::new(Language::Chinese);
        model.update(Msg::Language(LanguageMsg::Opened), at(0));
        let loaded = model.update(Msg::Language(LanguageMsg::Fetched { found: true }), at(0));
        assert!(loaded.contains(&Effect::LetIn), "{loaded:?}");
        model
    }

    fn act(action: Action) -> Act {
        Act { action, person: None, text: None, millis: None }
    }

    #[test]
    fn it_asks_to_be_let_in_before_it_opens_the_stream_and_again_after_a_refusal() {
        let mut model = ready();
        assert_eq!(model.update(Msg::LetIn(204), at(1)), [Effect::OpenStream]);
        model.update(Msg::Stream(StreamEvent::Opened), at(2));
        assert!(model.is_live());
        // The server was started anew, and knows no cookie of before.
        model.update(Msg::Stream(StreamEvent::Interrupted { is_final: true }), at(3));
        assert_eq!(model.update(Msg::TimerFired, at(60_000)), [Effect::LetIn]);
        assert_eq!(model.update(Msg::LetIn(401), at(60_001)), []);
        assert_eq!(model.access(), Access::Denied);
        assert_eq!(model.update(Msg::TimerFired, at(90_000)), [], "guessing goes no further");
    }

    #[test]
    fn too_many_wrong_tokens_wait_and_no_server_is_tried_again() {
        for (status, access) in [(429, Access::Wait), (0, Access::Asking)] {
            let mut model = ready();
            model.update(Msg::LetIn(status), at(1));
            assert_eq!(model.access(), access);
            assert_eq!(model.update(Msg::TimerFired, at(60_000)), [Effect::LetIn]);
        }
    }

    #[test]
    fn each_action_is_one_click_and_the_end_asks_once() {
        let mut model = ready();
        for action in Action::ALL.into_iter().filter(|action| *action != Action::End) {
            assert_eq!(model.update(Msg::Clicked(act(action)), at(5)), [Effect::Act(act(action))]);
        }
        assert_eq!(model.update(Msg::Clicked(act(Action::End)), at(10)), []);
        assert!(model.confirms());
        model.update(Msg::TimerFired, at(10 + CONFIRMATION));
        assert!(!model.confirms());
        let end = |model: &mut Model, at| model.update(Msg::Clicked(act(Action::End)), at);
        assert_eq!(end(&mut model, at(20_000)), []);
        assert_eq!(end(&mut model, at(20_100)), [Effect::Act(act(Action::End))]);
    }

    #[test]
    fn eyes_on_me_counts_down_between_what_the_server_says() {
        let mut model = ready();
        let lead = Lead { held: Some(300), ..Lead::default() };
        model.update(Msg::Stream(StreamEvent::Message(Told::Lead(Box::new(lead)))), at(1_000));
        assert_eq!((model.held(1_000), model.held(61_500)), (Some(300), Some(240)));
        assert_eq!(model.next_wake(2_000), Some(1000));
    }

    #[test]
    fn the_end_of_a_lesson_wipes_the_journal() {
        let mut model = ready();
        let entry = |id, action| JournalEntry {
            id,
            at: 0,
            act: act(action),
            by_itself: false,
            whom: String::new(),
        };
        let tell = |model: &mut Model, entries| {
            model.update(Msg::Stream(StreamEvent::Message(Told::Journal(entries))), at(0));
        };
        tell(&mut model, vec![entry(1, Action::Pause), entry(2, Action::Resume)]);
        // A stream that is opened anew tells all again.
        tell(&mut model, vec![entry(1, Action::Pause), entry(2, Action::Resume)]);
        assert_eq!(model.journal().len(), 2);
        tell(&mut model, vec![entry(3, Action::End)]);
        assert_eq!(model.journal(), [entry(3, Action::End)]);
    }
}
