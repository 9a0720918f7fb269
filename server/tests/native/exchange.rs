//! `export` and `import`, as a teacher runs them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use crate::classroom::binary::{Program, command, read};

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
    command.env_remove("TCP_CLASSROOM_DATA").env("LC_ALL", "en_US.UTF-8").stdin(Stdio::null());
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
    assert_eq!(told, "3 added, 0 changed, 0 as before\n");
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
fn an_import_overwrites_names_that_are_there_keeps_the_others_and_says_how_many() {
    let desk = Desk::new();
    assert_eq!(said(&desk.import("a,1\nb,2\n"), 0), "2 added, 0 changed, 0 as before\n");
    assert_eq!(said(&desk.import("b,3\nc,4\na,1\n"), 0), "1 added, 1 changed, 1 as before\n");
    assert_eq!(desk.export(), "name,phone\na,1\nb,3\nc,4\n");
    assert_eq!(said(&desk.import(desk.export()), 0), "0 added, 0 changed, 3 as before\n");
    assert_eq!(said(&desk.import(""), 0), "0 added, 0 changed, 0 as before\n");
}

#[test]
fn one_wrong_row_and_nothing_is_imported_and_all_wrong_rows_are_named_by_line() {
    let desk = Desk::new();
    said(&desk.import("a,1\n"), 0);
    let csv = "name,phone\nb,2\nc\n,3\nd,4,5\n\"e;f\",6\n\"two\nlines\",7\n\ng,1.38E+10\nb,9\n";
    for csv in [csv.to_owned(), csv.replace('\n', "\r\n"), csv.replace('\n', "\r")] {
        let told = said(&desk.import(csv), 1);
        for wrong in [
            "6 rows are wrong",
            "line 3: the phone is empty",
            "line 4: the name is empty",
            "line 5: more columns than the header has",
            "line 6: the name has a ;",
            "line 7: the name has a line end in it",
            "line 10: the phone 1.38E+10 is a number in scientific notation",
        ] {
            assert!(told.contains(wrong), "{wrong}: {told}");
        }
    }
    let many = said(&desk.import("x\n".repeat(50)), 1);
    assert!(many.contains("50 rows are wrong") && many.contains("and 40 more"), "{many}");
    assert!(many.contains("\nline 10: ") && !many.contains("\nline 11: "), "{many}");
    assert_eq!(desk.export(), "name,phone\na,1\n");
}

#[test]
fn what_is_no_csv_file_is_told_how_to_become_one_and_leaves_no_book_behind() {
    let gbk = b"name,phone\r\n\xd5\xc5\xc8\xfd,13800138000\r\nlisi,010-1234\r\n";
    for (csv, told) in [
        (&gbk[..], &["line 2: not UTF-8", "CSV UTF-8", "--encoding gbk"][..]),
        (b"PK\x03\x04\x14\0\x06\0", &["Excel workbook", "save it as \"CSV UTF-8\""]),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", &["Excel workbook", "save it as \"CSV UTF-8\""]),
        (b"<html><table>", &["a web page", "save it as \"CSV UTF-8\""]),
        (b"SQLite format 3\0", &["a database", "export --data"]),
        (b"13800138000,zhangsan\n", &["swapped"]),
        ("姓名,座机\n张三,1\n".as_bytes(), &["line 1 is a header", "call that column phone"]),
    ] {
        let desk = Desk::new();
        let said = said(&desk.import(csv), 1);
        for told in told {
            assert!(said.contains(told), "{told}: {said}");
        }
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let desk = Desk::new();
    said(&desk.import(b"PK\x03\x04\x14\0\x06\0"), 1);
    assert!(!desk.book().exists());

    std::fs::write(desk.file("gbk.csv"), gbk).unwrap();
    let arguments = ["import", "--encoding", "gbk"];
    assert_eq!(
        said(&desk.run(&arguments, &desk.file("gbk.csv")), 0),
        "2 added, 0 changed, 0 as before\n"
    );
    assert_eq!(desk.export(), "name,phone\nlisi,010-1234\n张三,13800138000\n");
    std::fs::write(desk.file("utf8.csv"), "name,phone\n张三,1\n").unwrap();
    let told = said(&desk.run(&arguments, &desk.file("utf8.csv")), 1);
    assert!(told.contains("--encoding"), "{told}");
    assert_eq!(desk.export(), "name,phone\nlisi,010-1234\n张三,13800138000\n");
}

#[test]
fn import_and_export_speak_the_language_of_the_machine() {
    let desk = Desk::new();
    let chinese = |arguments: &[&str], csv: &Path| {
        let mut command = command_without_options();
        command.args(arguments).arg(csv).arg("--data").arg(desk.book());
        command.env("LC_ALL", "zh_CN.UTF-8").output().unwrap()
    };
    std::fs::write(desk.file("in.csv"), "姓名,电话\n张三,1.38E+10\n").unwrap();
    let told = said(&chinese(&["import"], &desk.file("in.csv")), 1);
    assert!(told.contains("第 2 行：电话 1.38E+10 是科学计数法"), "{told}");
    std::fs::write(desk.file("in.csv"), "姓名,电话\n张三,13800138000\n").unwrap();
    let told = said(&chinese(&["import"], &desk.file("in.csv")), 0);
    assert_eq!(told, "新增 1 个，更新 0 个，0 个和原来一样\n");
    assert_eq!(said(&chinese(&["export"], &desk.file("out.csv")), 0), "写出了 1 个联系人\n");
    assert!(said(&chinese(&["export"], &desk.file("out.csv")), 1).contains("已经存在"));
}

#[test]
fn a_line_of_two_gigabytes_is_refused_without_being_read() {
    let desk = Desk::new();
    let mut command = command_without_options();
    command.args(["import", "-", "--data"]).arg(desk.book());
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"name,phone\n").unwrap();
    let megabyte = vec![b'x'; 1024 * 1024];
    // It stops reading long before the end, and so the pipe breaks.
    let taken = (0..2048).take_while(|_| stdin.write_all(&megabyte).is_ok()).count();
    drop(stdin);
    let told = said(&child.wait_with_output().unwrap(), 1);
    assert!(told.contains("line 2 goes on and on"), "{told}");
    assert!(taken <= 2, "{taken} MB were read");
}

#[cfg(target_os = "linux")]
#[test]
fn a_standard_output_that_is_full_fails_an_export_and_does_not_panic() {
    let desk = Desk::new();
    said(&desk.import("a,1\n"), 0);
    let mut command = command_without_options();
    command.args(["export", "-", "--data"]).arg(desk.book());
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let told = said(&command.stdout(full).output().unwrap(), 1);
    assert!(told.starts_with("tcp-classroom: cannot write to standard output ("), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
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
    std::fs::write(desk.file("in.csv"), "a,1\n").unwrap();
    let told = said(&desk.run(&["import"], &desk.file("in.csv")), 1);
    assert!(told.contains("is in use"), "{told}");
}

/// The file by which the commands find the server.
fn control_file(desk: &Desk) -> PathBuf {
    let mut path = desk.book().into_os_string();
    path.push("-control");
    path.into()
}

#[test]
fn while_a_server_has_the_book_open_an_export_and_a_reset_are_done_by_it() {
    let desk = Desk::new();
    said(&desk.import("a,1\n\"=x\",2\n张三,3\n"), 0);
    said(&desk.run(&["export"], &desk.file("before.csv")), 0);
    let program = Program::with_data(&desk.book());
    let told = said(&desk.run(&["export"], &desk.file("while.csv")), 0);
    assert!(told.contains("3 contacts written"), "{told}");
    let read = |name| std::fs::read_to_string(desk.file(name)).unwrap();
    assert_eq!(read("while.csv"), read("before.csv"));
    said(&desk.run(&["export", "--bom"], &desk.file("excel.csv")), 0);
    assert_eq!(read("excel.csv"), format!("\u{FEFF}{}", read("before.csv")));

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = control_file(&desk).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it holds the token");
    }
    let told = said(&desk.run(&["reset", "--keep"], "7班".as_ref()), 0);
    assert!(told.contains("7班.db"), "{told}");
    said(&desk.run(&["export"], &desk.file("after.csv")), 0);
    assert_eq!(read("after.csv"), "name,phone\n");
    let told = said(&desk.run(&["reset", "--keep"], "7班".as_ref()), 1);
    assert!(told.contains("7班.db"), "{told}");
    drop(program);
    // Killed: the file is left behind and names a server that is gone.
    assert!(control_file(&desk).exists());
    said(&desk.run(&["export", "--force"], &desk.file("after.csv")), 0);
    said(&desk.run(&["reset", "--keep"], "empty".as_ref()), 0);
    assert_eq!(read("after.csv"), "name,phone\n");
}

#[test]
fn a_control_file_that_names_another_server_is_not_believed() {
    let desk = Desk::new();
    said(&desk.import("a,1\n"), 0);
    let _program = Program::with_data(&desk.book());
    let content = std::fs::read_to_string(control_file(&desk)).unwrap();
    let token = content.split('"').nth(7).unwrap();
    for other in [
        content.replace(token, "00000000000000000000000000000000"),
        r#"{"http":"127.0.0.1:1","token":"x"}"#.to_owned(),
        "no JSON".to_owned(),
    ] {
        std::fs::write(control_file(&desk), other).unwrap();
        for command in [&["export"][..], &["reset", "--keep"]] {
            let told = said(&desk.run(command, &desk.file("out.csv")), 1);
            assert!(told.contains("is in use"), "{told}");
        }
    }
}

#[tokio::test]
async fn a_reset_without_a_server_keeps_the_old_contacts_as_a_file() {
    let desk = Desk::new();
    let told = said(&desk.run(&["reset", "--keep"], "old".as_ref()), 1);
    assert!(told.contains("there is no contact book"), "{told}");
    said(&desk.import("a,1\nb,2\n"), 0);
    said(&desk.run(&["reset", "--keep"], "../old".as_ref()), 1);
    said(&desk.run(&["reset", "--keep"], "old".as_ref()), 0);
    said(&desk.run(&["export"], &desk.file("out.csv")), 0);
    assert_eq!(std::fs::read_to_string(desk.file("out.csv")).unwrap(), "name,phone\n");
    let kept = desk.book().with_file_name("old.db");
    assert_eq!(tcp_classroom::Book::open(&kept, 10).unwrap().len(), 2);
}
