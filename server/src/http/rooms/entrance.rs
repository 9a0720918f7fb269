//! The page at the entrance of a server of many classes: it asks for a code, and says what
//! is wrong with one. It needs no script, and is what a bare address shows.

use axum::http::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_SECURITY_POLICY, VARY};
use axum::http::{HeaderMap, Uri};
use axum::response::{Html, IntoResponse, Response};

use crate::language::Language;

const PAGE: &str = include_str!("entrance.html");

/// The look of all pages, what this one has of its own, and their icon.
const BASE: &str = include_str!("../../../../static/base.css");
const STYLE: &str = include_str!("entrance.css");
const ICON: &str = include_str!("../../../../static/icon.html");

/// It has its styles and its icon within it, and sends its form to this server.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The most characters of a typed code, dashes and spaces included.
const LONGEST: usize = 40;

/// What the entrance says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    WhichClass,
    NoSuchClass,
    Away,
}

impl Said {
    /// In English and in Chinese.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Said::WhichClass => (
                "Which class? Open the address that your teacher shows, or type the code in it.",
                "哪个课堂？请打开老师给出的网址，或者输入其中的代码。",
            ),
            Said::NoSuchClass => (
                "There is no class with this code. Look at it again; if it is right, the class is \
                 over.",
                "没有使用这个代码的课堂。请再核对一遍；如果代码没错，那么这个课堂已经结束了。",
            ),
            Said::Away => (
                "The server's database does not answer for now, try again.",
                "服务器的数据库暂时没有响应，请再试一次。",
            ),
        }
    }

    /// A page for a browser that opens an address, and plain text for everything else.
    pub(super) fn response(self, uri: &Uri, headers: &HeaderMap) -> Response {
        let (english, chinese) = self.words();
        let accepted = headers.get(ACCEPT).and_then(|accepted| accepted.to_str().ok());
        if !accepted.is_some_and(|accepted| accepted.contains("text/html")) {
            return format!("{english}\n{chinese}\n").into_response();
        }
        // Relative, so that it is right behind a proxy that has the server in a folder.
        let up = "../".repeat(uri.path().matches('/').count().saturating_sub(1));
        let page = self.page(language(uri, headers)).replace("{ROOMS}", &format!("{up}r/"));
        let about = [(CONTENT_SECURITY_POLICY, POLICY), (VARY, "Accept-Language")];
        (about, Html(page)).into_response()
    }

    fn page(self, language: Language) -> String {
        let (english, chinese) = self.words();
        let mut page = PAGE.to_owned();
        for (place, in_english, in_chinese) in [
            ("{LANG}", "en", "zh-CN"),
            ("{TITLE}", "Enter your class", "进入课堂"),
            ("{BRAND}", "TCP classroom", "TCP 课堂"),
            ("{SAID}", english, chinese),
            ("{CODE}", "Code of the class", "课堂的代码"),
            ("{ENTER}", "Enter", "进入"),
            ("{OTHER_LANG}", "zh-CN", "en"),
            ("{OTHER}", "中文", "English"),
            ("{ICON}", ICON, ICON),
            ("{BASE}", BASE, BASE),
            ("{STYLE}", STYLE, STYLE),
        ] {
            page = page.replace(place, language.pick(in_chinese, in_english));
        }
        page
    }
}

/// The language that was chosen on the page, or the browser's first one, as the other pages
/// choose theirs.
fn language(uri: &Uri, headers: &HeaderMap) -> Language {
    let chosen = uri.query().unwrap_or_default();
    let chosen = chosen.split('&').find_map(|pair| pair.strip_prefix("lang="));
    let wanted = headers.get(ACCEPT_LANGUAGE).and_then(|wanted| wanted.to_str().ok());
    match chosen.or(wanted) {
        Some(tag) if tag.trim_start().to_ascii_lowercase().starts_with("zh") => Language::Chinese,
        _ => Language::English,
    }
}

/// The code in the form's query, as it stands in an address; none if nothing was typed
/// that could stand there.
pub(super) fn typed_code(query: &str) -> Option<String> {
    let typed = query.split('&').find_map(|pair| pair.strip_prefix("code="))?;
    // A space comes as a plus, and is no part of a code.
    let code: String = typed.chars().filter(|c| *c != '+').take(LONGEST).collect();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (!code.is_empty() && code.chars().all(is_plain)).then(|| code.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_code_becomes_a_folder_and_nothing_else_does() {
        for (query, code) in [
            ("code=K7M2-x9qf-3pna", Some("k7m2-x9qf-3pna")),
            ("a=b&code=+k7m2x9qf3pna+", Some("k7m2x9qf3pna")),
            ("code=", None),
            ("code=..%2F..%2Fx", None),
            ("code=//evil.example", None),
            ("other=k7m2", None),
        ] {
            assert_eq!(typed_code(query).as_deref(), code, "{query}");
        }
    }

    #[test]
    fn the_entrance_is_a_page_for_browsers_and_plain_text_for_programs() {
        let headers = HeaderMap::from_iter([(ACCEPT, "text/html,*/*".parse().unwrap())]);
        for said in [Said::WhichClass, Said::NoSuchClass, Said::Away] {
            for path in ["/", "/r/", "/r/k7m2/", "/r/k7m2/api/x"] {
                let response = said.response(&path.parse().unwrap(), &headers);
                assert_eq!(response.headers()[CONTENT_SECURITY_POLICY], POLICY);
            }
            for language in [Language::Chinese, Language::English] {
                let page = said.page(language).replace("{ROOMS}", "r/").replace(BASE, "");
                let page = page.replace(STYLE, "");
                assert!(!page.contains('{'), "{page}");
            }
            let plain = said.response(&"/".parse().unwrap(), &HeaderMap::new());
            assert!(plain.headers().get(CONTENT_SECURITY_POLICY).is_none());
        }
    }
    #[test]
    fn the_entrance_speaks_the_language_that_was_chosen_or_else_the_browser_s() {
        for (uri, wanted, language) in [
            ("/", Some("zh-CN,zh;q=0.9,en;q=0.8"), Language::Chinese),
            ("/", Some("en-US,zh;q=0.5"), Language::English),
            ("/", None, Language::English),
            ("/r/?lang=en", Some("zh"), Language::English),
            ("/r/x/?a=b&lang=zh-CN", Some("en"), Language::Chinese),
        ] {
            let wanted = wanted.map(|wanted| (ACCEPT_LANGUAGE, wanted.parse().unwrap()));
            let spoken = super::language(&uri.parse().unwrap(), &wanted.into_iter().collect());
            assert_eq!(spoken, language, "{uri}");
        }
    }
}
