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

/// A page's own texts in both languages.
fn languages(page: &str) -> [String; 2] {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../static");
    let folder = if page == "student" { folder } else { folder.join(page) };
    ["zh.html", "en.html"].map(|file| read(&folder.join(file)))
}

/// All of a page's code.
fn code(page: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pages").join(page);
    let (mut folders, mut code) = (vec![folder], String::new());
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                code.push_str(&read(&path));
            }
        }
    }
    code
}

#[test]
fn both_languages_have_the_same_texts_with_the_same_placeholders() {
    for (page, _) in pages() {
        let [chinese, english] = &languages(&page);
        let keys = values(chinese, "data-word");
        assert_eq!(keys, values(english, "data-word"), "{page}");
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[..index].contains(key), "{page}: {key} stands there twice");
            let placeholders = |language| placeholders(language, key);
            assert_eq!(placeholders(chinese), placeholders(english), "{page}: {key}");
        }
    }
    for &text in TextKey::ALL {
        for placeholder in placeholders(LANGUAGES[0], text.name()) {
            assert!(
                Placeholder::ALL.iter().any(|known| known.name() == placeholder),
                "{placeholder}"
            );
        }
    }
}

#[test]
fn every_text_is_shown_and_everything_shown_is_a_text() {
    for (page, markup) in pages() {
        let [chinese, _] = languages(&page);
        let keys = values(&chinese, "data-word");
        // The program's page lends its markup to the student's page, which must not take
        // its texts for its own.
        let name = if page == "program" { "data-text" } else { "data-said" };
        let shown = values(&markup, name);
        for key in &shown {
            assert!(keys.contains(key), "{page}: both languages lack {key}");
        }
        let code = code(&page);
        for key in keys {
            let known = || TextKey::ALL.iter().any(|known| known.name() == key);
            // A key may be made of a word of the server's, such as `did-` and an action.
            let quoted = |text: &str| code.contains(&format!("\"{text}\""));
            let made = || key.match_indices('-').any(|(end, _)| quoted(&key[..=end]));
            let in_the_code = if page == "student" { known() } else { quoted(key) || made() };
            assert!(in_the_code || shown.contains(&key), "{page} does not show {key}");
        }
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
