//! Data files of versions that people have: written by the real program of then,
//! kept in `tests/data`. Each holds 张三, 李四 and 😀; zhangsan was removed.
use std::path::Path;

use tcp_classroom::{Book, csv};

/// Opens a copy of a file, with its log if it has one, and exports it.
fn exported(name: &str) -> String {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let folder = tempfile::tempdir().unwrap();
    for part in [name.to_owned(), format!("{name}-wal")] {
        let file = data.join(&part);
        if file.exists() {
            std::fs::copy(file, folder.path().join(part)).unwrap();
        }
    }
    let file = folder.path().join(name);
    // As the server opens it, and closes it again.
    let book = Book::open(&file, 100).unwrap();
    assert_eq!(book.len(), 3);
    drop(book);
    let spreadsheet = folder.path().join("out.csv");
    csv::export(&file, &spreadsheet, false, false).unwrap();
    std::fs::read_to_string(spreadsheet).unwrap()
}

#[tokio::test]
async fn a_file_of_0_1_opens_whether_its_server_was_stopped_or_killed() {
    for name in ["closed-0.1.db", "killed-0.1.db"] {
        let text = exported(name);
        for row in ["张三,12345", "李四,13900139000", "😀,1"] {
            assert!(text.contains(row), "{name}: {text}");
        }
        assert!(!text.contains("zhangsan"), "{name}: {text}");
    }
}
