//! The rows of a CSV file, with the lines they stand in.

use std::io::Read;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::dialect::Dialect;
use super::encoding::{Encoding, Text, Unreadable};

/// The most text of one row, 256 KB: two cells as full as Excel makes them
/// (32,767 characters, 98 KB of Chinese) and then some. A longer one is a file
/// without line ends, or with a quotation mark that is never closed.
const LONGEST: usize = 256 * 1024;

/// The most columns of one row, as many as a sheet of Excel has.
const COLUMNS: usize = 16_384;

/// Why there is no further row, and the line of the file it is about.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) line: u64,
    pub(super) why: Why,
}

/// See [`Broken`].
#[derive(Debug)]
pub(super) enum Why {
    /// There is no more text.
    Unreadable(Unreadable),
    /// A row is longer than any can be.
    TooLong,
}

/// Reads a file row by row. Rows without any text are left out.
pub(super) struct Records<R> {
    text: Text<R>,
    parser: Reader,
    lines: LineCounter,
    /// The text of the current row, its cells one behind another, and where
    /// each ends.
    row: Box<[u8]>,
    ends: Box<[usize]>,
}

/// A row, with at least one cell that is not blank, and that is its last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    /// The line it begins in, as an editor counts.
    pub(super) line: u64,
    row: &'a [u8],
    ends: &'a [usize],
}

impl<R: Read> Records<R> {
    /// The rows of `source`.
    ///
    /// # Errors
    ///
    /// Its first bytes cannot be read, or are not those of a text.
    pub(super) fn of(source: R, encoding: Encoding) -> Result<Self, Broken> {
        let broken = |error| Broken { line: 1, why: Why::Unreadable(error) };
        let mut text = Text::of(source, encoding).map_err(broken)?;
        let mut lines = LineCounter { line: 1, is_behind_cr: false };
        let dialect = match text.chunk() {
            Ok(start) => {
                let dialect = Dialect::of(str::from_utf8(start).expect("chunks are whole UTF-8"));
                lines.pass(&start[..dialect.skipped]);
                text.consume(dialect.skipped);
                dialect
            }
            // It is met again where it belongs, with the first row.
            Err(_) => Dialect::of(""),
        };
        let mut parser = ReaderBuilder::new().delimiter(dialect.separator).build();
        // The parser leaves out a mark at its start. The file's own is gone
        // already, so a blank line comes first.
        let _ = parser.read_record(b"\n", &mut [0], &mut [0]);
        Ok(Records {
            text,
            parser,
            lines,
            row: vec![0; LONGEST].into_boxed_slice(),
            ends: vec![0; COLUMNS].into_boxed_slice(),
        })
    }

    /// The next row; nothing at the end.
    ///
    /// # Errors
    ///
    /// The file is broken here; there are no further rows.
    pub(super) fn next(&mut self) -> Result<Option<Record<'_>>, Broken> {
        loop {
            let Some((line, columns)) = self.read()? else { return Ok(None) };
            let record = Record { line, row: &self.row, ends: &self.ends[..columns] };
            let used = (0..columns).rfind(|&column| !is_blank(record.cell(column)));
            if let Some(last) = used {
                return Ok(Some(Record { line, row: &self.row, ends: &self.ends[..=last] }));
            }
        }
    }

    /// Reads a row into the buffers. Returns the line it begins in, and how many
    /// cells it has.
    fn read(&mut self) -> Result<Option<(u64, usize)>, Broken> {
        let (mut length, mut columns) = (0, 0);
        let mut begun = None;
        loop {
            let chunk = match self.text.chunk() {
                Ok(chunk) => chunk,
                Err(error) => {
                    return Err(Broken { line: self.lines.line, why: Why::Unreadable(error) });
                }
            };
            let (result, read, written, ended) =
                self.parser.read_record(chunk, &mut self.row[length..], &mut self.ends[columns..]);
            let mut passed = &chunk[..read];
            if begun.is_none()
                && let Some(blank) = passed.iter().position(|byte| !b"\r\n".contains(byte))
            {
                self.lines.pass(&passed[..blank]);
                passed = &passed[blank..];
                begun = Some(self.lines.line);
            }
            self.lines.pass(passed);
            self.text.consume(read);
            (length, columns) = (length + written, columns + ended);
            let line = begun.unwrap_or(self.lines.line);
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    return Err(Broken { line, why: Why::TooLong });
                }
                ReadRecordResult::Record => return Ok(Some((line, columns))),
                ReadRecordResult::End => return Ok(None),
            }
        }
    }
}

impl<'a> Record<'a> {
    /// How many cells it has; blank ones at its end do not count.
    pub(super) fn len(self) -> usize {
        self.ends.len()
    }

    /// A cell, which must be there.
    pub(super) fn cell(self, column: usize) -> &'a str {
        let start = column.checked_sub(1).map_or(0, |before| self.ends[before]);
        let cell = &self.row[start..self.ends[column]];
        str::from_utf8(cell).expect("UTF-8 cut at ASCII characters is UTF-8")
    }

    /// A cell, empty if there is none.
    pub(super) fn get(self, column: usize) -> &'a str {
        if column < self.len() { self.cell(column) } else { "" }
    }

    pub(super) fn cells(self) -> impl Iterator<Item = &'a str> {
        (0..self.len()).map(move |column| self.cell(column))
    }
}

fn is_blank(cell: &str) -> bool {
    cell.chars().all(char::is_whitespace)
}

/// Counts lines as editors do: CR LF, LF and CR each end one, quoted or not.
#[derive(Debug)]
struct LineCounter {
    /// The line that comes next, from 1.
    line: u64,
    is_behind_cr: bool,
}

impl LineCounter {
    fn pass(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\r' || byte == b'\n' && !self.is_behind_cr {
                self.line += 1;
            }
            self.is_behind_cr = byte == b'\r';
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// The rows as `LINE:CELL|CELL`.
    fn rows(source: impl Read) -> Vec<String> {
        let mut records = Records::of(source, Encoding::Utf8).unwrap();
        let mut rows = Vec::new();
        while let Some(record) = records.next().unwrap() {
            rows.push(format!("{}:{}", record.line, record.cells().collect::<Vec<_>>().join("|")));
        }
        rows
    }

    #[test]
    fn lines_are_counted_as_an_editor_does_whatever_ends_them() {
        let text = "\na,1\n\n\"two\nlines\",2\n,,\nb,3,,\n \u{3000} \n\"\"\nc";
        let expected = ["2:a|1", "4:two\nlines|2", "7:b|3", "10:c"];
        for line_end in ["\n", "\r\n", "\r"] {
            let expected = expected.map(|row| row.replace('\n', line_end));
            let text = text.replace('\n', line_end);
            assert_eq!(rows(text.as_bytes()), expected, "{line_end:?}");
            // In two reads, cut anywhere.
            for cut in 0..text.len() {
                let (first, second) = text.as_bytes().split_at(cut);
                assert_eq!(rows(first.chain(second)), expected, "{line_end:?}, cut at {cut}");
            }
        }
        assert_eq!(rows(&b"sep=;\r\na;1\r\n"[..]), ["2:a|1"]);
        assert_eq!(rows(&b"a,1\n\r\n\r\rb,2"[..]), ["1:a|1", "5:b|2"]);
    }

    #[test]
    fn lines_stay_right_across_all_buffers() {
        let text: String = (1..=50_000).map(|line| format!("n{line},{line}\r\n")).collect();
        let expected = (1..=50_000).map(|line| format!("{line}:n{line}|{line}"));
        assert!(rows(text.as_bytes()).into_iter().eq(expected));
    }

    /// Counts what is read of it.
    struct Counted<R>(R, u64);

    impl<R: Read> Read for Counted<R> {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            let read = self.0.read(bytes)?;
            self.1 += read as u64;
            Ok(read)
        }
    }

    #[test]
    fn a_row_without_end_is_refused_before_much_of_it_is_read() {
        /// 2 GB
        const ENDLESS: u64 = 2 << 30;
        for (begin, endless) in
            [("", "x"), ("", ","), ("\"", "a"), ("\"", "\r\n"), ("", "a,"), ("", "\"\"")]
        {
            let begin = format!("name,phone\na,1\n{begin}");
            let source = endless.repeat(4096 / endless.len()).into_bytes();
            let mut left = ENDLESS / source.len() as u64;
            let source = std::iter::from_fn(|| {
                left = left.checked_sub(1)?;
                Some(source.as_slice())
            });
            let mut source =
                Counted(begin.as_bytes().chain(Pieces { pieces: source, rest: b"" }), 0);
            let mut records = Records::of(&mut source, Encoding::Utf8).unwrap();
            for _ in 0..2 {
                assert!(records.next().unwrap().is_some());
            }
            let broken = records.next().unwrap_err();
            assert!(matches!(broken, Broken { line: 3, why: Why::TooLong }), "{broken:?}");
            assert!(source.1 < 1_000_000, "{} bytes were read of {endless:?}", source.1);
        }
    }

    struct Pieces<'a, I> {
        pieces: I,
        rest: &'a [u8],
    }

    impl<'a, I: Iterator<Item = &'a [u8]>> Read for Pieces<'a, I> {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            if self.rest.is_empty() {
                self.rest = self.pieces.next().unwrap_or_default();
            }
            self.rest.read(bytes)
        }
    }

    #[test]
    fn the_longest_row_is_read() {
        let cell = "x".repeat(LONGEST - 2);
        assert_eq!(rows(format!("a,{cell}\n").as_bytes()), [format!("1:a|{cell}")]);
    }

    #[test]
    fn a_byte_that_is_no_text_is_an_error_in_its_own_line() {
        for (bytes, line) in [
            (&b"a,1\r\n\r\nb,\xff\r\n"[..], 3),
            (b"a,1\r\xff", 2),
            (b"\xff", 1),
            (b"a,\"\n\n\xff\"", 3),
            (b"a,1\n\xe5\xbc", 2),
        ] {
            let mut records = Records::of(bytes, Encoding::Utf8).unwrap();
            let broken = loop {
                match records.next() {
                    Ok(record) => assert!(record.is_some(), "it ended"),
                    Err(broken) => break broken,
                }
            };
            assert_eq!(broken.line, line, "{bytes:?}");
            assert!(matches!(broken.why, Why::Unreadable(Unreadable::Malformed("UTF-8"))));
        }
    }

    #[test]
    fn a_second_mark_and_marks_inside_are_part_of_the_text() {
        let bom = "\u{feff}";
        assert_eq!(
            rows(format!("{bom}{bom}a,{bom}1{bom}").as_bytes()),
            [format!("1:{bom}a|{bom}1{bom}")]
        );
    }
}
