//! The contacts as a CSV file, for spreadsheets: out and in.
//!
//! Both are all or nothing: an export appears under its name only when it is
//! complete, and an import with a single wrong row changes nothing. What is
//! exported comes back as it was when it is imported.
//!
//! The way of an import, each step pure and knowing nothing of the next:
//! bytes, [decoded](encoding) to UTF-8, taken apart into [records] at the
//! separator of their [dialect], of which the [header] says which columns
//! count, and whose [cells] are checked and undone what spreadsheets do to
//! them; [import] makes contacts of them, or says what is [wrong](fault).

mod cells;
mod dialect;
mod encoding;
mod export;
mod fault;
mod header;
mod import;
mod records;

use indicatif::{ProgressBar, ProgressStyle};

pub(crate) use cells::defused;
pub use encoding::Encoding;
pub use export::export;
pub(crate) use export::{export_rows, rows_of};
pub use import::import;
pub(crate) use import::{read_rows, say_imported};

/// Makes Excel read a CSV file as UTF-8.
const BOM: &[u8] = b"\xEF\xBB\xBF";

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
