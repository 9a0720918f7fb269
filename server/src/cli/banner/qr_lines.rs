//! QR codes as lines of a terminal, and how wide a line with one is.

use std::fmt;

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use unicode_width::UnicodeWidthStr as _;

/// A line of a QR code, two rows of squares high. Displays with its colours.
#[derive(Clone, Debug)]
pub(super) struct QrLine {
    squares: String,
    pub(super) width: usize,
}

/// Black on white, spelled out: a light terminal would invert it.
pub(super) const BLACK_ON_WHITE: &str = "\x1b[30;107m";
pub(super) const COLOURS_OFF: &str = "\x1b[0m";

impl fmt::Display for QrLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{BLACK_ON_WHITE}{}{COLOURS_OFF}", self.squares)
    }
}

/// A QR code as half-height blocks, dark on light whatever the terminal's
/// colours, with `quiet` light squares around it.
pub(super) fn draw(code: &QrCode, quiet: usize) -> Vec<QrLine> {
    let squares = code.render::<Dense1x2>().quiet_zone(false).build();
    let width = code.width() + 2 * quiet;
    let blank = || QrLine { squares: " ".repeat(width), width };
    let margin = " ".repeat(quiet);
    let mut lines: Vec<_> = (0..quiet / 2).map(|_| blank()).collect();
    lines.extend(
        squares.lines().map(|line| QrLine { squares: format!("{margin}{line}{margin}"), width }),
    );
    lines.extend((0..quiet / 2).map(|_| blank()));
    lines
}

/// A line's width on a terminal: colours take no room.
pub(super) fn shown_width(line: &str) -> usize {
    line.replace(BLACK_ON_WHITE, "").replace(COLOURS_OFF, "").width()
}

/// The rows that a line takes on a terminal that wraps it.
pub(super) fn rows(line: &str, columns: usize) -> usize {
    shown_width(line).div_ceil(columns.max(1)).max(1)
}

/// Whether a terminal would wrap a line in the middle of a QR code.
pub(super) fn is_cut(line: &str, columns: usize) -> bool {
    line.contains(BLACK_ON_WHITE) && rows(line, columns) > 1
}
