//! The bytes of a file as UTF-8 text, whatever encoding they are in.

use std::io::{self, Read};
use std::ops::Range;

use encoding_rs::{Decoder, DecoderResult, GB18030, UTF_8};

/// Bytes that are read and decoded at once: the usual buffer of a pipe.
const AT_ONCE: usize = 64 * 1024;

/// The encoding of a file without a byte order mark. With one, the mark says it:
/// UTF-8 or UTF-16.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Encoding {
    /// UTF-8 ("CSV UTF-8" in Excel)
    #[default]
    #[value(name = "utf-8", alias = "utf8")]
    Utf8,
    /// The encoding of a Chinese Windows, GB18030 included (plain "CSV" in its Excel)
    #[value(name = "gbk", aliases = ["gb18030", "gb2312"])]
    Gbk,
}

/// Why there is no more text.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// The system says why.
    Failed(io::Error),
    /// It is no text file at all, but one of these.
    NoText(FileKind),
    /// Bytes that the encoding does not know: its name.
    Malformed(&'static str),
    /// It is to be read as GBK, but it is UTF-8.
    IsUtf8,
}

/// Files that teachers take for CSV files, by their first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// A ZIP archive: `.xlsx`, `.ods`, or really one.
    Workbook,
    /// `.xls` of Excel 97 to 2003.
    OldWorkbook,
    /// A page of HTML or XML, as which websites offer "Excel" files.
    WebPage,
    /// A SQLite file, perhaps a contact book.
    Database,
    /// PDF
    Pdf,
    /// UTF-16 without a byte order mark, or no text at all.
    Binary,
}

impl FileKind {
    /// The kind of a file that begins so, if it is none that can be imported.
    fn of(start: &[u8]) -> Option<Self> {
        /// How each kind begins.
        const KINDS: [(&[u8], FileKind); 6] = [
            (b"PK\x03\x04", FileKind::Workbook),
            (b"PK\x05\x06", FileKind::Workbook),
            (b"\xD0\xCF\x11\xE0", FileKind::OldWorkbook),
            // The `.xls` before that, a bare stream of records.
            (b"\x09\x08\x10\x00", FileKind::OldWorkbook),
            (b"SQLite format 3\0", FileKind::Database),
            (b"%PDF-", FileKind::Pdf),
        ];
        if let Some((_, kind)) = KINDS.iter().find(|(begin, _)| start.starts_with(begin)) {
            return Some(*kind);
        }
        let start = start.strip_prefix(super::BOM).unwrap_or(start).trim_ascii_start();
        let tag = start.get(..16).unwrap_or(start).to_ascii_lowercase();
        let tags = ["<html", "<!doctype", "<?xml", "<table", "<meta", "<head"];
        tags.iter().any(|begin| tag.starts_with(begin.as_bytes())).then_some(FileKind::WebPage)
    }
}

/// The text of a file, in chunks of whole characters. Only a byte order mark at
/// the very start is left out.
pub(super) struct Text<R> {
    source: R,
    decoder: Decoder,
    /// Bytes that have been read, of which these are not decoded yet.
    bytes: Box<[u8]>,
    undecoded: Range<usize>,
    /// The source has no more.
    has_ended: bool,
    /// Text that has been decoded, of which this has not been handed out yet.
    text: Box<[u8]>,
    unread: Range<usize>,
    /// Everything is decoded, up to the end or to a byte that cannot be.
    outcome: Option<Outcome>,
    utf8: Option<Utf8Guess>,
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Ended,
    Malformed,
}

impl<R: Read> Text<R> {
    /// The text of `source`, in `encoding` unless it begins with a mark.
    ///
    /// # Errors
    ///
    /// Its start cannot be read, or is that of something else than text.
    pub(super) fn of(mut source: R, encoding: Encoding) -> Result<Self, Unreadable> {
        let mut bytes = vec![0; AT_ONCE].into_boxed_slice();
        let mut read = 0;
        let mut has_ended = false;
        // All of it: a pipe may bring a few bytes at a time.
        while read < bytes.len() && !has_ended {
            let more = read_some(&mut source, &mut bytes[read..])?;
            has_ended = more == 0;
            read += more;
        }
        let start = &bytes[..read];
        if let Some(kind) = FileKind::of(start) {
            return Err(Unreadable::NoText(kind));
        }
        let (encoding, mark) = match (encoding_rs::Encoding::for_bom(start), encoding) {
            (Some(marked), _) => marked,
            (None, Encoding::Utf8) if start.contains(&0) => {
                return Err(Unreadable::NoText(FileKind::Binary));
            }
            (None, Encoding::Utf8) => (UTF_8, 0),
            (None, Encoding::Gbk) => (GB18030, 0),
        };
        let utf8 = (encoding == GB18030).then(|| Utf8Guess::of(start));
        let mut text = Text {
            source,
            decoder: encoding.new_decoder_without_bom_handling(),
            undecoded: mark..read,
            has_ended,
            // Two bytes of another encoding are up to three of UTF-8.
            text: vec![0; AT_ONCE * 3 / 2].into_boxed_slice(),
            bytes,
            unread: 0..0,
            outcome: None,
            utf8,
        };
        // GB18030 has a mark, too, which is seen once it is decoded.
        if mark == 0 && matches!(text.chunk(), Ok(chunk) if chunk.starts_with(super::BOM)) {
            text.consume(super::BOM.len());
        }
        Ok(text)
    }

    /// The text that comes next, at least a character; empty at the end.
    ///
    /// # Errors
    ///
    /// The source cannot be read, or not be decoded from here on.
    pub(super) fn chunk(&mut self) -> Result<&[u8], Unreadable> {
        while self.unread.is_empty() {
            let is_utf8 = |least| self.utf8.as_ref().is_some_and(|guess| guess.holds(least));
            match self.outcome {
                Some(Outcome::Malformed) if is_utf8(1) => return Err(Unreadable::IsUtf8),
                Some(Outcome::Malformed) => {
                    return Err(Unreadable::Malformed(self.decoder.encoding().name()));
                }
                Some(Outcome::Ended) if is_utf8(Utf8Guess::ENOUGH) => {
                    return Err(Unreadable::IsUtf8);
                }
                Some(Outcome::Ended) => break,
                None => self.decode()?,
            }
        }
        Ok(&self.text[self.unread.clone()])
    }

    /// Takes note that so many bytes of the last chunk are done with.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.unread.start += bytes;
    }

    fn decode(&mut self) -> Result<(), Unreadable> {
        if self.undecoded.is_empty() && !self.has_ended {
            let read = read_some(&mut self.source, &mut self.bytes)?;
            self.undecoded = 0..read;
            self.has_ended = read == 0;
            if let Some(utf8) = &mut self.utf8 {
                utf8.go_on(&self.bytes[..read], self.has_ended);
            }
        }
        let bytes = &self.bytes[self.undecoded.clone()];
        let (result, read, written) =
            self.decoder.decode_to_utf8_without_replacement(bytes, &mut self.text, self.has_ended);
        self.undecoded.start += read;
        self.unread = 0..written;
        self.outcome = match result {
            DecoderResult::InputEmpty if self.has_ended => Some(Outcome::Ended),
            DecoderResult::Malformed(..) => Some(Outcome::Malformed),
            DecoderResult::InputEmpty | DecoderResult::OutputFull => None,
        };
        Ok(())
    }
}

fn read_some(source: &mut impl Read, bytes: &mut [u8]) -> Result<usize, Unreadable> {
    loop {
        match source.read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read.map_err(Unreadable::Failed),
        }
    }
}

/// Whether a file that is said to be GBK is UTF-8: read as GBK it would come in
/// as other, wrong characters.
struct Utf8Guess {
    decoder: Decoder,
    scratch: Box<[u8]>,
    is_possible: bool,
    /// One for each character of two bytes, two for each of three or four.
    evidence: usize,
}

impl Utf8Guess {
    /// So much evidence in a file that is valid GBK, too, is no accident: one in
    /// seven of the common characters of GBK is valid UTF-8, but of three such
    /// characters in a row only one in 5,000 is two characters of three bytes.
    const ENOUGH: usize = 4;

    fn of(start: &[u8]) -> Self {
        let mut guess = Utf8Guess {
            decoder: UTF_8.new_decoder_without_bom_handling(),
            scratch: vec![0; AT_ONCE].into_boxed_slice(),
            is_possible: true,
            evidence: 0,
        };
        guess.go_on(start, false);
        guess
    }

    fn go_on(&mut self, mut bytes: &[u8], is_last: bool) {
        while self.is_possible {
            let (result, read, written) =
                self.decoder.decode_to_utf8_without_replacement(bytes, &mut self.scratch, is_last);
            // Each has one byte that begins it.
            self.evidence += self.scratch[..written].iter().fold(0, |sum, byte| match byte {
                0xE0.. => sum + 2,
                0xC0.. => sum + 1,
                _ => sum,
            });
            bytes = &bytes[read..];
            match result {
                DecoderResult::InputEmpty => return,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => self.is_possible = false,
            }
        }
    }

    /// Whether it is UTF-8 so far, with at least so much evidence.
    fn holds(&self, least: usize) -> bool {
        self.is_possible && self.evidence >= least
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out one byte at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            let most = bytes.len().min(1);
            self.0.read(&mut bytes[..most])
        }
    }

    /// All text up to the end or an error, and what kind of error.
    fn decoded(bytes: &[u8], encoding: Encoding) -> (String, Option<String>) {
        let mut all = Vec::new();
        let error = (|| -> Result<(), Unreadable> {
            let mut text = Text::of(Slow(bytes), encoding)?;
            loop {
                let chunk = text.chunk()?;
                if chunk.is_empty() {
                    return Ok(());
                }
                all.extend_from_slice(chunk);
                let read = chunk.len();
                text.consume(read);
            }
        })();
        let error = error.err().map(|error| format!("{error:?}"));
        (String::from_utf8(all).expect("chunks are whole characters"), error)
    }

    fn utf16(text: &str, bytes: impl Fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn the_mark_says_the_encoding_and_only_the_first_mark_is_left_out() {
        let text = "张三,138\r\n👩\u{feff}x";
        let marked = format!("\u{feff}{text}");
        let twice = format!("\u{feff}{marked}");
        let gb18030 = |text: &str| GB18030.encode(text).0.into_owned();
        for (bytes, encoding, expected) in [
            (text.as_bytes().to_vec(), Encoding::Utf8, text),
            (marked.as_bytes().to_vec(), Encoding::Utf8, text),
            (marked.as_bytes().to_vec(), Encoding::Gbk, text),
            (twice.as_bytes().to_vec(), Encoding::Utf8, &marked),
            (utf16(&marked, u16::to_le_bytes), Encoding::Utf8, text),
            (utf16(&marked, u16::to_be_bytes), Encoding::Utf8, text),
            (utf16(&marked, u16::to_le_bytes), Encoding::Gbk, text),
            (gb18030(text), Encoding::Gbk, text),
            (gb18030(&marked), Encoding::Gbk, text),
            (Vec::new(), Encoding::Utf8, ""),
            (Vec::new(), Encoding::Gbk, ""),
        ] {
            assert_eq!(decoded(&bytes, encoding), (expected.to_owned(), None), "{bytes:x?}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_an_error_behind_all_text_before_it() {
        let odd = [b"\xff\xfea\0b\0".as_slice(), b"c"].concat();
        let lone = [b"\xff\xfea\0".as_slice(), &0xD800_u16.to_le_bytes(), b"b\0"].concat();
        for (bytes, encoding, before, named) in [
            (b"a,1\n\xd5\xc5,2\n".to_vec(), Encoding::Utf8, "a,1\n", "UTF-8"),
            ("a张".as_bytes()[..3].to_vec(), Encoding::Utf8, "a", "UTF-8"),
            (b"a\xff\xff".to_vec(), Encoding::Gbk, "a", "gb18030"),
            (b"a\xd5".to_vec(), Encoding::Gbk, "a", "gb18030"),
            (odd, Encoding::Utf8, "ab", "UTF-16LE"),
            (lone, Encoding::Utf8, "a", "UTF-16LE"),
        ] {
            let error = Some(format!("Malformed({named:?})"));
            assert_eq!(decoded(&bytes, encoding), (before.to_owned(), error), "{bytes:x?}");
        }
    }

    #[test]
    fn other_files_are_known_by_their_first_bytes() {
        for (bytes, kind) in [
            (&b"PK\x03\x04\x14\x00"[..], FileKind::Workbook),
            (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", FileKind::OldWorkbook),
            (b"SQLite format 3\0", FileKind::Database),
            (b"%PDF-1.7", FileKind::Pdf),
            (b"\xEF\xBB\xBF\r\n <HTML xmlns:x=", FileKind::WebPage),
            (b"<?xml version=", FileKind::WebPage),
            (b"a\0,\x001\0", FileKind::Binary),
        ] {
            let error = Some(format!("NoText({kind:?})"));
            assert_eq!(decoded(bytes, Encoding::Utf8).1, error, "{bytes:x?}");
        }
        for text in ["PKwang,1", "<3,1", "SQLite,1"] {
            assert_eq!(decoded(text.as_bytes(), Encoding::Utf8), (text.to_owned(), None));
        }
    }

    #[test]
    fn utf8_is_not_read_as_gbk_but_gbk_that_could_be_utf8_for_two_characters_is() {
        let (_, error) = decoded("张三,138\n".as_bytes(), Encoding::Gbk);
        assert_eq!(error.as_deref(), Some("IsUtf8"));
        // Two bytes that are a character in both.
        let accident = b"\xc4\xa3,138\n";
        assert!(str::from_utf8(accident).is_ok());
        assert_eq!(decoded(accident, Encoding::Gbk), ("模,138\n".to_owned(), None));
        assert_eq!(decoded(b"zhangsan,138", Encoding::Gbk).1, None);
    }
}
