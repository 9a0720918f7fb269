//! Which Python runs a student's file.

use std::ffi::{OsStr, OsString};
use std::process::Stdio;

use anyhow::{Result, bail};
use tokio::process::Command;

use crate::language::{Language, localized};

/// What Python is called. On Windows `py` is its launcher, and `python3` may be a
/// program that only opens the shop.
const NAMES: &[&str] =
    if cfg!(windows) { &["py", "python", "python3"] } else { &["python3", "python"] };

/// The name or path of a Python 3: the one that is asked for, or the first found.
///
/// # Errors
///
/// There is none.
pub(super) async fn find(asked: Option<&OsStr>, language: Language) -> Result<OsString> {
    if let Some(python) = asked {
        if is_python_3(python).await {
            return Ok(python.to_owned());
        }
        let python = python.display();
        bail!(localized!(
            in language;
            "{python} 不是 Python 3；用 --python 指定另一个",
            "{python} is no Python 3; name another one with --python"
        ));
    }
    for name in NAMES {
        if is_python_3(OsStr::new(name)).await {
            return Ok(name.into());
        }
    }
    let names = NAMES.join(language.pick("、", ", "));
    bail!(localized!(
        in language;
        "找不到 Python 3（试过 {names}）；用 --python 指定它，或者自己启动服务器，再检查 127.0.0.1:9999",
        "there is no Python 3 (tried {names}); name it with --python, or start the server \
         yourself and check 127.0.0.1:9999"
    ))
}

async fn is_python_3(python: &OsStr) -> bool {
    let mut command = Command::new(python);
    command.args(["-c", "import sys; print(sys.version_info[0])"]);
    command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = command.output().await;
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"3")
}
