//! `export` and `import`, as a teacher runs them.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic and may say why it is skipped"
)]

mod classroom;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use classroom::binary::{Program, command, read};

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Desk(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn book(&self) -> PathBuf {
        self.file("contacts.db")
    }

    fn run(&self, arguments: &[&str], csv: &Path) -> Output {
        let mut command = command_without_options();
        command.args(arguments).arg(csv).arg("--data").arg(self.book());
        command.output().unwrap()
    }

    fn import(&self, csv: impl AsRef<[u8]>) -> Output {
        std::fs::write(self.file("in.csv"), csv).unwrap();
        self.run(&["import"], &self.file("in.csv"))
    }

    fn export(&self) -> String {
        let output = self.run(&["export"], Path::new("-"));
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn command_without_options() -> std::process::Command {
    let mut command = std::process::Command::new(command().get_program());
    command.env_remove("TCP_CLASSROOM_DATA").stdin(Stdio::null());
    command
}

#[track_caller]
fn said(output: &Output, code: i32) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

const CSV: &str = "name,phone\n\"O'Neil, \"\"Shaq\"\"\",1\nzhangsan,13800138000\n张三,'+86 138\n";

#[test]
fn contacts_go_out_and_come_in_the_same() {
    let desk = Desk::new();
    let told = said(&desk.import(CSV), 0);
    assert!(told.contains("3 contacts added"), "{told}");
    assert_eq!(desk.export(), CSV);

    let program = Program::with_data(&desk.book());
    let mut client = program.welcome();
    client.write_all("find;张三".as_bytes()).unwrap();
    assert_eq!(read(&mut client, 7), "+86 138");
}

#[test]
fn an_export_for_excel_begins_with_a_mark_and_can_be_imported() {
    let desk = Desk::new();
    said(&desk.import(CSV), 0);
    said(&desk.run(&["export", "--bom"], &desk.file("excel.csv")), 0);
    let bytes = std::fs::read(desk.file("excel.csv")).unwrap();
    assert!(bytes.starts_with(b"\xEF\xBB\xBFname,phone\n"));
    let other = Desk::new();
    said(&other.import(bytes), 0);
    assert_eq!(other.export(), CSV);
}

#[test]
fn an_import_overwrites_names_that_are_there_and_keeps_the_others() {
    let desk = Desk::new();
    said(&desk.import("a,1\nb,2\n"), 0);
    said(&desk.import("b,3\nc,4\n"), 0);
    assert_eq!(desk.export(), "name,phone\na,1\nb,3\nc,4\n");
}

#[test]
fn one_wrong_row_and_nothing_is_imported_and_all_wrong_rows_are_named_by_line() {
    let desk = Desk::new();
    said(&desk.import("a,1\n"), 0);
    let output = desk.import("name,phone\nb,2\nc\n,3\nd,4,5\ne;f,6\n\"two\nlines\",7\nb,9\n");
    let told = said(&output, 1);
    for wrong in [
        "5 rows are wrong",
        "line 3: columns should be name and phone, found 1",
        "line 4: the name is empty",
        "line 5: columns should be name and phone, found 3",
        "line 6: add takes a name and a phone",
        "line 7: the name has the invisible character \\n",
    ] {
        assert!(told.contains(wrong), "{wrong}: {told}");
    }
    assert_eq!(desk.export(), "name,phone\na,1\n");

    let not_utf8 = [b"a,2\n".as_slice(), b"\xd5\xc5\xc8\xfd,1\n"].concat();
    let told = said(&desk.import(not_utf8), 1);
    assert!(told.contains("line 2: not UTF-8") && told.contains("CSV UTF-8"), "{told}");
    let many = said(&desk.import("x\n".repeat(50)), 1);
    assert!(many.contains("50 rows are wrong") && many.contains("and 30 more"), "{many}");
    assert_eq!(desk.export(), "name,phone\na,1\n");
}

#[test]
fn an_export_replaces_nothing_unasked_and_leaves_nothing_half_written() {
    let desk = Desk::new();
    said(&desk.import("a,1\n"), 0);
    std::fs::write(desk.file("out.csv"), "precious").unwrap();
    let told = said(&desk.run(&["export"], &desk.file("out.csv")), 1);
    assert!(told.contains("--force"), "{told}");
    assert_eq!(std::fs::read_to_string(desk.file("out.csv")).unwrap(), "precious");
    said(&desk.run(&["export", "--force"], &desk.file("out.csv")), 0);
    assert_eq!(std::fs::read_to_string(desk.file("out.csv")).unwrap(), "name,phone\na,1\n");
    said(&desk.run(&["export"], &desk.file("no/such/folder.csv")), 1);
}

#[test]
fn a_book_that_is_not_there_or_in_use_is_named() {
    let desk = Desk::new();
    let told = said(&desk.run(&["export"], &desk.file("out.csv")), 1);
    assert!(told.contains("there is no contact book"), "{told}");
    assert!(!desk.book().exists(), "an export creates no book");

    let _program = Program::with_data(&desk.book());
    for direction in ["export", "import"] {
        std::fs::write(desk.file("in.csv"), "a,1\n").unwrap();
        let csv = if direction == "import" { "in.csv" } else { "out.csv" };
        let told = said(&desk.run(&[direction], &desk.file(csv)), 1);
        assert!(told.contains("is in use"), "{told}");
    }
}
