//! The commonest errors of the lesson: which sentence explains the last one that was
//! printed, and in which line of the program it happened. What it means and where to
//! look; never the solution.

/// The errors: how the last line of a traceback begins, what else is in it, and the
/// key of its sentence. The first that fits counts.
const ERRORS: [(&str, &str, &str); 26] = [
    ("IndexError", "", "why-index"),
    ("KeyError", "", "why-key"),
    ("UnboundLocalError", "", "why-unbound"),
    ("NameError", "", "why-name"),
    ("TypeError", "a bytes-like object is required, not 'str'", "why-bytes"),
    ("TypeError", "can only concatenate str", "why-concatenate"),
    ("TypeError", "argument", "why-arguments"),
    ("TypeError", "AF_INET address must be", "why-address"),
    ("TypeError", "interpreted as an integer", "why-integer"),
    ("TypeError", "", "why-type"),
    ("AttributeError", "", "why-attribute"),
    ("UnicodeDecodeError", "", "why-decode"),
    ("ValueError", "unpack", "why-unpack"),
    ("ValueError", "", "why-value"),
    ("IndentationError", "", "why-indent"),
    ("SyntaxError", "", "why-syntax"),
    ("ConnectionRefusedError", "", "why-refused"),
    ("OSError", "Address already in use", "why-in-use"),
    // What only the page's programs are told.
    ("OSError", "Another tab of yours", "why-other-tab"),
    ("OSError", "run the program again", "why-gone"),
    ("OSError", "the classroom does not answer", "why-no-classroom"),
    ("OSError", "in the page, connect reaches", "why-unreachable"),
    ("BrokenPipeError", "", "why-closed"),
    ("ConnectionResetError", "", "why-closed"),
    ("TimeoutError", "", "why-timeout"),
    ("ModuleNotFoundError", "", "why-module"),
];

/// What is known of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The key of its sentence, if there is one.
    pub key: Option<&'static str>,
    /// The line of the program, from 1.
    pub line: Option<usize>,
}

/// Explains what was printed on standard error about a program in a file.
pub fn explain(errors: &str, file: &str) -> Option<Explained> {
    let last = errors.lines().rev().find(|line| !line.trim().is_empty())?;
    let kind = last.split(':').next().unwrap_or_default();
    let fits = |(name, part, _): &&(&str, &str, &str)| kind == *name && last.contains(part);
    let key = ERRORS.iter().find(fits).map(|(_, _, key)| *key);
    let place = format!("File \"{file}\", line ");
    let number = errors.rsplit_once(&place).map(|(_, rest)| rest);
    let digits = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>();
    let line = number.and_then(|rest| digits(rest).parse().ok());
    (key.is_some() || line.is_some()).then_some(Explained { key, line })
}

#[cfg(test)]
mod tests {
    use super::*;
    use web::core::i18n::files::{placeholders, values};

    const LANGUAGES: [&str; 2] = [
        include_str!("../../../static/program/zh.html"),
        include_str!("../../../static/program/en.html"),
    ];

    #[test]
    fn the_last_error_is_explained_with_its_line() {
        let errors = "Traceback (most recent call last):\n  File \"server.py\", line 30, in <module>\n    \
            worker(sock, addr)\n  File \"server.py\", line 22, in worker\n    x = arg[2]\n\
            IndexError: list index out of range\n";
        let explained = explain(errors, "server.py").unwrap();
        assert_eq!(explained, Explained { key: Some("why-index"), line: Some(22) });
        let errors = "TypeError: a bytes-like object is required, not 'str'\n";
        assert_eq!(explain(errors, "server.py").unwrap().key, Some("why-bytes"));
        assert_eq!(explain("too few words\n", "server.py"), None);
    }

    #[test]
    fn both_languages_have_the_texts_that_the_panel_shows() {
        let keys = LANGUAGES.map(|language| values(language, "data-word"));
        assert_eq!(keys[0], keys[1]);
        let markup = values(include_str!("index.html"), "data-text");
        assert!(markup.iter().all(|key| keys[0].contains(key)), "{markup:?}");
        let code = [
            include_str!("model.rs"),
            include_str!("view.rs"),
            include_str!("neighbours.rs"),
            include_str!("explain.rs"),
        ];
        let is_in_code = |key: &str| {
            let begins = key.split_once('-').map(|(word, _)| format!("\"{word}-\""));
            let quoted = format!("\"{key}\"");
            code.iter().any(|code| {
                code.contains(&quoted) || begins.as_ref().is_some_and(|text| code.contains(text))
            })
        };
        for key in &keys[0] {
            assert!(markup.contains(key) || is_in_code(key), "nothing shows {key}");
        }
    }

    #[test]
    fn every_error_has_its_sentence_in_both_languages() {
        for language in LANGUAGES {
            for (_, _, key) in ERRORS {
                assert!(placeholders(language, key).is_empty());
            }
        }
    }
}
