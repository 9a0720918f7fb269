//! Version check: whether the server has another build of the page than the one
//! that runs.
//!
//! A page may be older than its server: it stayed open while the server was replaced,
//! or it came out of a cache. Then it is opened anew, once for each build of the
//! server's. It tells builds apart by the name of their program's file, into which
//! trunk puts a hash of the content.

/// How the program's file ends, behind the name that the server calls it by.
const ENDING: &str = "_bg.wasm";

/// How the page compares with the one that the server has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is the same, or the server does not say.
    Same,
    /// It is another one, to be opened under this query: no cache has it yet.
    Other(String),
    /// It is another one although it was opened anew: a cache has that address, too.
    Stale,
}

/// Compares the file that the page's program came from, and the query that the page
/// was opened with, with the program of the server's page: its file without folder
/// and ending. A server that was built without pages has none, and one of before this
/// check tells none.
///
/// The query is also what ends a loop: it stays where a browser refuses to store
/// anything.
pub fn compare(file: &str, query: &str, program: Option<String>) -> Comparison {
    // Not `contains`: the search for a text would add 1 KB to every visit.
    let runs = file.strip_suffix(ENDING).unwrap_or_default();
    match program {
        Some(program) if !runs.ends_with(&program) => {
            let anew = "?".to_string() + &program;
            if query == anew { Comparison::Stale } else { Comparison::Other(anew) }
        }
        _ => Comparison::Same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(query: &str, program: Option<&str>) -> Comparison {
        compare("./student-1a_bg.wasm", query, program.map(str::to_string))
    }

    #[test]
    fn the_same_build_and_a_server_that_does_not_say_are_no_difference() {
        assert_eq!(compared("", Some("student-1a")), Comparison::Same);
        assert_eq!(compared("?student-1a", Some("student-1a")), Comparison::Same);
        assert_eq!(compared("", None), Comparison::Same);
    }

    #[test]
    fn another_build_is_opened_once_and_the_one_after_it_again() {
        let other = |query: &str| Comparison::Other(query.to_string());
        assert_eq!(compared("", Some("student-2b")), other("?student-2b"));
        assert_eq!(compared("?student-2b", Some("student-2b")), Comparison::Stale);
        assert_eq!(compared("?student-2b", Some("student-3c")), other("?student-3c"));
        assert_eq!(compared("?again", Some("student-2b")), other("?student-2b"));
    }
}
