//! What checks and causes are called and how they are explained, in Chinese and
//! English. At most two sentences a cause: what happened, and where to look. Never
//! the solution.

mod chinese;
mod english;

use super::checks::CheckName;
use super::stage::Finding;

/// A language of the explanations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// 中文
    Chinese,
    /// English
    English,
}

/// What a check is about, in a few words.
pub fn title(check: CheckName, language: Language) -> &'static str {
    match language {
        Language::Chinese => chinese::title(check),
        Language::English => english::title(check),
    }
}

/// What is wrong, in at most two sentences.
pub fn verdict(finding: &Finding, port: u16, language: Language) -> String {
    let text = match language {
        Language::Chinese => chinese::verdict(finding.cause),
        Language::English => english::verdict(finding.cause),
    };
    fill(text, finding, port)
}

/// That the extra checks have ended a server which the student has started.
pub fn ended(language: Language) -> &'static str {
    match language {
        Language::Chinese => "附加的检查让你的服务器停了：要用它，得再启动一次。",
        Language::English => "The extra checks have ended your server: start it again to use it.",
    }
}

/// Fills in what the texts leave open: `{sent}`, `{expected}`, `{actual}`, `{bound}`,
/// `{exception}`, `{: exception}`, `{port}`.
fn fill(text: &str, finding: &Finding, port: u16) -> String {
    let shown = |bytes: &Option<Vec<u8>>| {
        let text = String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned();
        crate::escape::Escaped(text.trim()).to_string()
    };
    // The student's text goes in last, since it may have braces of its own.
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        let (slot, behind) = behind.split_once('}').expect("every { has its }");
        filled += before;
        filled += &match slot {
            "sent" => shown(&finding.sent),
            "expected" => finding.expected.clone().unwrap_or_default(),
            "actual" => shown(&finding.actual),
            "bound" => finding.bound.clone().unwrap_or_default(),
            "exception" => finding.exception.clone().unwrap_or_default(),
            // With the mark in front, where there may be none.
            ": exception" | "：exception" => match &finding.exception {
                Some(exception) => slot.replace("exception", exception),
                None => String::new(),
            },
            "port" => port.to_string(),
            unknown => unreachable!("nothing is called {unknown}"),
        };
        rest = behind;
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::homework::cause::Cause;
    use crate::homework::checks::CHECKS;

    const LANGUAGES: [Language; 2] = [Language::Chinese, Language::English];

    fn finding(cause: Cause) -> Finding {
        Finding {
            sent: Some("find;{name}".into()),
            expected: Some("138".into()),
            actual: Some(b"139\x1b[2J".to_vec()),
            exception: Some("KeyError: 'li'".into()),
            bound: Some("8000".into()),
            ..Finding::new(cause)
        }
    }

    #[test]
    fn every_cause_has_at_most_two_sentences_in_each_language() {
        for language in LANGUAGES {
            for cause in Cause::ALL {
                let text = match language {
                    Language::Chinese => chinese::verdict(*cause),
                    Language::English => english::verdict(*cause),
                };
                let ends = match language {
                    Language::Chinese => text.matches(['。', '？']).count(),
                    Language::English => {
                        text.matches(". ").count() + text.matches("? ").count() + 1
                    }
                };
                assert!((1..=2).contains(&ends), "{ends} in {cause:?}: {text}");
            }
        }
    }

    #[test]
    fn what_the_student_s_server_sent_is_escaped_and_its_braces_are_text() {
        for language in LANGUAGES {
            for cause in Cause::ALL {
                let text = verdict(&finding(*cause), 9999, language);
                assert!(!text.contains('\u{1b}'), "{text}");
                assert_eq!(text.contains('{'), text.contains("find;{name}"), "{text}");
            }
        }
        let text = verdict(&Finding::new(Cause::ResetKills), 9999, Language::English);
        assert!(text.contains("ended your server."), "{text}");
    }

    #[test]
    fn words_of_causes_and_checks_are_unique_and_titles_differ() {
        let mut words: Vec<_> = Cause::ALL.iter().map(|cause| cause.word()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Cause::ALL.len());
        let mut titles: Vec<_> = CHECKS
            .iter()
            .flat_map(|check| LANGUAGES.map(|language| title(check.name, language)))
            .collect();
        titles.sort_unstable();
        titles.dedup();
        assert_eq!(titles.len(), 2 * CHECKS.len());
    }
}
