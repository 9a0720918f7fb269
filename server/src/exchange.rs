//! The contacts as a CSV file, for spreadsheets: out and in.
//!
//! Both are all or nothing: an export appears under its name only when it is
//! complete, and an import with a single wrong row changes nothing.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use protocol::command::Change;
use protocol::{Command, Stage};

use crate::store::Store;

/// Makes Excel read a CSV file as UTF-8.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// The first row.
const HEADER: [&str; 2] = ["name", "phone"];

/// Wrong rows that are named before the rest are only counted: a screenful.
const SHOWN: usize = 20;

/// Writes the contacts in the file `book` to `csv`, `-` being standard output.
///
/// # Errors
///
/// There is no such book, it is in use or damaged, or the CSV file is there
/// already (without `force`) or cannot be written. Nothing has changed.
pub fn export(book: &Path, csv: &Path, bom: bool, force: bool) -> anyhow::Result<()> {
    if !book.exists() {
        bail!("there is no contact book {}; name another one with --data FILE", book.display());
    }
    let store = Store::open(book)?;
    if csv == Path::new("-") {
        return write(&store, io::stdout().lock(), bom);
    }
    let shown = csv.display();
    if csv.exists() && !force {
        bail!("{shown} is there already; choose another name, or replace it with --force");
    }
    let folder = match csv.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let cannot = || format!("cannot write {shown}");
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(cannot)?;
    write(&store, BufWriter::new(&mut file), bom)?;
    file.as_file().sync_all().with_context(cannot)?;
    file.persist(csv).with_context(cannot)?;
    Ok(())
}

fn write(store: &Store, mut out: impl Write, bom: bool) -> anyhow::Result<()> {
    let progress = progress(store.count(), "contacts");
    if bom {
        out.write_all(BOM)?;
    }
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(HEADER)?;
    store.for_each(|name, phone| {
        rows.write_record([defused(name), defused(phone)])?;
        progress.inc(1);
        Ok(())
    })?;
    rows.flush()?;
    progress.finish_and_clear();
    report(&format!("{} contacts written", store.count()));
    Ok(())
}

/// Adds the contacts in `csv`, `-` being standard input, to the file `book`.
///
/// # Errors
///
/// A row is wrong, and then none of them is added: the message names them by
/// their line numbers. Or the book is in use, damaged, or cannot be written.
pub fn import(book: &Path, csv: &Path) -> anyhow::Result<()> {
    let shown = csv.display();
    let (source, bytes): (Box<dyn Read>, _) = if csv == Path::new("-") {
        (Box::new(io::stdin().lock()), 0)
    } else {
        let file = File::open(csv).with_context(|| format!("cannot read {shown}"))?;
        let bytes = file.metadata().map_or(0, |about| about.len());
        (Box::new(file), bytes)
    };
    let progress = progress(bytes, "bytes");
    let mut rows = Rows::of(progress.wrap_read(BufReader::new(source)));
    Store::open(book)?.import(&mut rows)?;
    progress.finish_and_clear();
    report(&format!("{} contacts added", rows.good));
    Ok(())
}

/// The rows of a CSV file as contacts. After the first wrong row it yields no
/// more contacts but reads on, so that all wrong rows can be named at once.
struct Rows<R> {
    records: csv::Reader<R>,
    record: csv::ByteRecord,
    good: u64,
    wrong: Vec<String>,
    wrong_in_all: u64,
    at_start: bool,
}

impl<R: Read> Rows<R> {
    fn of(source: R) -> Self {
        let records =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(source);
        Rows {
            records,
            record: csv::ByteRecord::new(),
            good: 0,
            wrong: Vec::new(),
            wrong_in_all: 0,
            at_start: true,
        }
    }
}

impl<R: Read> Iterator for Rows<R> {
    type Item = anyhow::Result<(String, String)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.records.read_byte_record(&mut self.record) {
                Err(error) => return Some(Err(error).context("the CSV file cannot be read")),
                Ok(false) if self.wrong_in_all == 0 => return None,
                Ok(false) => {
                    let rest = self.wrong_in_all - self.wrong.len() as u64;
                    let rest = if rest > 0 { format!("\nand {rest} more") } else { String::new() };
                    return Some(Err(anyhow::anyhow!(
                        "nothing was imported, since {} rows are wrong:\n{}{rest}",
                        self.wrong_in_all,
                        self.wrong.join("\n")
                    )));
                }
                Ok(true) => {}
            }
            if std::mem::take(&mut self.at_start) && is_header(&self.record) {
                continue;
            }
            match contact(&self.record) {
                Ok(contact) if self.wrong_in_all == 0 => {
                    self.good += 1;
                    return Some(Ok(contact));
                }
                Ok(_) => {}
                Err(why) => {
                    self.wrong_in_all += 1;
                    if self.wrong.len() < SHOWN {
                        let line = self.record.position().map_or(0, csv::Position::line);
                        self.wrong.push(format!("line {line}: {why}"));
                    }
                }
            }
        }
    }
}

fn is_header(record: &csv::ByteRecord) -> bool {
    let first = record.get(0).unwrap_or_default();
    let first = first.strip_prefix(BOM).unwrap_or(first);
    record.len() == HEADER.len()
        && first.eq_ignore_ascii_case(HEADER[0].as_bytes())
        && record[1].eq_ignore_ascii_case(HEADER[1].as_bytes())
}

/// A row's contact, if a client could have added it just so.
fn contact(record: &csv::ByteRecord) -> Result<(String, String), String> {
    if record.len() != HEADER.len() {
        return Err(format!("columns should be name and phone, found {}", record.len()));
    }
    let text = |column: usize| {
        let bytes = &record[column];
        str::from_utf8(bytes.strip_prefix(BOM).unwrap_or(bytes))
            .map(restored)
            .map_err(|_| "not UTF-8 text; in Excel, save it as \"CSV UTF-8\"".to_owned())
    };
    let command = format!("add;{};{}", text(0)?, text(1)?);
    match Command::parse(&command, Stage::Contacts) {
        Ok(Command::Change(Change::Add { name, phone })) => Ok((name.to_owned(), phone.to_owned())),
        Ok(_) => Err("no contact".to_owned()),
        Err(mistake) => {
            let sentence = mistake.reason.to_string();
            let clause = sentence.split(", ").next().unwrap_or(&sentence);
            Err(clause.to_owned())
        }
    }
}

/// Whether a spreadsheet would take a cell for a formula, or for several cells.
fn is_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])
}

/// A cell that no spreadsheet takes for a formula: a `'` in front of one that
/// it might, or that already looks so defused.
fn defused(cell: &str) -> String {
    match is_formula(cell.trim_start_matches('\'')) {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    }
}

/// A cell as it was before it was [`defused`].
fn restored(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_formula(rest.trim_start_matches('\'')) => rest,
        _ => cell,
    }
}

/// A bar on a terminal, nothing elsewhere.
fn progress(length: u64, unit: &str) -> ProgressBar {
    let style = if unit == "bytes" {
        "{wide_bar} {bytes} of {total_bytes}, {eta} left"
    } else {
        "{wide_bar} {human_pos} of {human_len}, {eta} left"
    };
    let style = ProgressStyle::with_template(style).expect("the template is fixed");
    ProgressBar::new(length).with_style(style)
}

fn report(text: &str) {
    // A closed stderr is no reason to fail after the work is done.
    let _ = writeln!(io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_defused_and_come_back_as_they_were() {
        for (cell, safe) in [
            ("zhangsan", "zhangsan"),
            ("=1+1", "'=1+1"),
            ("+86 138", "'+86 138"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("O'Neil", "O'Neil"),
            ("'quoted'", "'quoted'"),
            ("'=1", "''=1"),
            ("''=1", "'''=1"),
            ("'", "'"),
            ("", ""),
        ] {
            assert_eq!(defused(cell), safe);
            assert_eq!(restored(safe), cell);
        }
        for control in ["\tx", "\rx", "\nx"] {
            assert!(defused(control).starts_with('\''));
        }
    }
}
