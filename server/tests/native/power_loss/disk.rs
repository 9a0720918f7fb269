//! A model of a disk whose power may be cut.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::calls::Call;

/// A disk under a cache that may be lost: what POSIX promises and no more.
#[derive(Clone, Default)]
pub(super) struct Disk {
    /// What each file is as its writers see it, and on the disk.
    pub(super) files: Vec<File>,
    /// Names now, and on the disk.
    pub(super) names: HashMap<PathBuf, usize>,
    synced_names: HashMap<PathBuf, usize>,
    /// Changes of names since the folder was synced.
    renamed: Vec<(PathBuf, Option<usize>)>,
}

#[derive(Clone, Default)]
pub(super) struct File {
    pub(super) synced: Vec<u8>,
    /// Since the last sync, in order.
    pub(super) unsynced: Vec<Change>,
}

#[derive(Clone)]
pub(super) enum Change {
    Write(u64, Vec<u8>),
    Truncate(u64),
}

impl Change {
    pub(super) fn make(&self, content: &mut Vec<u8>) {
        match self {
            Change::Write(at, bytes) => {
                let at = *at as usize;
                content.resize(content.len().max(at + bytes.len()), 0);
                content[at..at + bytes.len()].copy_from_slice(bytes);
            }
            Change::Truncate(length) => content.resize(*length as usize, 0),
        }
    }
}

impl Disk {
    pub(super) fn apply(&mut self, call: &Call) {
        match call {
            Call::Create(path) if self.names.contains_key(path) => {}
            Call::Create(path) => {
                self.files.push(File::default());
                self.name(path, Some(self.files.len() - 1));
            }
            Call::Write(path, at, bytes) => self.change(path, Change::Write(*at, bytes.clone())),
            Call::Truncate(path, length) => self.change(path, Change::Truncate(*length)),
            Call::Sync(path) => match self.names.get(path) {
                Some(&file) => {
                    let file = &mut self.files[file];
                    for change in std::mem::take(&mut file.unsynced) {
                        change.make(&mut file.synced);
                    }
                }
                None => {
                    self.synced_names = self.names.clone();
                    self.renamed.clear();
                }
            },
            Call::Rename(from, to) => {
                let file = self.names[from];
                self.name(from, None);
                self.name(to, Some(file));
            }
            Call::Unlink(path) => self.name(path, None),
            Call::Confirmed(_) => {}
        }
    }

    fn name(&mut self, path: &Path, file: Option<usize>) {
        match file {
            Some(file) => self.names.insert(path.to_owned(), file),
            None => self.names.remove(path),
        };
        self.renamed.push((path.to_owned(), file));
    }

    fn change(&mut self, path: &Path, change: Change) {
        let file = self.names[path];
        self.files[file].unsynced.push(change);
    }

    /// Writes what a power cut leaves into a folder. `survives` decides on each
    /// piece of what was not synced.
    pub(super) fn cut(&self, folder: &Path, mut survives: impl FnMut() -> bool) {
        let mut names = self.synced_names.clone();
        // A file system writes changes of names in their order, up to some point.
        for (path, file) in self.renamed.iter().take_while(|_| survives()) {
            match file {
                Some(file) => names.insert(path.clone(), *file),
                None => names.remove(path),
            };
        }
        for (path, file) in names {
            let File { synced, unsynced } = &self.files[file];
            let mut content = synced.clone();
            for change in unsynced {
                match change {
                    Change::Truncate(_) if survives() => change.make(&mut content),
                    Change::Truncate(_) => {}
                    // A disk writes sectors of 512 bytes, in any order.
                    Change::Write(at, bytes) => {
                        let mut at = *at;
                        let mut rest = &bytes[..];
                        while !rest.is_empty() {
                            let sector = (512 - at % 512).min(rest.len() as u64);
                            let (piece, others) = rest.split_at(sector as usize);
                            if survives() {
                                Change::Write(at, piece.to_vec()).make(&mut content);
                            }
                            (at, rest) = (at + sector, others);
                        }
                    }
                }
            }
            fs::write(folder.join(path.file_name().unwrap()), content).unwrap();
        }
    }
}
