//! `check.py` as it is handed out: with the classroom's address and the student's code
//! filled in.

/// As it stands beside this file.
const SCRIPT: &str = include_str!("check.py");

/// The lines that are filled in.
const ADDRESS: &str = "CLASSROOM = 'http://127.0.0.1:8080/'";
const CODE: &str = "CODE = ''";

/// Bytes of the longest address.
const LONGEST: usize = 300;

/// The script for the page at `page`, which ends with a `/`.
pub(crate) fn check_py(page: &str, code: &str) -> String {
    SCRIPT.replacen(ADDRESS, &format!("CLASSROOM = '{page}'"), 1).replacen(
        CODE,
        &format!("CODE = '{code}'"),
        1,
    )
}

/// The address of the page, also as that of its WebSocket, if `page` is one that belongs
/// to `host`, else that of the host itself. Behind a proxy only the page knows its
/// folder and whether it came over https. Nothing that could end the text in Python
/// gets through.
pub(crate) fn page_address(page: Option<&str>, host: &str) -> String {
    let is_plain = |address: &str| {
        address.len() <= LONGEST
            && address
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"/:.-_~[]%".contains(&byte))
    };
    let is_own = |page: &&str| {
        let rest = page.strip_prefix("http://").or_else(|| page.strip_prefix("https://"));
        let path = rest.and_then(|rest| rest.strip_prefix(host));
        path.is_some_and(|path| path.starts_with('/') && path.ends_with('/')) && is_plain(page)
    };
    // The page knows its address as that of its WebSocket.
    let page = page.map(|page| page.replacen("ws", "http", usize::from(page.starts_with("ws"))));
    match page.as_deref().filter(is_own) {
        Some(page) => page.to_owned(),
        None if is_plain(host) => format!("http://{host}/"),
        None => "http://127.0.0.1:8080/".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_and_code_are_filled_in_once() {
        let script = check_py("http://192.168.1.5:8080/", "K7M2QX");
        assert!(script.contains("\nCLASSROOM = 'http://192.168.1.5:8080/'  "), "{script}");
        assert!(script.contains("\nCODE = 'K7M2QX'  "), "{script}");
    }

    #[test]
    fn only_the_page_of_the_same_host_is_taken_and_nothing_ends_the_text() {
        let own = "school.example:81";
        for (page, expected) in [
            (Some("http://school.example:81/"), "http://school.example:81/"),
            (
                Some("https://school.example:81/tcp/room-2/"),
                "https://school.example:81/tcp/room-2/",
            ),
            (Some("ws://school.example:81/a/"), "http://school.example:81/a/"),
            (Some("wss://school.example:81/ws/"), "https://school.example:81/ws/"),
            (Some("http://school.example:81/'+x+'/"), "http://school.example:81/"),
            (Some("http://school.example:81/a\n/"), "http://school.example:81/"),
            (Some("http://school.example:81.evil/"), "http://school.example:81/"),
            (Some("http://evil/"), "http://school.example:81/"),
            (Some("javascript:alert(1)"), "http://school.example:81/"),
            (None, "http://school.example:81/"),
        ] {
            assert_eq!(page_address(page, own), expected, "{page:?}");
        }
        assert_eq!(page_address(None, "a'b"), "http://127.0.0.1:8080/");
    }

    #[test]
    fn the_script_is_short_and_for_old_pythons() {
        assert!(SCRIPT.lines().count() < 150);
        assert!(SCRIPT.lines().all(|line| line.chars().count() <= 100));
        // Python 3.6 has none of these.
        for newer in [":= ", "match ", "removeprefix", "capture_output"] {
            assert!(!SCRIPT.contains(newer), "{newer}");
        }
    }
}
