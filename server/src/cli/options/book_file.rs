//! Where the contacts are: `--data`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::language::localized;

/// The file with the contacts.
#[derive(Clone, Debug, Default, Args)]
pub struct BookFile {
    /// The file the contacts are in. [default: contacts.db in this user's data
    /// folder; the server's start-up message says where]
    #[arg(long, value_name = "FILE", env = "TCP_CLASSROOM_DATA")]
    pub data: Option<PathBuf>,
}

impl BookFile {
    /// The file named, or the usual one, with its full path.
    ///
    /// # Errors
    ///
    /// None is named, and the system names no folder for this user's data; or
    /// the name is relative to a folder that is gone.
    pub fn path(&self) -> anyhow::Result<PathBuf> {
        if let Some(path) = &self.data {
            return std::path::absolute(path).with_context(|| {
                let path = path.display();
                localized!("不知道 {} 的完整路径", "cannot tell the full path of {}", path)
            });
        }
        let folder = dirs::data_dir().with_context(|| {
            localized!(
                "系统没有给出保存数据的文件夹；请用 --data FILE 指定一个文件",
                "this system names no folder for your data; choose a file with --data FILE"
            )
        })?;
        Ok(folder.join("tcp-classroom").join("contacts.db"))
    }
}
