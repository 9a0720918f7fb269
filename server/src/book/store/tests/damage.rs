//! Flipped bits, cut files, torn logs.

use super::*;

/// Opens a damaged book: either everything is there, or an error says that it
/// is damaged and where the copy is.
fn whole_or_named(folder: &Folder, contacts: &[(String, String)], what: &str) -> bool {
    match folder.open().and_then(|store| load(&store)) {
        Ok(loaded) => {
            assert_eq!(loaded, contacts, "{what}: silently different");
            true
        }
        Err(error) => {
            let error = format!("{error:#}");
            let named = ["is damaged", "no contact book", "newer tcp-classroom"];
            assert!(named.iter().any(|text| error.contains(text)), "{what}: {error}");
            false
        }
    }
}

#[test]
fn a_flipped_bit_anywhere_in_the_file_is_harmless_or_named_but_never_silent() {
    let folder = Folder::new();
    let mut store = folder.session();
    let contacts = fill(&mut store, 300);
    drop(store);
    flip_bits(&folder, &contacts);
}

#[test]
fn so_is_one_where_changes_have_not_moved_to_their_places() {
    let folder = Folder::new();
    let mut store = folder.session();
    let contacts = fill(&mut store, 300);
    // Closes the file and leaves the changes where they are.
    store.leave().unwrap();
    store.fail_for("not to be tidied up".to_owned());
    drop(store);
    assert_eq!(folder.files(), ["contacts.db"]);
    flip_bits(&folder, &contacts);
}

fn flip_bits(folder: &Folder, contacts: &[(String, String)]) {
    let sound = std::fs::read(folder.book()).unwrap();
    let mut named = 0;
    // Every byte of the header, then a step that visits all parts of all pages.
    let offsets: Vec<_> = (0..100).chain((100..sound.len()).step_by(171)).collect();
    for &offset in &offsets {
        let folder = Folder::new();
        let mut bytes = sound.clone();
        bytes[offset] ^= 1 << (offset % 8);
        std::fs::write(folder.book(), &bytes).unwrap();
        named += usize::from(!whole_or_named(&folder, contacts, &format!("byte {offset}")));
    }
    assert!(named > offsets.len() / 4, "{named} of {}", offsets.len());
}

#[test]
fn a_file_cut_short_is_named() {
    let folder = Folder::new();
    let mut store = folder.session();
    let contacts = fill(&mut store, 300);
    drop(store);
    let sound = std::fs::read(folder.book()).unwrap();
    for length in [1, 99, 100, 512, 4096, sound.len() / 2, sound.len() - 4096, sound.len() - 1] {
        let folder = Folder::new();
        std::fs::write(folder.book(), &sound[..length]).unwrap();
        assert!(!whole_or_named(&folder, &contacts, &format!("{length} bytes")), "{length}");
    }
}

/// A book and its log as a killed server leaves them.
pub(super) fn killed(count: usize) -> (Vec<u8>, Vec<u8>, Vec<(String, String)>) {
    let folder = Folder::new();
    let mut store = folder.session();
    let contacts = fill(&mut store, count);
    let book = std::fs::read(folder.book()).unwrap();
    let log = std::fs::read(folder.log()).unwrap();
    (book, log, contacts)
}

#[test]
fn a_killed_server_s_log_is_read() {
    let (book, log, contacts) = killed(40);
    let folder = Folder::new();
    std::fs::write(folder.book(), book).unwrap();
    std::fs::write(folder.log(), log).unwrap();
    assert!(whole_or_named(&folder, &contacts, "untouched"));
}

#[test]
fn a_flipped_bit_in_a_killed_server_s_log_loses_nothing_in_silence() {
    let (book, log, contacts) = killed(40);
    let (mut whole, mut named, mut torn) = (0, 0, 0);
    for offset in (0..log.len()).step_by(291) {
        let folder = Folder::new();
        let mut bytes = log.clone();
        bytes[offset] ^= 1 << (offset % 8);
        std::fs::write(folder.book(), &book).unwrap();
        std::fs::write(folder.log(), &bytes).unwrap();
        match folder.open().and_then(|store| load(&store)) {
            Ok(loaded) if loaded == contacts => whole += 1,
            // A damaged last transaction cannot be told from a power cut in its
            // middle: it is dropped, but a copy is kept.
            Ok(loaded) => {
                assert_eq!(loaded, contacts[..contacts.len() - 1], "byte {offset}");
                assert!(folder.files().iter().any(|name| name.contains("torn")), "{offset}");
                torn += 1;
            }
            Err(error) => {
                assert!(format!("{error:#}").contains("damaged"), "byte {offset}: {error:#}");
                named += 1;
            }
        }
    }
    assert!(named > 50 && torn > 0, "{whole} whole, {named} named, {torn} torn");
}

#[test]
fn a_torn_end_of_the_log_costs_only_the_change_that_was_never_confirmed() {
    let (book, log, contacts) = killed(40);
    for cut in [1, 100, 4096, 8000] {
        let folder = Folder::new();
        std::fs::write(folder.book(), &book).unwrap();
        std::fs::write(folder.log(), &log[..log.len() - cut]).unwrap();
        let store = folder.open().unwrap();
        assert_eq!(load(&store).unwrap(), contacts[..contacts.len() - 1], "{cut} bytes less");
    }
}

#[test]
fn what_a_cut_log_lacks_is_counted_where_it_can_be_known() {
    let folder = Folder::new();
    let mut store = folder.session();
    fill(&mut store, 10);
    let early = std::fs::read(folder.log()).unwrap();
    for n in 10..15 {
        store.commit(&added(&format!("later{n}"), "1")).unwrap();
    }
    store.database.checkpoint().unwrap();
    let book = std::fs::read(folder.book()).unwrap();
    drop(store);
    std::fs::write(folder.book(), book).unwrap();
    std::fs::write(folder.log(), early).unwrap();
    let error = folder.open().unwrap_err().to_string();
    assert!(error.contains("is cut short") && error.contains("at least 5 are gone"), "{error}");
}
