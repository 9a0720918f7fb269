//! The texts of the pages: in both languages, each shown somewhere, and no text
//! anywhere else.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};

use web::core::i18n::files::{LANGUAGES, placeholders, values};
use web::core::i18n::{Placeholder, TextKey};

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Each page's markup, with its name.
fn pages() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pages");
    let mut pages: Vec<PathBuf> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    pages
        .iter()
        .map(|page| {
            let name = page.file_name().unwrap().to_string_lossy().into_owned();
            (name, inlined(&read(&page.join("index.html")), page))
        })
        .collect()
}

/// The markup with the shared pieces in place of the links to them, as trunk
/// builds it.
fn inlined(markup: &str, folder: &Path) -> String {
    let link = r#"<link data-trunk rel="inline" href=""#;
    let mut pieces = markup.split(link);
    let mut whole = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let (path, rest) = piece.split_once("\">").unwrap();
        whole.push_str(&read(&folder.join(path)));
        whole.push_str(rest);
    }
    whole
}

#[test]
fn both_languages_have_the_same_texts_with_the_same_placeholders() {
    let [chinese, english] = LANGUAGES;
    let keys = values(chinese, "data-word");
    assert_eq!(keys, values(english, "data-word"));
    for (index, key) in keys.iter().enumerate() {
        assert!(!keys[..index].contains(key), "{key} stands there twice");
        assert_eq!(placeholders(chinese, key), placeholders(english, key), "{key}");
    }
    for &text in TextKey::ALL {
        for placeholder in placeholders(chinese, text.name()) {
            assert!(
                Placeholder::ALL.iter().any(|known| known.name() == placeholder),
                "{placeholder}"
            );
        }
    }
}

#[test]
fn every_text_is_shown_and_everything_shown_is_a_text() {
    let keys = values(LANGUAGES[0], "data-word");
    let pages = pages();
    let shown: Vec<_> = pages.iter().flat_map(|(_, markup)| values(markup, "data-said")).collect();
    for key in &shown {
        assert!(keys.contains(key), "both languages lack {key}");
    }
    for key in keys {
        let in_the_code = TextKey::ALL.iter().any(|known| known.name() == key);
        assert!(in_the_code || shown.contains(&key), "no page shows {key}");
    }
}

#[test]
fn the_markup_has_texts_of_its_own_only_where_the_program_cannot_show_any() {
    for (page, markup) in pages() {
        let (before, rest) = markup.split_once("<div class=\"broken\">").unwrap();
        let (own, after) = rest.split_once("</main>").unwrap();
        assert_eq!(own.matches("lang=\"zh-CN\"").count(), 2, "{page}");
        assert_eq!(own.matches("lang=\"en\"").count(), 2, "{page}");
        let (_, body) = before.split_once("<body>").unwrap();
        // The brand and the signs of the tabs are pictures.
        for line in body.lines().chain(after.lines()).filter(|line| !line.contains("tian")) {
            assert!(line.is_ascii() || line.contains("aria-hidden"), "{page}: {line}");
        }
    }
}
