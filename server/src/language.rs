//! i18n of what the program tells the teacher: Chinese and English.
//!
//! Both translations stand side by side where a sentence is made, as in
//! `localized!("端口 {port} 被占用", "port {port} is in use")`. What goes over the
//! wire to students is English, as the lesson's protocol is, and never comes
//! through here. The page has its own words in `static/`.

use std::sync::OnceLock;

/// A language the program speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// 中文
    Chinese,
    /// English
    English,
}

impl Language {
    /// The language of the machine's locale: Chinese, or else English. Read once
    /// a process.
    pub fn of_machine() -> Self {
        static LANGUAGE: OnceLock<Language> = OnceLock::new();
        *LANGUAGE.get_or_init(|| Self::of_locale(&sys_locale::get_locale().unwrap_or_default()))
    }

    fn of_locale(locale: &str) -> Self {
        if locale.to_lowercase().starts_with("zh") { Language::Chinese } else { Language::English }
    }

    /// The translation for this language.
    pub fn pick<'a>(self, chinese: &'a str, english: &'a str) -> &'a str {
        match self {
            Language::Chinese => chinese,
            Language::English => english,
        }
    }
}

impl From<Language> for protocol::homework::words::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::Chinese => Self::Chinese,
            Language::English => Self::English,
        }
    }
}

/// Formats the translation for the machine's language as [`format!`] does. With
/// `in language;` in front, for that language: what is pure is told which.
macro_rules! localized {
    (in $language:expr; $chinese:literal, $english:literal $(,)?) => {
        match $language {
            $crate::language::Language::Chinese => format!($chinese),
            $crate::language::Language::English => format!($english),
        }
    };
    ($chinese:literal, $english:literal $(, $argument:expr)* $(,)?) => {
        match $crate::language::Language::of_machine() {
            $crate::language::Language::Chinese => format!($chinese $(, $argument)*),
            $crate::language::Language::English => format!($english $(, $argument)*),
        }
    };
}
#[allow(unused_imports, reason = "each message moves here with its own change")]
pub(crate) use localized;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_locales_get_chinese_and_all_others_english() {
        for chinese in ["zh", "zh-CN", "zh_TW.UTF-8", "ZH-Hans-CN"] {
            assert_eq!(Language::of_locale(chinese), Language::Chinese, "{chinese}");
        }
        for other in ["", "C", "en-US", "de_DE.UTF-8", "azh"] {
            assert_eq!(Language::of_locale(other), Language::English, "{other}");
        }
    }
}
