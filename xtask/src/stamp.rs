//! Stamps: what a tool was given when it last made something. A tool that is given the same
//! is not started again; trunk's minifier names and orders what is in a script at random, so
//! the server and all its tests would be built anew.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::page::read_all;

/// A file with the hash of what a tool is given.
pub struct Stamp {
    file: PathBuf,
    hash: String,
}

impl Stamp {
    /// Hashes files, those in folders included, and the version of the tool.
    ///
    /// # Errors
    ///
    /// One cannot be read.
    pub fn of(given: &[PathBuf], version: &str, file: PathBuf) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        version.hash(&mut hasher);
        for path in given {
            if path.is_dir() {
                read_all(path)?.hash(&mut hasher);
            } else {
                let read = fs::read(path);
                read.with_context(|| format!("cannot read {}", path.display()))?.hash(&mut hasher);
            }
        }
        Ok(Stamp { file, hash: format!("{:016x}", hasher.finish()) })
    }

    /// Runs a tool that writes into a folder, unless it was given the same before and
    /// something is in the folder.
    ///
    /// # Errors
    ///
    /// That of the tool, or the stamp cannot be written.
    pub fn unless_known(&self, output: &Path, tool: impl FnOnce() -> Result<()>) -> Result<()> {
        let known = fs::read_to_string(&self.file).unwrap_or_default();
        let is_there = || fs::read_dir(output).is_ok_and(|mut files| files.next().is_some());
        if known == self.hash && is_there() {
            return Ok(());
        }
        // One that fails may leave half of its work there.
        let _ = fs::remove_file(&self.file);
        tool()?;
        fs::write(&self.file, &self.hash)
            .with_context(|| format!("cannot write {}", self.file.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use anyhow::bail;

    use super::*;

    #[test]
    fn a_tool_runs_again_when_it_is_given_something_else_or_has_failed() {
        let folder = crate::repository().unwrap().create_temp_dir().unwrap();
        let (given, output) = (folder.path().join("given"), folder.path().join("output"));
        fs::create_dir_all(given.join("inner")).unwrap();
        let runs = Cell::new(0);
        let run = |version: &str, succeeds: bool| {
            let file = folder.path().join("stamp");
            let stamp = Stamp::of(std::slice::from_ref(&given), version, file).unwrap();
            let before = runs.get();
            let _ = stamp.unless_known(&output, || {
                runs.set(before + 1);
                fs::create_dir_all(output.join("made")).unwrap();
                if succeeds { Ok(()) } else { bail!("it is broken") }
            });
            runs.get() > before
        };
        assert!(run("1", true) && !run("1", true));
        assert!(run("2", true) && !run("2", true), "another version");
        fs::write(given.join("inner/file"), "1").unwrap();
        assert!(run("2", false) && run("2", true) && !run("2", true), "a new file");
        fs::rename(given.join("inner/file"), given.join("inner/other")).unwrap();
        assert!(run("2", true), "another name");
        fs::remove_dir(output.join("made")).unwrap();
        assert!(run("2", true) && !run("2", true), "no output");
    }
}
