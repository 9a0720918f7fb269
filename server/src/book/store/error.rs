//! Why a change was not stored, or perhaps not.

use std::fmt;

use crate::language::localized;

/// What became of changes that [`commit`](super::Session::commit) did not
/// confirm. The text is the cause, for the teacher's terminal.
#[derive(Debug)]
pub(crate) enum StoreError {
    /// No room, noticed before anything was synced. Nothing was changed; the
    /// next commit may succeed.
    Full(String),
    /// The file or its log is not where it was opened. Nothing was changed; the
    /// next commit succeeds if it is there again.
    Displaced(String),
    /// The disk failed while the changes were being stored: after the next
    /// start they are there or not. No further change is stored.
    NotConfirmed(String),
    /// The disk failed earlier. Nothing was changed, and no further change is
    /// stored.
    Failed(String),
}

impl StoreError {
    /// What the system or SQLite said.
    pub(super) fn cause(&self) -> &str {
        match self {
            StoreError::Full(cause)
            | StoreError::Displaced(cause)
            | StoreError::NotConfirmed(cause)
            | StoreError::Failed(cause) => cause,
        }
    }

    /// The same error of housekeeping before a commit: whatever became of the
    /// housekeeping, the commit itself did not begin.
    pub(super) fn before_commit(self) -> Self {
        match self {
            StoreError::NotConfirmed(cause) => StoreError::Failed(cause),
            other => other,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            StoreError::Full(cause) => localized!(
                "磁盘已满，改动没有保存，也没有生效；腾出空间后会自动继续（{cause}）",
                "the disk is full, so changes are refused; they are stored again as soon as there \
                 is room ({cause})"
            ),
            StoreError::Displaced(cause) => {
                localized!("改动没有保存，也没有生效：{cause}", "changes are refused: {cause}")
            }
            StoreError::NotConfirmed(cause) | StoreError::Failed(cause) => localized!(
                "磁盘出错（{cause}），最后的改动不一定保存了；从现在起不再接受改动，查找照常。\
                 请检查磁盘，然后按 Ctrl+C 并重新启动",
                "the disk reports an error ({cause}): the last changes may or may not be stored. \
                 From now on changes are refused and finds go on; check the disk, then press \
                 Ctrl+C and start again"
            ),
        };
        f.write_str(&text)
    }
}

impl std::error::Error for StoreError {}
