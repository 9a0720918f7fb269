//! How large the file and its log are while changes come.

use super::*;

/// Bytes that a book of any size may take beyond three times what it holds: the
/// shortest log, 640 KB; the changes that are pending in a small book, 320 KB; and
/// as much again in the log, when they are merged.
const FLOOR: u64 = 1_500_000;

/// Bytes of the file and its log.
fn size(folder: &Folder) -> u64 {
    let bytes = |path: PathBuf| std::fs::metadata(path).map_or(0, |about| about.len());
    bytes(folder.book()) + bytes(folder.log())
}

/// Makes changes in groups of a class, to a book of `contacts`, and holds the
/// largest size meanwhile against the file that the book is at the end.
fn flood(contacts: usize, groups: usize, changes_of: impl Fn(usize) -> Vec<(usize, bool)>) {
    let folder = Folder::new();
    let name = |n: usize| format!("name{:06}", n * 7_919 % 1_000_003);
    let rows = (0..contacts).map(|n| anyhow::Ok((name(n), "13800138000".to_owned())));
    folder.open().unwrap().import(rows).unwrap();
    let mut store = folder.session();
    let mut there: std::collections::HashSet<usize> = (0..contacts).collect();
    let mut largest = 0;
    for group in 0..groups {
        let changes: Vec<_> = changes_of(group)
            .into_iter()
            .map(|(n, stays)| {
                (name(n), if stays { there.insert(n) } else { !there.remove(&n) }, stays)
            })
            .collect();
        let updates: Vec<_> = changes
            .iter()
            .map(|(name, is_new, stays)| {
                let before = (!is_new).then_some("13800138000");
                update(name, before, stays.then_some("13800138000"))
            })
            .collect();
        store.commit(&updates).unwrap();
        largest = largest.max(size(&folder));
    }
    drop(store);
    let holds = size(&folder);
    assert!(largest <= 3 * holds + FLOOR, "{largest} bytes for a book of {holds}");
    assert_eq!(load(&folder.open().unwrap()).unwrap().len(), there.len());
}

#[test]
fn a_flood_of_overwrites_stays_within_three_times_the_book() {
    flood(9, 3_000, |_| (0..9).map(|n| (n, true)).collect());
    // In the table of contacts these changes would be a page each.
    flood(20_000, 1_500, |group| (0..50).map(|n| ((group * 50 + n) * 97 % 20_000, true)).collect());
}

#[test]
fn so_does_a_book_that_grows_and_one_whose_names_come_and_go() {
    flood(0, 1_000, |group| (0..50).map(|n| (group * 50 + n, true)).collect());
    flood(5_000, 1_500, |group| {
        (0..50).map(|n| ((group / 2 * 50 + n) * 31 % 5_000, group % 2 == 1)).collect()
    });
}
