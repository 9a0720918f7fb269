//! What packages of the program bring besides it: completions for the shells, and
//! manual pages. Both are made from the options themselves, so that they never
//! say anything else than `--help`.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use clap::{CommandFactory as _, ValueEnum as _};
use clap_complete::Shell;

use crate::cli::options::CommandLine;

/// Writes the completions of every shell, and a manual page for the program and
/// for each subcommand, into `folder`.
///
/// # Errors
///
/// The folder cannot be written.
pub fn write(folder: &Path) -> anyhow::Result<()> {
    // `help` would get a page for each subcommand that it can be asked about.
    let mut command = CommandLine::command().disable_help_subcommand(true);
    let name = command.get_name().to_owned();
    fs::create_dir_all(folder)
        .and_then(|()| {
            for shell in Shell::value_variants() {
                clap_complete::generate_to(*shell, &mut command, &name, folder)?;
            }
            clap_mangen::generate_to(command, folder)
        })
        .with_context(|| format!("cannot write into {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completions_and_manual_pages_name_every_option() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let command = CommandLine::command();
        let page = read("tcp-classroom.1").replace("\\-", "-");
        let completions = read("tcp-classroom.bash");
        let shown = command.get_arguments().filter(|option| !option.is_hide_set());
        for option in shown.filter_map(clap::Arg::get_long) {
            assert!(page.contains(&format!("--{option}")), "{option}");
            assert!(completions.contains(&format!("--{option}")), "{option}");
        }
        for file in ["_tcp-classroom", "_tcp-classroom.ps1", "tcp-classroom.fish"] {
            assert!(read(file).contains("max-contacts"), "{file}");
        }
        assert!(read("tcp-classroom-export.1").contains("bom"));
    }
}
