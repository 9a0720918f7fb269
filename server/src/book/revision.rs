//! Revisions: what the teacher changes in the book, past the limits of a client.
//!
//! A revision is one durable step: all of it is stored, or nothing. It says nothing
//! about who may ask for it.

use std::collections::HashSet;
use std::fmt;

use protocol::Contacts;

use crate::book::contacts::ObservableContacts;
use crate::book::store::{KeepError, StoreError, Update};
use crate::language::{Language, localized};

/// Contacts that a revision took out of the book.
pub(crate) type Removed = Vec<(Box<str>, Box<str>)>;

/// What is to be changed.
#[derive(Clone, Debug)]
pub(crate) enum Revision {
    /// Take one contact out.
    Remove(Box<str>),
    /// Take all contacts out; before that, keep them as a file of this name beside the
    /// book.
    Clear {
        /// The name without the ending.
        keep: Option<String>,
    },
    /// Put contacts back that were taken out. What has been stored under their names
    /// since then stays: it was acknowledged.
    PutBack(Removed),
}

/// Why nothing was revised, or perhaps not.
#[derive(Debug)]
pub(crate) enum NotRevised {
    /// There is no such contact.
    NotThere,
    /// The book is in memory only, and so nothing can be kept beside it.
    NoFile,
    /// The old book could not be kept.
    NotKept(KeepError),
    /// The disk.
    Storage(StoreError),
    /// The thread that stores is gone.
    Gone,
    /// The book is in a database, and so nothing can be kept beside it.
    NoFolder,
    /// The database does not answer.
    Away,
}

impl NotRevised {
    /// What the teacher reads.
    pub(crate) fn sentence(&self, language: Language) -> String {
        match self {
            NotRevised::NotThere => {
                localized!(in language; "通讯录里没有这个名字", "there is no such contact")
            }
            NotRevised::NoFile => localized!(
                in language;
                "通讯录只在内存里（--memory），没有文件可以留存；请先导出，再清空",
                "the book is in memory only (--memory), so no file can be kept; export it, then \
                 reset it"
            ),
            NotRevised::NotKept(error) => error.sentence(language),
            NotRevised::Storage(StoreError::NotConfirmed(cause)) => localized!(
                in language;
                "磁盘出错（{cause}），不能确定是否已经保存；请检查磁盘并重新启动",
                "the disk reports an error ({cause}), so this may or may not be stored; check the \
                 disk and start again"
            ),
            NotRevised::Storage(error) => {
                localized!(in language; "什么都没有改动：{error}", "nothing was changed: {error}")
            }
            NotRevised::Gone => localized!(
                in language;
                "保存联系人的线程已经停止；请重新启动",
                "the thread that stores contacts has ended; start again"
            ),
            NotRevised::NoFolder => localized!(
                in language;
                "通讯录在数据库里，旁边不能留存文件；请先导出，再清空",
                "the book is in a database, so no file can be kept beside it; export it, then \
                 reset it"
            ),
            NotRevised::Away => localized!(
                in language;
                "数据库没有回应，不能确定是否已经保存；请稍后再看",
                "the database does not answer, so this may or may not be stored; look again later"
            ),
        }
    }
}

impl fmt::Display for NotRevised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(Language::English))
    }
}

impl From<StoreError> for NotRevised {
    fn from(error: StoreError) -> Self {
        NotRevised::Storage(error)
    }
}

impl Revision {
    /// The contacts that the revision is about, as the book has or will have them.
    ///
    /// # Errors
    ///
    /// There is nothing to revise.
    pub(crate) fn contacts(&self, book: &Contacts) -> Result<Removed, NotRevised> {
        match self {
            Revision::Remove(name) => {
                let phone = book.get(name).ok_or(NotRevised::NotThere)?;
                Ok(vec![(name.clone(), phone.into())])
            }
            Revision::Clear { .. } => {
                Ok(book.iter().map(|(name, phone)| (name.into(), phone.into())).collect())
            }
            Revision::PutBack(contacts) => {
                let mut told = HashSet::new();
                let is_free = |name: &str| book.get(name).is_none();
                Ok(contacts
                    .iter()
                    .filter(|(name, _)| is_free(name) && told.insert(name))
                    .cloned()
                    .collect())
            }
        }
    }

    /// The updates of these contacts for the store.
    pub(super) fn updates<'c>(&self, contacts: &'c Removed) -> Vec<Update<'c>> {
        let puts_back = matches!(self, Revision::PutBack(_));
        let update = |(name, phone): &'c (Box<str>, Box<str>)| Update {
            name,
            before: (!puts_back).then(|| phone.clone()),
            after: puts_back.then_some(&**phone),
            is_latest: true,
        };
        contacts.iter().map(update).collect()
    }

    /// Makes the revision in the map.
    pub(super) fn apply(&self, contacts: &Removed, book: &mut ObservableContacts) {
        match self {
            Revision::Remove(name) => book.remove(name),
            Revision::Clear { .. } => book.clear(),
            Revision::PutBack(_) => {
                contacts.iter().for_each(|(name, phone)| book.insert(name, phone));
            }
        }
    }
}
