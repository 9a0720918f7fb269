//! The page at the entrance of a server of many classes: it asks for a code, and says what
//! is wrong with one. It needs no script, and is what a bare address shows.

use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY};
use axum::http::{HeaderMap, Uri};
use axum::response::{Html, IntoResponse, Response};

const PAGE: &str = include_str!("entrance.html");

/// It has a style of its own and sends its form to this server.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'self'; frame-ancestors 'none'";

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
        let page = PAGE
            .replace("{ENGLISH}", english)
            .replace("{CHINESE}", chinese)
            .replace("{ROOMS}", &format!("{up}r/"));
        ([(CONTENT_SECURITY_POLICY, POLICY)], Html(page)).into_response()
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
        assert_eq!(PAGE.matches('{').count() - PAGE.matches("{ ").count(), 3);
        let headers = HeaderMap::from_iter([(ACCEPT, "text/html,*/*".parse().unwrap())]);
        for said in [Said::WhichClass, Said::NoSuchClass, Said::Away] {
            for path in ["/", "/r/", "/r/k7m2/", "/r/k7m2/api/x"] {
                let response = said.response(&path.parse().unwrap(), &headers);
                assert_eq!(response.headers()[CONTENT_SECURITY_POLICY], POLICY);
            }
            let plain = said.response(&"/".parse().unwrap(), &HeaderMap::new());
            assert!(plain.headers().get(CONTENT_SECURITY_POLICY).is_none());
        }
    }
}
