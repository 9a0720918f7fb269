//! Contact list: the class's book as this page knows it. Names in order, what is
//! searched for, which rows are visible.
//!
//! It puts together what two ways bring, in any order: pages of contacts and
//! the changes since. For each name the later word counts, by its sequence
//! number. It asks for nothing itself; [`ContactList::missing_page`]
//! says what to ask for.

use std::ops::Range;

use api::{Changes, Entry, Page, Snapshot};
use protocol::command::trim;

use crate::core::offline::MOST;

/// Rows kept ready above and below those in sight, so that a fast finger finds
/// no blanks before the next frame.
const SPARE: usize = 8;

/// Names and phones, in order of the names.
#[derive(Debug)]
pub struct ContactList {
    /// How many it holds; of a larger book it holds the first.
    limit: usize,
    /// In order of their names.
    rows: Vec<Row>,
    /// Which of them are shown.
    shown: Vec<u32>,
    /// What is searched for.
    filter: String,
    seq: u64,
    count: u64,
    latest: Option<Latest>,
    /// The page that is missing next, until all have come.
    missing: Option<PageRequest>,
    round: u32,
    /// Names from this one on are not held. Everything before it is.
    horizon: Option<String>,
    /// Counts what may have changed the view.
    version: u32,
}

#[derive(Debug)]
struct Row {
    name: String,
    /// None if the name has been removed; the row stays until no page can come
    /// any more that was read before.
    phone: Option<String>,
    /// One more than the sequence number this is known from. 0 is from before
    /// the last snapshot: shown, until a page says otherwise.
    since: u64,
}

/// A page to ask the server for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// The name behind which it begins; empty for the first.
    pub after: String,
    /// Tells it from a page asked for before the last snapshot.
    round: u32,
}

/// What changed last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latest {
    /// Whose phone.
    pub name: String,
    /// Whether the name was removed, and not added or given another phone.
    pub is_removed: bool,
}

/// A contact on view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact<'r> {
    /// The name.
    pub name: &'r str,
    /// Its phone.
    pub phone: &'r str,
    /// Whether it changed last.
    pub is_latest: bool,
}

impl Default for ContactList {
    fn default() -> Self {
        // More than any school has pupils, and few enough for a plain ordered
        // list. Measured on a desktop at the page's optimisation: a key pressed
        // in the search 0.4 ms, 256 changed phones 0.2 ms, 256 new names at the
        // very front 3 ms.
        ContactList::with_limit(MOST)
    }
}

impl ContactList {
    /// An empty list that holds at most so many.
    fn with_limit(limit: usize) -> Self {
        ContactList {
            limit,
            rows: Vec::new(),
            shown: Vec::new(),
            filter: String::new(),
            seq: 0,
            count: 0,
            latest: None,
            missing: None,
            round: 0,
            horizon: None,
            version: 0,
        }
    }

    /// Begins anew. What it knew stays on view until the pages have come.
    pub fn reset(&mut self, snapshot: &Snapshot) {
        // Others may have changed since.
        self.latest = None;
        self.seq = snapshot.seq;
        self.count = snapshot.count;
        self.horizon = None;
        self.round += 1;
        self.missing = Some(PageRequest { after: String::new(), round: self.round });
        for row in &mut self.rows {
            row.since = 0;
        }
        self.prune(None);
    }

    /// Takes what has changed since the last event.
    pub fn apply(&mut self, changes: Changes) {
        let mut since = (changes.seq + 1).saturating_sub(changes.changes.len() as u64);
        for entry in changes.changes {
            since += 1;
            self.latest =
                Some(Latest { name: entry.name.clone(), is_removed: entry.phone.is_none() });
            self.put(entry, since);
        }
        self.seq = changes.seq;
        self.count = changes.count;
        self.prune(None);
    }

    /// The page to ask for now; none if all have come.
    pub fn missing_page(&self) -> Option<&PageRequest> {
        self.missing.as_ref()
    }

    /// Takes a page. One that was asked for before the last snapshot is ignored.
    pub fn apply_page(&mut self, asked: &PageRequest, page: Page) {
        if self.missing.as_ref() != Some(asked) {
            return;
        }
        let since = page.seq + 1;
        for entry in page.contacts {
            self.put(entry, since);
        }
        self.missing = page.next.map(|after| PageRequest { after, round: self.round });
        self.prune(Some((&asked.after, since)));
    }

    /// Shows only contacts whose name or phone has this text in it.
    pub fn search(&mut self, text: &str) {
        self.filter = trim(text).to_string();
        self.refilter();
    }

    /// The number of the last change.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Whether a name is among them.
    pub fn holds(&self, name: &str) -> bool {
        self.position(name).is_ok()
    }

    /// How many contacts the book holds.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether the book holds more names than this.
    pub fn is_truncated(&self) -> bool {
        self.horizon.is_some()
    }

    /// What changed last, if anything did since it began.
    pub fn latest(&self) -> Option<&Latest> {
        self.latest.as_ref()
    }

    /// What is searched for; empty if every contact is shown.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Another number whenever what is on view may be different.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// How many contacts are shown.
    pub fn shown(&self) -> usize {
        self.shown.len()
    }

    /// The contacts on view in these rows.
    pub fn rows(&self, range: Range<usize>) -> impl Iterator<Item = Contact<'_>> {
        let shown = self.shown.get(range).unwrap_or_default();
        shown.iter().filter_map(|&index| {
            let Row { name, phone, .. } = &self.rows[index as usize];
            let is_latest = self.latest.as_ref().is_some_and(|latest| latest.name == *name);
            Some(Contact { name, phone: phone.as_deref()?, is_latest })
        })
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.rows.binary_search_by(|row| row.name.as_str().cmp(name))
    }

    fn put(&mut self, entry: Entry, since: u64) {
        if self.is_beyond(&entry.name) {
            return;
        }
        match self.position(&entry.name) {
            Ok(at) => {
                let row = &mut self.rows[at];
                if row.since <= since {
                    row.phone = entry.phone;
                    row.since = since;
                }
            }
            Err(at) => self.rows.insert(at, Row { name: entry.name, phone: entry.phone, since }),
        }
    }

    fn is_beyond(&self, name: &str) -> bool {
        self.horizon.as_ref().is_some_and(|horizon| name >= horizon.as_str())
    }

    /// Removes rows that are gone, unknown or beyond the limit. `read` is the page
    /// that has come, by where it began and the sequence number it was read at: a
    /// name that is not on it was not in the book then.
    fn prune(&mut self, read: Option<(&str, u64)>) {
        let missing = self.missing.as_ref();
        self.rows.retain(|row| {
            let is_known = read.is_none_or(|(after, since)| {
                let is_behind = missing.is_some_and(|missing| row.name > missing.after);
                row.since >= since || row.name.as_str() <= after || is_behind
            });
            is_known && (missing.is_some() || row.phone.is_some())
        });
        if let Some(first) = self.rows.get_mut(self.limit) {
            self.horizon = Some(std::mem::take(&mut first.name));
            self.rows.truncate(self.limit);
        }
        if self.missing.as_ref().is_some_and(|missing| self.is_beyond(&missing.after)) {
            self.missing = None;
        }
        self.refilter();
    }

    fn refilter(&mut self) {
        self.version = self.version.wrapping_add(1);
        self.shown.clear();
        let filter = self.filter.as_bytes();
        for (index, row) in (0..).zip(&self.rows) {
            if let Some(phone) = &row.phone
                && (contains(&row.name, filter) || contains(phone, filter))
            {
                self.shown.push(index);
            }
        }
    }
}

/// Whether the text contains the filter, `A` and `a` being the same. It allocates
/// nothing, for 10,000 rows at each key.
fn contains(text: &str, filter: &[u8]) -> bool {
    filter.is_empty()
        || text.as_bytes().windows(filter.len()).any(|part| part.eq_ignore_ascii_case(filter))
}

/// The rows to have in the document, of so many in all, where each is
/// `row_height` pixels high and `height` pixels are in sight below `top`.
pub fn visible_range(rows: usize, row_height: usize, top: usize, height: usize) -> Range<usize> {
    let row_height = row_height.max(1);
    let first = (top / row_height).saturating_sub(SPARE).min(rows);
    let end = (top.saturating_add(height)).div_ceil(row_height).saturating_add(SPARE).min(rows);
    first..end.max(first)
}

#[cfg(test)]
mod tests;
