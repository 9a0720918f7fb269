//! Reading contacts from a CSV file.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::Context as _;
use indicatif::ProgressBar;
use protocol::command::{Change, trim};
use protocol::{Command, Field, Stage};

use super::cells::{looks_like_phone, value};
use super::encoding::Encoding;
use super::fault::{Fault, Refused};
use super::header::Columns;
use super::progress;
use super::records::{Record, Records};
use crate::book::store::{Imported, Store};
use crate::language::localized;
use crate::terminal::diagnostics;

/// Wrong rows that are named before the rest are only counted: half a screen.
const SHOWN: usize = 10;

/// Adds the contacts in `csv`, `-` being standard input, to the file `book`,
/// whatever the limit on contacts is: the teacher asks for it.
///
/// # Errors
///
/// The file is no CSV file, or a row is wrong, and then none of them is added:
/// the message names them by their line numbers. Or the book is in use, damaged,
/// or cannot be written.
pub fn import(book: &Path, csv: &Path, encoding: Encoding) -> anyhow::Result<()> {
    let (mut rows, progress) = open(csv, encoding)?;
    let imported = Store::open(book)?.import(&mut rows)?;
    progress.finish_and_clear();
    say_imported(&imported);
    Ok(())
}

/// The contacts in `csv`, as [`import`] reads them.
///
/// # Errors
///
/// The file is no CSV file, or a row is wrong.
pub(crate) fn read_rows(csv: &Path, encoding: Encoding) -> anyhow::Result<Vec<(String, String)>> {
    let (rows, progress) = open(csv, encoding)?;
    let contacts = rows.collect::<anyhow::Result<_>>()?;
    progress.finish_and_clear();
    Ok(contacts)
}

/// Tells what an import has done.
pub(crate) fn say_imported(imported: &Imported) {
    let Imported { added, changed, unchanged } = imported;
    diagnostics::say(localized!(
        "新增 {added} 个，更新 {changed} 个，{unchanged} 个和原来一样",
        "{added} added, {changed} changed, {unchanged} as before"
    ));
}

/// The rows of a file, and how far they are read.
fn open(csv: &Path, encoding: Encoding) -> anyhow::Result<(Rows<impl Read>, ProgressBar)> {
    let shown = csv.display();
    let cannot = || localized!("无法读 {shown}", "cannot read {shown}");
    let (source, bytes): (Box<dyn Read>, _) = if csv == Path::new("-") {
        (Box::new(io::stdin().lock()), 0)
    } else {
        let file = File::open(csv).with_context(cannot)?;
        let bytes = file.metadata().map_or(0, |about| about.len());
        (Box::new(file), bytes)
    };
    let progress = progress(bytes, "bytes");
    let rows = Rows::of(progress.wrap_read(source), encoding)?;
    Ok((rows, progress))
}

/// The rows of a CSV file as contacts. After the first wrong row it yields no
/// more contacts but reads on, so that all wrong rows can be named at once.
struct Rows<R> {
    records: Records<R>,
    /// Known from the first row on.
    columns: Option<Columns>,
    wrong: Vec<(u64, Fault)>,
    wrong_in_all: u64,
    /// Of the rows without a header: whether every first cell looks like a
    /// phone, and no second one does.
    look_swapped: bool,
}

impl<R: Read> Rows<R> {
    fn of(source: R, encoding: Encoding) -> Result<Self, Refused> {
        let records = Records::of(source, encoding).map_err(Refused::Broken)?;
        Ok(Rows { records, columns: None, wrong: Vec::new(), wrong_in_all: 0, look_swapped: false })
    }

    /// The next contact; nothing behind the last.
    fn read(&mut self) -> Result<Option<(String, String)>, Refused> {
        while let Some(record) = self.records.next().map_err(Refused::Broken)? {
            let line = record.line;
            let columns = match self.columns {
                Some(columns) => columns,
                None => {
                    let columns = Columns::of(record.cells())
                        .map_err(|fault| Refused::Header { line, fault })?;
                    self.columns = Some(columns);
                    self.look_swapped = columns == Columns::InOrder;
                    if columns != Columns::InOrder {
                        continue;
                    }
                    columns
                }
            };
            self.look_swapped &=
                looks_like_phone(record.get(0).trim()) && !looks_like_phone(record.get(1).trim());
            match contact(record, columns) {
                Ok((name, phone)) if self.wrong_in_all == 0 => {
                    return Ok(Some((name.into_owned(), phone.into_owned())));
                }
                Ok(_) => {}
                Err(fault) => {
                    self.wrong_in_all += 1;
                    if self.wrong.len() < SHOWN {
                        self.wrong.push((line, fault));
                    }
                }
            }
        }
        if self.look_swapped {
            return Err(Refused::Swapped);
        }
        match self.wrong_in_all {
            0 => Ok(None),
            count => Err(Refused::Rows { count, shown: std::mem::take(&mut self.wrong) }),
        }
    }
}

impl<R: Read> Iterator for Rows<R> {
    type Item = anyhow::Result<(String, String)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().map_err(anyhow::Error::new).transpose()
    }
}

type Contact<'a> = (Cow<'a, str>, Cow<'a, str>);

/// A row's contact, if a client could have added it just so.
fn contact(record: Record<'_>, columns: Columns) -> Result<Contact<'_>, Fault> {
    let (name, phone) = match columns {
        Columns::InOrder => {
            if record.len() != 2 {
                return Err(columns_fault(record));
            }
            // No title has a digit in it, and nearly every phone does.
            if !record.cell(1).contains(|c: char| c.is_ascii_digit())
                && let Ok(Columns::Named { .. }) = Columns::of(record.cells())
            {
                return Err(Fault::HeaderBelow);
            }
            (0, 1)
        }
        Columns::Named { width, .. } if record.len() > width => return Err(Fault::Extra),
        Columns::Named { name, phone, .. } => (name, phone),
    };
    let name = checked(Field::Name, record.get(name))?;
    let phone = checked(Field::Phone, record.get(phone))?;
    // What else the protocol may refuse, it alone knows.
    let command = format!("add;{name};{phone}");
    match Command::parse(&command, Stage::Contacts) {
        Ok(Command::Change(Change::Add { .. })) => Ok((name, phone)),
        Ok(_) => Err(Fault::Refused("no contact".to_owned())),
        Err(mistake) => {
            let sentence = mistake.reason.to_string();
            let clause = sentence.split(", ").next().unwrap_or(&sentence);
            Err(Fault::Refused(clause.to_owned()))
        }
    }
}

/// Why a row without a header does not have two columns.
fn columns_fault(record: Record<'_>) -> Fault {
    let only = record.cell(0);
    if record.len() == 1
        && let Some(mark) = only.chars().find(|c| "，；、".contains(*c))
    {
        return Fault::FullWidth(mark);
    }
    match Columns::of(record.cells()) {
        Ok(Columns::Named { .. }) => Fault::HeaderBelow,
        _ => Fault::Columns(record.len()),
    }
}

/// What a cell stands for, as the protocol takes it.
fn checked(field: Field, cell: &str) -> Result<Cow<'_, str>, Fault> {
    let text =
        value(cell).map_err(|damage| Fault::Damaged(field, damage, trim(cell).to_owned()))?;
    let text = match text {
        Cow::Borrowed(text) => Cow::Borrowed(trim(text)),
        Cow::Owned(text) => Cow::Owned(trim(&text).to_owned()),
    };
    if text.is_empty() {
        return Err(Fault::Empty(field));
    }
    let is_plain = |byte| matches!(byte, b' '..=b'~') && byte != b';';
    if text.len() <= field.max_chars() && text.bytes().all(is_plain) {
        return Ok(text);
    }
    if text.contains(['\r', '\n']) {
        return Err(Fault::LineEnd(field));
    }
    if text.contains(';') {
        return Err(Fault::Semicolon(field));
    }
    let chars = text.chars().count();
    if chars > field.max_chars() {
        return Err(Fault::TooLong(field, chars));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
