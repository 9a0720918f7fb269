//! `reset`: empties the book for the next class and keeps the old one as a file.

use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context as _, bail};

use crate::book::Book;
use crate::book::revision::Revision;
use crate::book::store::InUse;
use crate::control::{Declined, RunningServer};
use crate::language::{Language, localized};
use crate::terminal::diagnostics;

/// Empties a book; where a server has it open, that server does.
///
/// # Errors
///
/// There is no such book, it is in use by something else, or the old contacts cannot be
/// kept under that name. Nothing has changed.
pub fn run(book: &Path, keep: Option<String>) -> anyhow::Result<()> {
    if !book.exists() {
        let book = book.display();
        bail!(localized!(
            "没有通讯录 {book}；用 --data 文件 指定另一个",
            "there is no contact book {book}; name another one with --data FILE"
        ));
    }
    let keep = keep.unwrap_or_else(|| name_of(SystemTime::now()));
    match in_file(book, &keep) {
        Err(error) if error.is::<InUse>() => {
            let Some(server) = RunningServer::of(book) else { return Err(error) };
            match server.begin_new_book(&keep) {
                Ok(()) => {}
                Err(declined) if declined.is::<Declined>() => return Err(declined),
                Err(_) => return Err(error),
            }
        }
        done => done?,
    }
    diagnostics::say(localized!(
        "通讯录已清空，原来的联系人留在旁边的 {keep}.db 里",
        "the book is empty now; its contacts are kept beside it in {keep}.db"
    ));
    Ok(())
}

fn in_file(book: &Path, keep: &str) -> anyhow::Result<()> {
    // The writer hands its answers back through a runtime.
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.context("cannot start a runtime")?;
    runtime.block_on(async {
        // A limit is for clients; this adds nothing.
        let book = Book::open(book, usize::MAX)?;
        let revision = Revision::Clear { keep: Some(keep.to_owned()) };
        let language = Language::of_machine();
        match book.revise(revision).await {
            Ok(_) => Ok(()),
            Err(error) => bail!(error.sentence(language)),
        }
    })
}

/// What the old book is called if nothing else is said: when it was put away.
fn name_of(time: SystemTime) -> String {
    let time = humantime::format_rfc3339_seconds(time).to_string();
    format!("contacts-{}", time.replace(':', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_book_is_called_by_the_time_and_without_characters_that_a_system_refuses() {
        assert_eq!(name_of(SystemTime::UNIX_EPOCH), "contacts-1970-01-01T00-00-00Z");
    }
}
