//! Whether the files of an open book are still where they were opened: what is
//! stored into a file without a name is lost.

use std::fs::{File, Metadata};
use std::io;
#[cfg(unix)]
use std::path::Path;

use super::place::Place;
#[cfg(unix)]
use crate::language::localized;

/// The two files of an open book, to notice that they were deleted, replaced
/// or written by another program.
#[derive(Debug)]
#[cfg_attr(not(unix), expect(dead_code, reason = "nothing is compared on Windows"))]
pub(super) struct Watched {
    place: Place,
    /// As the files were when this process wrote them last.
    book: Metadata,
    log: Metadata,
}

impl Watched {
    pub(super) fn new(place: Place, book: &File, log: &File) -> io::Result<Self> {
        Ok(Watched { place, book: book.metadata()?, log: log.metadata()? })
    }

    /// Takes note of how the book is now, after this process wrote it.
    pub(super) fn book_written(&mut self, book: &File) -> io::Result<()> {
        self.book = book.metadata()?;
        Ok(())
    }

    /// Takes note of how long the log is now.
    pub(super) fn log_written(&mut self, log: &File) -> io::Result<()> {
        self.log = log.metadata()?;
        Ok(())
    }

    /// Checks that both files are at their paths, as this process left them.
    /// Costs two calls of `stat`, some microseconds.
    ///
    /// # Errors
    ///
    /// They are not; the text says what happened to which, for the teacher.
    #[cfg(unix)]
    pub(super) fn check(&self) -> Result<(), String> {
        look(&self.place.book, &self.book, true)?;
        // The log is written all the time.
        look(&self.place.log, &self.log, false)
    }

    /// Nothing to check on Windows: a file in use cannot be deleted or replaced
    /// there, and when it was written is known late.
    #[cfg(not(unix))]
    pub(super) fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

#[cfg(unix)]
fn look(path: &Path, before: &Metadata, compare_times: bool) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    let shown = path.display();
    let Ok(now) = std::fs::metadata(path) else {
        return Err(localized!(
            "{shown} 被删除或移走了；请把它放回去，或者重新启动",
            "{shown} was deleted or moved away; put it back, or start again"
        ));
    };
    if (now.dev(), now.ino()) != (before.dev(), before.ino()) {
        return Err(localized!(
            "{shown} 被换成了另一个文件；请把原来的放回去，或者重新启动",
            "{shown} was replaced by another file; put the old one back, or start again"
        ));
    }
    let time = |about: &Metadata| (about.mtime(), about.mtime_nsec());
    if now.len() < before.len() || (compare_times && time(&now) != time(before)) {
        return Err(localized!(
            "{shown} 被另一个程序改动了；请重新启动",
            "{shown} was changed by another program; start again"
        ));
    }
    Ok(())
}
