//! The language of the page and its color theme.

use crate::core::appearance::{Language, Theme};

/// What can happen to language and theme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LanguageMsg {
    /// The page has been opened.
    Opened,
    /// The texts of a language came, or could not be had.
    Fetched {
        /// Whether they came.
        found: bool,
    },
    /// The language switch was pressed.
    LanguageSwitched,
    /// The theme switch was pressed.
    ThemeSwitched {
        /// How the page looks now, by choice or by the system.
        from: Theme,
    },
}

/// What is to be done for language and theme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LanguageEffect {
    /// Get the texts of a language.
    Fetch(Language),
    /// Show everything in the language that came.
    Translate,
    /// Show that the page has no texts.
    ShowFailure,
    /// Apply a theme to the document.
    ApplyTheme(Theme),
    /// Store the language, for good.
    StoreLanguage(Language),
    /// Store the theme, for good.
    StoreTheme(Theme),
}

/// What comes of a message about language and theme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LanguageOutput {
    /// Something to be done outside of the model.
    Effect(LanguageEffect),
    /// The page has texts now, for the first time.
    Ready,
    /// Another language is asked for.
    Requested,
    /// It could not be had; the one before stays.
    Kept,
}

/// State of language and theme. The theme itself is the document's.
#[derive(Debug)]
pub struct LanguageModel {
    /// The language that is wanted.
    wanted: Language,
    /// The language that is shown.
    shown: Option<Language>,
}

impl LanguageModel {
    /// Nothing is shown yet.
    pub fn new(wanted: Language) -> Self {
        LanguageModel { wanted, shown: None }
    }

    /// Whether the page has texts.
    pub fn is_ready(&self) -> bool {
        self.shown.is_some()
    }

    /// Takes what happened and returns what comes of it, in order.
    pub fn update(&mut self, msg: LanguageMsg) -> Vec<LanguageOutput> {
        use LanguageEffect::{
            ApplyTheme, Fetch, ShowFailure, StoreLanguage, StoreTheme, Translate,
        };
        use LanguageOutput::Effect;
        match msg {
            LanguageMsg::Opened => vec![Effect(Fetch(self.wanted))],
            LanguageMsg::Fetched { found: true } => {
                let is_first = self.shown.replace(self.wanted).is_none();
                let mut outputs = vec![Effect(Translate)];
                outputs.extend(is_first.then_some(LanguageOutput::Ready));
                outputs
            }
            LanguageMsg::Fetched { found: false } => match self.shown {
                Some(shown) => {
                    self.wanted = shown;
                    vec![LanguageOutput::Kept, Effect(StoreLanguage(shown))]
                }
                None => vec![Effect(ShowFailure)],
            },
            LanguageMsg::LanguageSwitched => {
                self.wanted = self.wanted.other();
                let store = Effect(StoreLanguage(self.wanted));
                vec![LanguageOutput::Requested, Effect(Fetch(self.wanted)), store]
            }
            LanguageMsg::ThemeSwitched { from } => {
                let to = if from == Theme::Light { Theme::Dark } else { Theme::Light };
                vec![Effect(ApplyTheme(to)), Effect(StoreTheme(to))]
            }
        }
    }
}
