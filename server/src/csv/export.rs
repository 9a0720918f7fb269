//! Writing the contacts to a CSV file.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context as _, bail};

use super::cells::defused;
use super::{BOM, progress};
use crate::book::store::{InUse, Store};
use crate::control::RunningServer;
use crate::language::localized;
use crate::terminal::diagnostics;

/// The first row.
const HEADER: [&str; 2] = ["name", "phone"];

/// Writes the contacts in the file `book` to `csv`, `-` being standard output. Where a
/// server has the file open, they come from it.
///
/// # Errors
///
/// There is no such book, it is in use or damaged, or the CSV file is there
/// already (without `force`) or cannot be written. Nothing has changed.
pub fn export(book: &Path, csv: &Path, bom: bool, force: bool) -> anyhow::Result<()> {
    if !book.exists() {
        let book = book.display();
        bail!(localized!(
            "没有通讯录 {book}；用 --data 文件 指定另一个",
            "there is no contact book {book}; name another one with --data FILE"
        ));
    }
    let source = Source::open(book, bom)?;
    write_to(csv, force, |out| source.write(out, bom))
}

/// Writes contacts to `csv`, as [`export`] does.
///
/// # Errors
///
/// The CSV file is there already (without `force`) or cannot be written.
pub(crate) fn export_rows(
    contacts: &[(String, String)],
    csv: &Path,
    bom: bool,
    force: bool,
) -> anyhow::Result<()> {
    write_to(csv, force, |out| {
        let mut rows = Rows::new(out, bom)?;
        contacts.iter().try_for_each(|(name, phone)| rows.write(name, phone))?;
        rows.finish()?;
        say_exported(contacts.len() as u64);
        Ok(())
    })
}

fn say_exported(count: u64) {
    diagnostics::say(localized!("写出了 {count} 个联系人", "{count} contacts written"));
}

/// Has a file written, which appears whole or not at all; `-` is standard output.
fn write_to(
    csv: &Path,
    force: bool,
    write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if csv == Path::new("-") {
        return write(&mut io::stdout().lock())
            .with_context(|| localized!("无法写到标准输出", "cannot write to standard output"));
    }
    let shown = csv.display();
    if csv.exists() && !force {
        bail!(localized!(
            "{shown} 已经存在；换一个名字，或者用 --force 覆盖它",
            "{shown} is there already; choose another name, or replace it with --force"
        ));
    }
    let folder = match csv.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let cannot = || localized!("无法写 {shown}", "cannot write {shown}");
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(cannot)?;
    write(&mut BufWriter::new(&mut file)).with_context(cannot)?;
    file.as_file().sync_all().with_context(cannot)?;
    file.persist(csv).with_context(cannot)?;
    Ok(())
}

/// Contacts as a CSV file, as an export writes it.
///
/// # Errors
///
/// Never: it is written to memory.
pub(crate) fn rows_of(contacts: &[(&str, &str)], bom: bool) -> io::Result<Vec<u8>> {
    let mut written = Vec::new();
    let mut rows = Rows::new(&mut written, bom)?;
    contacts.iter().try_for_each(|(name, phone)| rows.write(name, phone))?;
    rows.finish()?;
    Ok(written)
}

/// Where the contacts come from.
enum Source {
    /// The file itself.
    File(Box<Store>),
    /// The server that has the file open, which has written them already.
    Server(Vec<u8>),
}

impl Source {
    fn open(book: &Path, bom: bool) -> anyhow::Result<Self> {
        match Store::open(book) {
            Err(error) if error.is::<InUse>() => {
                let written = RunningServer::of(book).map(|server| server.contacts(bom));
                match written {
                    Some(Ok(rows)) => Ok(Source::Server(rows)),
                    // What the control file names is gone, or does not answer.
                    Some(Err(_)) | None => Err(error),
                }
            }
            opened => opened.map(|store| Source::File(Box::new(store))),
        }
    }

    fn write(&self, mut out: impl Write, bom: bool) -> anyhow::Result<()> {
        let count = match self {
            Source::File(store) => {
                write(store, out, bom)?;
                store.count()
            }
            Source::Server(rows) => {
                out.write_all(rows)?;
                out.flush()?;
                // A row each and the header; no contact holds a line end.
                rows.iter().filter(|byte| **byte == b'\n').count().saturating_sub(1) as u64
            }
        };
        say_exported(count);
        Ok(())
    }
}

fn write(store: &Store, out: impl Write, bom: bool) -> anyhow::Result<()> {
    let progress = progress(store.count(), "contacts");
    let mut rows = Rows::new(out, bom)?;
    store.for_each(|name, phone| {
        rows.write(name, phone)?;
        progress.inc(1);
        Ok(())
    })?;
    rows.finish()?;
    progress.finish_and_clear();
    Ok(())
}

/// The rows of a CSV file, as any spreadsheet and our own import read them.
pub(super) struct Rows<W: Write>(csv::Writer<W>);

impl<W: Write> Rows<W> {
    pub(super) fn new(mut out: W, bom: bool) -> io::Result<Self> {
        if bom {
            out.write_all(BOM)?;
        }
        let mut rows = csv::Writer::from_writer(out);
        rows.write_record(HEADER)?;
        Ok(Rows(rows))
    }

    pub(super) fn write(&mut self, name: &str, phone: &str) -> io::Result<()> {
        Ok(self.0.write_record([&*defused(name), &*defused(phone)])?)
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}
