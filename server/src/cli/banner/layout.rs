//! The layout of the banner: whatever a teacher must see (the page's address, the TCP
//! address, the whole QR code) is among the last lines, so that it is still there
//! when the first line of the console stands below it.

use std::fmt;

use unicode_width::UnicodeWidthStr as _;

use super::qr_lines::{QrLine, draw, is_cut, rows};
use super::sections::Banner;
use crate::join::hosts::Host;
use crate::join::qr::encode;
use crate::language::localized;

/// The lines below the banner that must be on the screen with it: the console's
/// `Waiting for connection...` and the one the cursor is in.
pub(super) const BELOW: usize = 2;

/// Light squares around a QR code: what the standard asks for, and what phones
/// still read off a screen where there is no room for more.
const QUIET_ZONES: [usize; 2] = [4, 2];

/// Spaces in front of a QR code.
const INDENT: usize = 2;

impl Banner<'_> {
    /// All lines under each other.
    fn plain(&self) -> Vec<String> {
        let mut lines = vec![Self::title(), String::new()];
        lines.extend(self.addresses(usize::MAX).0);
        lines.push(self.teacher(usize::MAX));
        lines.extend(self.contacts());
        let warning = self.warning();
        if !warning.is_empty() {
            lines.push(String::new());
            lines.extend(warning);
        }
        lines.extend([String::new(), self.stop()]);
        lines
    }

    /// As [`plain`](Self::plain), with what a teacher must see last and the rest
    /// above it, for a terminal too low for all of it.
    fn low(&self) -> Vec<String> {
        let mut lines = vec![Self::title()];
        lines.extend(self.contacts());
        let columns = self.screen.map_or(usize::MAX, |screen| screen.columns);
        lines.push(self.teacher(columns));
        lines.extend(self.warning());
        lines.extend(self.addresses(usize::MAX).0);
        lines.push(self.stop());
        lines
    }

    /// The QR code at the right of the addresses, and the rest below. What is dense has
    /// two lines less.
    fn beside(&self, qr: &[QrLine], columns: usize, is_dense: bool) -> Vec<String> {
        // The last column stays free: some consoles wrap when it is written to.
        let qr_width = qr.first().map_or(0, |line| line.width);
        let width = columns.saturating_sub(INDENT + qr_width + 1);
        let (addresses, wide) = self.addresses(width);
        let warning = self.warning();
        let mut left = match is_dense {
            true => vec![format!("{}  {}", Self::title(), self.stop())],
            false => vec![Self::title(), String::new()],
        };
        left.extend(addresses);
        if left.len() + warning.len() < qr.len() {
            left.push(String::new());
        }
        left.extend(warning);
        // As near to the text as it goes, on a wide screen.
        let column = left.iter().map(|line| line.width()).max().unwrap_or_default() + INDENT;
        let mut lines = Vec::new();
        for index in 0..left.len().max(qr.len()) {
            let text = left.get(index).map_or("", String::as_str);
            lines.push(match qr.get(index) {
                Some(squares) => {
                    let gap = column.saturating_sub(text.width());
                    format!("{text}{:gap$}{squares}", "")
                }
                None => text.to_owned(),
            });
        }
        if !wide.is_empty() {
            lines.push(localized!(in self.language; "更长的地址", "Longer addresses"));
            lines.extend(wide);
        }
        lines.push(self.teacher(columns));
        let [contacts, data] = self.contacts();
        lines.push(format!("{contacts}:{}", &data[1..]));
        if !is_dense {
            lines.push(self.stop());
        }
        lines
    }

    /// The QR code below the addresses.
    fn stacked(&self, qr: &[QrLine]) -> Vec<String> {
        let mut lines = self.plain();
        let stop = lines.pop();
        lines.extend(qr.iter().map(|squares| format!("{:INDENT$}{squares}", "")));
        lines.extend(stop);
        lines
    }

    /// The lines as they suit the screen best.
    fn lines(&self) -> Vec<String> {
        let Some(screen) = self.screen else { return self.plain() };
        let fits = |lines: &Vec<String>| {
            let rows: usize = lines.iter().map(|line| rows(line, screen.columns)).sum();
            rows + BELOW <= screen.rows && lines.iter().all(|line| !is_cut(line, screen.columns))
        };
        let best = self.hosts(self.http).0.into_iter().find(Host::opens_in_browser);
        let code = best.and_then(|host| encode(&host.url(self.http.port())));
        for qr in code.iter().flat_map(|code| QUIET_ZONES.map(|quiet| draw(code, quiet))) {
            let beside = |is_dense| self.beside(&qr, screen.columns, is_dense);
            for lines in [beside(false), beside(true), self.stacked(&qr)] {
                if fits(&lines) {
                    return lines;
                }
            }
        }
        let plain = self.plain();
        if fits(&plain) { plain } else { self.low() }
    }
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
