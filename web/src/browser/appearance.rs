//! Language and theme in the document: carries out what
//! [`language`](crate::core::language) decides, on every page alike.

use std::rc::Rc;

use web_sys::{Document, Element, HtmlElement, Window};

use crate::browser::dom::{Dom as _, root};
use crate::browser::storage::{PageStorage, StorageKey};
use crate::browser::texts::TextsClient;
use crate::browser::translator::Translator;
use crate::core::appearance::{Language, Theme};
use crate::core::language::{LanguageEffect, LanguageMsg};

/// The document's language and theme.
pub struct Appearance {
    document: Document,
    root: HtmlElement,
    translator: Rc<Translator>,
    texts: TextsClient,
    storage: Rc<PageStorage>,
}

impl Appearance {
    /// Applies the theme that was chosen before, if one was. `post` is told how
    /// the fetching of a language ended.
    pub fn open(
        document: &Document,
        storage: &Rc<PageStorage>,
        post: impl Fn(LanguageMsg) + 'static,
    ) -> Self {
        let appearance = Appearance {
            document: document.clone(),
            root: root(document),
            translator: Rc::new(Translator::of(document)),
            texts: TextsClient::new(
                document.clone(),
                Rc::new(move |found| post(LanguageMsg::Fetched { found })),
            ),
            storage: storage.clone(),
        };
        if let Some(theme) = Theme::stored(storage.get(StorageKey::Theme).as_deref()) {
            appearance.apply_theme(theme);
        }
        appearance
    }

    /// Shows texts in the language of the page.
    pub fn translator(&self) -> &Rc<Translator> {
        &self.translator
    }

    /// The language's file that came last.
    pub fn texts(&self) -> Option<Element> {
        self.texts.texts()
    }

    /// How the page looks now, by choice or by the system.
    pub fn theme(&self) -> Theme {
        let chosen = self.root.get_attribute("data-theme");
        Theme::stored(chosen.as_deref()).unwrap_or_else(|| {
            let window = self.document.default_view();
            let dark = window.and_then(|w| w.match_media("(prefers-color-scheme:dark)").ok()?);
            if dark.is_some_and(|dark| dark.matches()) { Theme::Dark } else { Theme::Light }
        })
    }

    /// What a press on the switch of that id means.
    pub fn meaning(&self, id: &str) -> Option<LanguageMsg> {
        match id {
            "language" => Some(LanguageMsg::LanguageSwitched),
            "theme" => Some(LanguageMsg::ThemeSwitched { from: self.theme() }),
            _ => None,
        }
    }

    /// Carries out an effect; `translate` is called for
    /// [`LanguageEffect::Translate`], which a page adds its own part to.
    pub fn carry_out(&self, effect: LanguageEffect, translate: impl FnOnce()) {
        match effect {
            LanguageEffect::Fetch(language) => self.texts.fetch(language),
            LanguageEffect::Translate => translate(),
            LanguageEffect::ShowFailure => self.root.set("data-broken", ""),
            LanguageEffect::ApplyTheme(theme) => self.apply_theme(theme),
            LanguageEffect::StoreLanguage(language) => {
                self.storage.set(StorageKey::Language, language.tag());
            }
            LanguageEffect::StoreTheme(theme) => self.storage.set(StorageKey::Theme, theme.name()),
        }
    }

    /// Shows everything that stands on the page, and from now on everything else,
    /// in the language of these texts. Returns whether these are the first ones.
    pub fn translate(&self, texts: Element) -> bool {
        let is_first = self.root.get_attribute("data-ready").is_none();
        self.root.set("lang", &texts.get_attribute("lang").unwrap_or_default());
        if let Some(title) = texts.find("title") {
            self.document.set_title(&title.text_content().unwrap_or_default());
        }
        self.translator.load(texts);
        self.root.set("data-ready", "");
        is_first
    }

    fn apply_theme(&self, theme: Theme) {
        self.root.set("data-theme", theme.name());
    }
}

/// The language to begin with: the one chosen before, or the browser's.
pub fn first_language(window: &Window, storage: &PageStorage) -> Language {
    Language::first(
        storage.get(StorageKey::Language).as_deref(),
        window.navigator().language().as_deref(),
    )
}
