//! Language and color theme of a page: which ones there are, and which one to
//! begin with.

/// A language of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Simplified Chinese.
    Chinese,
    /// English.
    English,
}

impl Language {
    /// The one chosen before, else the browser's if it is Chinese, else English.
    pub fn first(stored: Option<&str>, browser: Option<&str>) -> Self {
        match stored {
            Some("zh-CN") => Language::Chinese,
            Some("en") => Language::English,
            _ if browser.is_some_and(|tag| tag.to_ascii_lowercase().starts_with("zh")) => {
                Language::Chinese
            }
            _ => Language::English,
        }
    }

    /// The `lang` attribute.
    pub fn tag(self) -> &'static str {
        match self {
            Language::Chinese => "zh-CN",
            Language::English => "en",
        }
    }

    /// The file with its texts.
    pub fn file(self) -> &'static str {
        match self {
            Language::Chinese => "zh.html",
            Language::English => "en.html",
        }
    }

    /// The one the switch leads to.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Language::Chinese => Language::English,
            Language::English => Language::Chinese,
        }
    }
}

/// Color theme: light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Dark text on a light ground.
    Light,
    /// Light text on a dark ground.
    Dark,
}

impl Theme {
    /// The one chosen before; `None` follows the system.
    pub fn stored(name: Option<&str>) -> Option<Self> {
        [Theme::Light, Theme::Dark].into_iter().find(|theme| name == Some(theme.name()))
    }

    /// The `data-theme` attribute.
    pub fn name(self) -> &'static str {
        match self {
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_made_before_wins_then_the_browser_then_english() {
        for (remembered, browser, expected) in [
            (None, Some("zh-TW"), Language::Chinese),
            (None, Some("ZH"), Language::Chinese),
            (None, Some("de-DE"), Language::English),
            (None, None, Language::English),
            (Some("en"), Some("zh-CN"), Language::English),
            (Some("zh-CN"), Some("en-US"), Language::Chinese),
            (Some("nonsense"), Some("zh-CN"), Language::Chinese),
        ] {
            assert_eq!(Language::first(remembered, browser), expected);
        }
    }
}
