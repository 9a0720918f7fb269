//! Where a book is: its real path, and what may not be there.

use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::language::localized;

/// Symbolic links that are followed one after the other, as many as Linux
/// follows.
const MOST_LINKS: usize = 40;

/// The path of a book and of its log.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) book: PathBuf,
    pub(super) log: PathBuf,
}

impl Place {
    /// Follows symbolic links to the file itself, which need not exist yet.
    /// Creates the folder it is to be in.
    ///
    /// # Errors
    ///
    /// It is not a file that can hold a book, or its folder cannot be created.
    pub(super) fn resolve(given: &Path) -> anyhow::Result<Self> {
        // SQLite's name for a database without a file, also when the command line has
        // made a full path of it.
        if given.file_name() == Some(OsStr::new(":memory:")) {
            bail!(localized!(
                ":memory: 不是文件名；只把联系人放在内存里请用 --memory",
                ":memory: is no file name; to keep the contacts in memory only, use --memory"
            ));
        }
        let mut book = std::path::absolute(given).with_context(|| unreadable(given))?;
        for _ in 0..MOST_LINKS {
            let Ok(target) = std::fs::read_link(&book) else { break };
            // An absolute target replaces the path.
            book = folder_of(&book).join(target);
        }
        let folder = folder_of(&book);
        std::fs::create_dir_all(&folder).with_context(|| {
            localized!(
                "无法创建文件夹 {0}；请用 --data FILE 换一个文件",
                "cannot create the folder {0}; choose another file with --data FILE",
                folder.display()
            )
        })?;
        let folder = dunce::canonicalize(&folder).with_context(|| unreadable(&book))?;
        let name = book.file_name().with_context(|| unreadable(&book))?;
        let place = Place::at(folder.join(name));
        place.check_kind()?;
        Ok(place)
    }

    /// A path without symbolic links.
    pub(super) fn at(book: PathBuf) -> Self {
        let log = beside(&book, "-wal");
        Place { book, log }
    }

    pub(super) fn folder(&self) -> PathBuf {
        folder_of(&self.book)
    }

    /// Room that is left on the disk, where the system says so.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        #[cfg(unix)]
        return rustix::fs::statvfs(&self.book).ok().map(|disk| disk.f_bavail * disk.f_frsize);
        #[cfg(not(unix))]
        None
    }

    /// Refuses what is no regular file, before it is opened: to open a FIFO
    /// waits for a writer.
    fn check_kind(&self) -> anyhow::Result<()> {
        let kind = match std::fs::metadata(&self.book) {
            Ok(about) if about.is_file() => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).with_context(|| unreadable(&self.book)),
            Ok(about) => kind(&about),
        };
        bail!(localized!(
            "{0} 是{1}，不是文件；请用 --data FILE 换一个文件",
            "{0} is {1} and no file; choose another one with --data FILE",
            self.book.display(),
            kind
        ))
    }

    /// Refuses to begin an empty book where a log or a journal says that there
    /// was one.
    pub(super) fn check_orphans(&self) -> anyhow::Result<()> {
        for left in [self.log.clone(), beside(&self.book, "-journal")] {
            if left.exists() {
                bail!(localized!(
                    "找不到 {0}，但它的日志 {1} 还在；请把文件放回去，或者移走日志，从空的联系人开始",
                    "{0} is missing, but its log {1} is there; put the file back, or move the log \
                     away to begin with no contacts",
                    self.book.display(),
                    left.display()
                ));
            }
        }
        Ok(())
    }
}

/// A file beside the book that `given` leads to, whose name begins with the book's.
///
/// # Errors
///
/// There can be no book.
pub(crate) fn file_beside(given: &Path, ending: &str) -> anyhow::Result<PathBuf> {
    Ok(beside(&Place::resolve(given)?.book, ending))
}

/// A file beside the book whose name begins with the book's.
pub(super) fn beside(book: &Path, ending: &str) -> PathBuf {
    let mut path = OsString::from(book);
    path.push(ending);
    path.into()
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("/")).to_owned()
}

fn unreadable(path: &Path) -> String {
    localized!(
        "无法读取 {0}；请用 --data FILE 换一个文件",
        "cannot read {0}; choose another file with --data FILE",
        path.display()
    )
}

fn kind(about: &Metadata) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        let kind = about.file_type();
        if kind.is_fifo() {
            return localized!("命名管道（FIFO）", "a named pipe (FIFO)");
        }
        if kind.is_socket() {
            return localized!("套接字", "a socket");
        }
        if kind.is_char_device() || kind.is_block_device() {
            return localized!("设备", "a device");
        }
    }
    match about.is_dir() {
        true => localized!("文件夹", "a folder"),
        false => localized!("特殊文件", "a special file"),
    }
}
