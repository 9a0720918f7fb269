mod damage;
mod size;

use std::path::PathBuf;

use protocol::Contacts;
use rusqlite::Connection;

use super::compact::Limits;
use super::place::beside;
use super::schema::{APPLICATION_ID, TABLES_1, TABLES_2, VERSION};
use super::totals::Totals;
use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn book(&self) -> PathBuf {
        self.0.path().join("contacts.db")
    }

    fn log(&self) -> PathBuf {
        beside(&self.book(), "-wal")
    }

    fn open(&self) -> anyhow::Result<Store> {
        Store::open(&self.book())
    }

    fn session(&self) -> Session {
        self.open().unwrap().begin().unwrap()
    }

    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut files: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        files
    }
}

fn update<'t>(name: &'t str, before: Option<&str>, after: Option<&'t str>) -> Update<'t> {
    Update { name, before: before.map(Into::into), after, is_latest: true }
}

fn added<'t>(name: &'t str, phone: &'t str) -> [Update<'t>; 1] {
    [update(name, None, Some(phone))]
}

fn load(store: &Store) -> anyhow::Result<Vec<(String, String)>> {
    let mut contacts = Contacts::default();
    store.load(&mut contacts)?;
    let mut all: Vec<_> =
        contacts.iter().map(|(name, phone)| (name.to_owned(), phone.to_owned())).collect();
    all.sort();
    Ok(all)
}

/// `count` contacts, each in a transaction of its own.
fn fill(store: &mut Session, count: usize) -> Vec<(String, String)> {
    let contacts: Vec<_> =
        (0..count).map(|n| (format!("name{n:04}"), format!("{:011}", n * 7919))).collect();
    for (name, phone) in &contacts {
        store.commit(&added(name, phone)).unwrap();
    }
    contacts
}

#[test]
fn what_was_committed_is_there_after_reopening() {
    let folder = Folder::new();
    let mut store = folder.session();
    let mut contacts = fill(&mut store, 20);
    let (first, second) = (contacts[0].clone(), contacts[1].clone());
    store
        .commit(&[
            update(&first.0, Some(&first.1), None),
            update(&second.0, Some(&second.1), Some("12345")),
        ])
        .unwrap();
    drop(store);
    assert_eq!(folder.files(), ["contacts.db"], "a clean end leaves one file");

    contacts.remove(0);
    contacts[0].1 = "12345".to_owned();
    let store = folder.open().unwrap();
    assert_eq!(load(&store).unwrap(), contacts);
    assert_eq!(store.row.totals.seq, 22);
}

/// What a book is like when its server is killed now, opened again.
fn as_after_a_kill(folder: &Folder) -> Vec<(String, String)> {
    let copy = Folder::new();
    std::fs::copy(folder.book(), copy.book()).unwrap();
    std::fs::copy(folder.log(), copy.log()).unwrap();
    load(&copy.open().unwrap()).unwrap()
}

#[test]
fn changes_are_the_same_book_before_while_and_after_they_move_to_their_places() {
    let folder = Folder::new();
    let mut store = folder.session();
    store.pending.limits = Limits { least: 12, most: 12, at_once: 5 };
    let mut random = 1_u32;
    let mut book = std::collections::BTreeMap::new();
    for n in 0..120 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let name = format!("name{}", random >> 28);
        let after = (random & 0x300_0000 != 0).then(|| format!("{n}"));
        let before = book.get(&name).map(String::as_str);
        store.commit(&[update(&name, before, after.as_deref())]).unwrap();
        match after {
            Some(phone) => book.insert(name, phone),
            None => book.remove(&name),
        };
        assert!(store.pending.count() <= 12, "{}", store.pending.count());
        let expected: Vec<_> = book.clone().into_iter().collect();
        assert_eq!(as_after_a_kill(&folder), expected, "after {n}");
    }
    drop(store);

    let connection = Connection::open(folder.book()).unwrap();
    let count = |table: &str| -> i64 {
        connection
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!((count("contacts"), count("changes")), (book.len() as i64, 0));
}

#[test]
fn an_import_goes_over_changes_that_have_not_moved_yet() {
    let folder = Folder::new();
    let mut store = folder.session();
    store.commit(&added("a", "1")).unwrap();
    store.commit(&added("b", "2")).unwrap();
    let row = |name: &str, phone: &str| anyhow::Ok((name.to_owned(), phone.to_owned()));
    let rows = [row("a", "1"), row("b", "3"), row("c", "4")];
    drop(store);
    let imported = folder.open().unwrap().import(rows.into_iter()).unwrap();
    assert_eq!(imported, Imported { added: 1, changed: 1, unchanged: 1 });
    let mut store = folder.session();
    store.commit(&added("d", "5")).unwrap();
    let expected = [("a", "1"), ("b", "3"), ("c", "4"), ("d", "5")]
        .map(|(name, phone)| (name.to_owned(), phone.to_owned()));
    assert_eq!(as_after_a_kill(&folder), expected);
    drop(store);
    assert_eq!(load(&folder.open().unwrap()).unwrap(), expected);
}

#[test]
fn a_book_of_the_first_version_is_read_and_goes_on() {
    let folder = Folder::new();
    let connection = Connection::open(folder.book()).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = WAL; {TABLES_1} INSERT INTO contacts VALUES ('old', '1'); \
             PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1;"
        ))
        .unwrap();
    let mut totals = Totals { seq: 1, ..Totals::default() };
    totals.add("old", "1");
    let sql = format!("UPDATE book SET seq = 1, count = 1, digest = {}", totals.digest as i64);
    connection.execute_batch(&sql).unwrap();
    drop(connection);
    assert_eq!(load(&folder.open().unwrap()).unwrap(), [("old".to_owned(), "1".to_owned())]);

    let mut store = folder.session();
    store.commit(&added("new", "2")).unwrap();
    drop(store);
    let store = folder.open().unwrap();
    let expected = [("new", "2"), ("old", "1")];
    assert_eq!(load(&store).unwrap(), expected.map(|(n, p)| (n.to_owned(), p.to_owned())));
}

#[test]
fn a_book_that_a_server_of_the_second_version_left_when_it_was_killed_goes_on() {
    let folder = Folder::new();
    let source = Folder::new();
    let connection = Connection::open(source.book()).unwrap();
    let mut totals = Totals { seq: 3, ..Totals::default() };
    totals.add("moved", "1");
    totals.add("waiting", "2");
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = WAL; {TABLES_1} {TABLES_2} \
             PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 2; \
             PRAGMA wal_checkpoint; \
             INSERT INTO contacts VALUES ('moved', '1'), ('gone', '0'); \
             INSERT INTO changes (name, phone) VALUES ('waiting', '2'), ('gone', NULL); \
             UPDATE book SET seq = 3, count = 2, digest = {};",
            totals.digest as i64
        ))
        .unwrap();
    // As after a kill.
    std::fs::copy(source.book(), folder.book()).unwrap();
    std::fs::copy(source.log(), folder.log()).unwrap();
    let expected = [("moved", "1"), ("waiting", "2")];
    let expected = expected.map(|(name, phone)| (name.to_owned(), phone.to_owned()));
    assert_eq!(load(&folder.open().unwrap()).unwrap(), expected);
    drop(folder.session());
    assert_eq!(folder.files(), ["contacts.db"]);
    assert_eq!(load(&folder.open().unwrap()).unwrap(), expected);
}

#[test]
fn a_book_in_use_is_refused() {
    let folder = Folder::new();
    let _store = folder.open().unwrap();
    let error = folder.open().unwrap_err().to_string();
    assert!(error.contains("is in use"), "{error}");
}

#[test]
fn what_is_no_book_or_newer_is_refused_and_left_as_it_was() {
    let folder = Folder::new();
    let other_sqlite = || {
        let connection = Connection::open(folder.book()).unwrap();
        connection.execute_batch("CREATE TABLE other (x); INSERT INTO other VALUES (1)").unwrap();
    };
    let newer = || {
        drop(folder.open().unwrap());
        let connection = Connection::open(folder.book()).unwrap();
        connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
    };
    let cases: [(&dyn Fn(), &str); 4] = [
        (&|| std::fs::write(folder.book(), "").unwrap(), "is empty"),
        (&|| std::fs::write(folder.book(), "name,phone\n".repeat(50)).unwrap(), "is damaged"),
        (&other_sqlite, "no contact book"),
        (&newer, "newer tcp-classroom"),
    ];
    for (make, expected) in cases {
        make();
        let before = std::fs::read(folder.book()).unwrap();
        let error = folder.open().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(std::fs::read(folder.book()).unwrap(), before, "{expected}");
        std::fs::remove_file(folder.book()).unwrap();
    }
}

#[test]
fn a_log_without_its_book_is_no_empty_start() {
    let folder = Folder::new();
    let (_, log, _) = damage::killed(3);
    std::fs::write(folder.log(), log).unwrap();
    let error = folder.open().unwrap_err().to_string();
    assert!(error.contains("is missing"), "{error}");
    assert!(!folder.book().exists());
}

#[test]
fn a_folder_that_cannot_be_is_named() {
    let folder = Folder::new();
    std::fs::write(folder.0.path().join("file"), "").unwrap();
    let error = Store::open(&folder.0.path().join("file/contacts.db")).unwrap_err();
    assert!(format!("{error:#}").contains("file"), "{error:#}");
}

#[test]
fn scattered_changes_are_merged_in_a_book_of_any_size() {
    // Large enough that a statement journal grows beyond any buffer.
    const CONTACTS: usize = 200_000;
    let folder = Folder::new();
    let name = |n: usize| format!("name{:06}", n * 7_919 % CONTACTS);
    let rows = (0..CONTACTS).map(|n| anyhow::Ok((name(n), "1".to_owned())));
    let imported = folder.open().unwrap().import(rows).unwrap();
    assert_eq!(imported, Imported { added: CONTACTS as u64, ..Imported::default() });

    let mut store = folder.session();
    let names: Vec<_> = (0..1_500).map(|n| format!("name{:06}", n * 133)).collect();
    let updates: Vec<_> = names.iter().map(|name| update(name, Some("1"), Some("2"))).collect();
    for group in updates.chunks(50) {
        store.commit(group).unwrap();
    }
    drop(store);
    assert_eq!(folder.files(), ["contacts.db"]);
    let connection = Connection::open(folder.book()).unwrap();
    let count = |sql: &str| -> i64 { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(count("SELECT count(*) FROM contacts WHERE phone = '2'"), 1_500);
    assert_eq!(count("SELECT count(*) FROM contacts"), CONTACTS as i64);
    drop(connection);

    let rows = (0..CONTACTS).step_by(100).map(|n| anyhow::Ok((name(n), "3".to_owned())));
    let imported = folder.open().unwrap().import(rows.clone()).unwrap();
    assert_eq!(imported, Imported { changed: 2_000, ..Imported::default() });
    let imported = folder.open().unwrap().import(rows).unwrap();
    assert_eq!(imported, Imported { unchanged: 2_000, ..Imported::default() });
}

#[test]
fn an_import_with_a_wrong_row_changes_nothing() {
    let folder = Folder::new();
    let row = |name: &str, phone: &str| anyhow::Ok((name.to_owned(), phone.to_owned()));
    folder.open().unwrap().import([row("a", "1")].into_iter()).unwrap();
    let before = load(&folder.open().unwrap()).unwrap();
    let rows = [row("a", "2"), row("b", "3"), Err(anyhow::anyhow!("wrong"))];
    let error = folder.open().unwrap().import(rows.into_iter()).unwrap_err();
    assert_eq!(error.to_string(), "wrong");
    assert_eq!(load(&folder.open().unwrap()).unwrap(), before);
    assert_eq!(folder.files(), ["contacts.db"]);
}

#[test]
fn to_read_a_book_does_not_change_it() {
    let folder = Folder::new();
    drop(folder.session());
    let mut store = folder.session();
    fill(&mut store, 30);
    let copy = Folder::new();
    std::fs::copy(folder.book(), copy.book()).unwrap();
    std::fs::copy(folder.log(), copy.log()).unwrap();
    drop(store);
    for folder in [folder, copy] {
        let bytes = || [folder.book(), folder.log()].map(|path| std::fs::read(path).ok());
        let before = bytes();
        assert_eq!(load(&folder.open().unwrap()).unwrap().len(), 30);
        assert!(bytes() == before);
    }
}
