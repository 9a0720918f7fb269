//! Language and theme.

use super::*;

#[test]
fn a_choice_of_language_or_light_is_stored() {
    let mut page = TestPage::connected();
    assert_eq!(
        page.happens(LanguageMsg::LanguageSwitched).did(),
        [
            LanguageEffect::Fetch(Language::Chinese).into(),
            LanguageEffect::StoreLanguage(Language::Chinese).into()
        ]
    );
    assert_eq!(
        page.happens(LanguageMsg::ThemeSwitched { from: Theme::Light }).did(),
        [
            LanguageEffect::ApplyTheme(Theme::Dark).into(),
            LanguageEffect::StoreTheme(Theme::Dark).into()
        ]
    );
}

#[test]
fn a_page_without_texts_shows_a_failure_and_connects_to_no_server() {
    let mut page = TestPage::loading(Stored::default());
    assert_eq!(page.did(), [LanguageEffect::Fetch(Language::English).into()]);
    assert_eq!(
        page.happens(LanguageMsg::Fetched { found: false }).did(),
        [LanguageEffect::ShowFailure.into()]
    );
}

#[test]
fn a_language_that_does_not_come_leaves_the_other_one() {
    let mut page = TestPage::connected();
    page.happens(LanguageMsg::LanguageSwitched).did();
    assert_eq!(
        page.happens(LanguageMsg::Fetched { found: false }).did(),
        [LanguageEffect::StoreLanguage(Language::English).into()]
    );
    assert_eq!(page.model.hint().text.key, TextKey::SameLanguage);
    assert_eq!(page.types("f").model.hint().text.key, TextKey::NextVerb);
    page.happens(LanguageMsg::LanguageSwitched).did();
    assert_eq!(
        page.happens(LanguageMsg::Fetched { found: true }).did(),
        [LanguageEffect::Translate.into()]
    );
}
