use encoding_rs::GB18030;
use proptest::prelude::*;

use super::*;
use crate::csv::cells::Damage;
use crate::csv::encoding::{FileKind, Unreadable};
use crate::csv::export;
use crate::csv::header::HeaderFault;
use crate::csv::records::{Broken, Why};

type Contacts = Vec<(String, String)>;

fn read(csv: impl AsRef<[u8]>, encoding: Encoding) -> Result<Contacts, Refused> {
    let mut rows = Rows::of(csv.as_ref(), encoding)?;
    let mut contacts = Vec::new();
    while let Some(contact) = rows.read()? {
        contacts.push(contact);
    }
    Ok(contacts)
}

fn pairs(contacts: &[(&str, &str)]) -> Contacts {
    contacts.iter().map(|(name, phone)| ((*name).to_owned(), (*phone).to_owned())).collect()
}

#[track_caller]
fn check(csv: impl AsRef<[u8]>, expected: &[(&str, &str)]) {
    let shown = String::from_utf8_lossy(csv.as_ref()).into_owned();
    match read(csv, Encoding::Utf8) {
        Ok(contacts) => assert_eq!(contacts, pairs(expected), "{shown:?}"),
        Err(refused) => panic!("{shown:?}: {refused}"),
    }
}

/// The wrong rows of a file that is refused for them.
#[track_caller]
fn wrong(csv: impl AsRef<[u8]>) -> Vec<(u64, Fault)> {
    match read(csv, Encoding::Utf8) {
        Err(Refused::Rows { count, shown }) => {
            assert_eq!(count.min(SHOWN as u64), shown.len() as u64);
            shown
        }
        other => panic!("{other:?}"),
    }
}

fn utf16(text: &str) -> Vec<u8> {
    format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

const WANG: &[(&str, &str)] = &[("王芳", "13800138000"), ("lisi", "010-1234")];

#[test]
fn separators_encodings_and_line_ends_of_all_spreadsheets_are_understood() {
    let plain = "name,phone\n王芳,13800138000\nlisi,010-1234\n";
    for separator in [",", ";", "\t"] {
        let csv = plain.replace(',', separator);
        for line_end in ["\n", "\r\n", "\r"] {
            let csv = csv.replace('\n', line_end);
            check(&csv, WANG);
            check(csv.trim_end(), WANG);
            check(format!("\u{feff}{csv}"), WANG);
            check(utf16(&csv), WANG);
            check(format!("sep={separator}{line_end}{csv}"), WANG);
            let gbk = GB18030.encode(&csv).0;
            assert_eq!(read(gbk, Encoding::Gbk).unwrap(), pairs(WANG));
        }
    }
    check("sep=|\nname|phone\n王芳|13800138000\nlisi|010-1234\n", WANG);
}

#[test]
fn a_header_is_no_contact_and_its_columns_go_by_name() {
    for csv in [
        "王芳,13800138000\nlisi,010-1234\n",
        "姓名,电话\n王芳,13800138000\nlisi,010-1234\n",
        "Name , PHONE\n王芳, 13800138000\nlisi,\u{3000}010-1234\n",
        "学号,手机号,班级,名字\n01,13800138000,3,王芳\n02,010-1234,,lisi\n",
        "名字,Phone Number,备注\n王芳,13800138000\nlisi,010-1234,\"班长, 女\"\n",
        "\n,,\n姓名,手机,,\n\n王芳,13800138000,,\n,,,\n , \nlisi,010-1234,,\n,,,,,,\n",
        "\"姓名\",\"电话\"\n\"王芳\",\"13800138000\"\n\"lisi\",\"010-1234\"",
    ] {
        check(csv, WANG);
    }
    // As an export has it.
    check("name,phone\nname,phone\n", &[("name", "phone")]);
    check("", &[]);
    check("name,phone\n", &[]);
}

#[test]
fn a_header_that_leaves_open_which_column_is_which_is_refused() {
    for (csv, line, fault) in [
        ("\n姓名,座机\n王芳,1\n", 2, HeaderFault::NoPhone),
        ("学生,电话\n王芳,1\n", 1, HeaderFault::NoName),
        ("姓名,电话,手机\n王芳,1,2\n", 1, HeaderFault::SeveralPhones),
        ("name,姓名,电话\nwang,王芳,2\n", 1, HeaderFault::SeveralNames),
    ] {
        match read(csv, Encoding::Utf8) {
            Err(Refused::Header { line: found, fault: why }) => {
                assert_eq!((found, why), (line, fault), "{csv}");
            }
            other => panic!("{csv}: {other:?}"),
        }
    }
}

#[test]
fn rows_are_wrong_for_the_reason_and_in_the_line_that_an_editor_shows() {
    let csv =
        "name,phone\nok,1\nok2,2\n,3\n\nok4,4\nbad\n\"two\nlines\",7\nb,9,9\na;b,1\na\u{202e},1\n";
    let long = "x".repeat(65);
    let csv = format!("{csv}{long},1\n");
    for line_end in ["\n", "\r\n", "\r"] {
        let mut found = wrong(csv.replace('\n', line_end));
        let (line, refused) = found.remove(5);
        assert!(line == 12 && matches!(refused, Fault::Refused(_)), "{line} {refused:?}");
        let expected = [
            (4, Fault::Empty(Field::Name)),
            (7, Fault::Empty(Field::Phone)),
            (8, Fault::LineEnd(Field::Name)),
            (10, Fault::Extra),
            (11, Fault::Semicolon(Field::Name)),
            (13, Fault::TooLong(Field::Name, 65)),
        ];
        assert_eq!(found, expected, "{line_end:?}");
    }
    let expected = [
        (1, Fault::Columns(1)),
        (2, Fault::HeaderBelow),
        (3, Fault::Columns(3)),
        (4, Fault::FullWidth('，')),
        (5, Fault::FullWidth('；')),
    ];
    assert_eq!(wrong("高一三班\n姓名,电话\na,1,2\nb，2\nc；3\nd,4\n"), expected);
    assert_eq!(wrong("x\n".repeat(50)).len(), SHOWN);
}

#[test]
fn a_phone_that_a_spreadsheet_destroyed_is_refused_in_every_line_that_has_one() {
    let damaged = |cell: &str, damage| Fault::Damaged(Field::Phone, damage, cell.to_owned());
    let csv = "\u{feff}name,phone\r\nzhangsan,1.38E+10\r\nlisi,1012345678\r\na,#####\r\nb,#N/A\r\n\
               c,\"1,38E+10\"\r\nd,#REF!\r\ne,13800138000.0\r\nf,10月12日\r\ng,\"=\"\"1.4E+10\"\"\"\r\n";
    let expected = [
        (2, damaged("1.38E+10", Damage::Scientific)),
        (4, damaged("#####", Damage::Hashes)),
        (5, damaged("#N/A", Damage::FormulaError)),
        (6, damaged("1,38E+10", Damage::Scientific)),
        (7, damaged("#REF!", Damage::FormulaError)),
        (8, damaged("13800138000.0", Damage::Fraction)),
        (9, damaged("10月12日", Damage::Date)),
        (10, damaged("=\"1.4E+10\"", Damage::Scientific)),
    ];
    assert_eq!(wrong(csv), expected);
    let name = (2, Fault::Damaged(Field::Name, Damage::FormulaError, "#NAME?".to_owned()));
    assert_eq!(wrong("name,phone\n#NAME?,1\n"), [name]);
    check(
        "name,phone\na,=\"013800138000\"\nb,\"=\"\"0138\"\"\"\n",
        &[("a", "013800138000"), ("b", "0138")],
    );
}

#[test]
fn swapped_columns_are_noticed_where_no_header_says_so() {
    for csv in ["13800138000,王芳\n010-1234,lisi\n", "+86 138,a\n", "138,张三\n139,\n"] {
        assert!(matches!(read(csv, Encoding::Utf8), Err(Refused::Swapped)), "{csv}");
    }
    check("13800138000,王芳\nlisi,010-1234\n", &[("13800138000", "王芳"), ("lisi", "010-1234")]);
    check("01,138\n02,139\n", &[("01", "138"), ("02", "139")]);
    check("电话,姓名\n138,王芳\n", &[("王芳", "138")]);
}

#[test]
fn other_files_and_other_encodings_are_refused_with_the_line() {
    let line_of = |csv: &[u8], encoding| match read(csv, encoding) {
        Err(Refused::Broken(Broken { line, why: Why::Unreadable(why) })) => {
            (line, format!("{why:?}"))
        }
        other => panic!("{other:?}"),
    };
    let gbk = GB18030.encode("name,phone\r\n王芳,13800138000\r\n").0;
    let malformed = |encoding| format!("{:?}", Unreadable::Malformed(encoding));
    assert_eq!(line_of(&gbk, Encoding::Utf8), (2, malformed("UTF-8")));
    assert_eq!(line_of(b"name,phone\n\na,\xff", Encoding::Gbk), (3, malformed("gb18030")));
    // A file with wrong rows, too: bytes that are no text come first.
    assert_eq!(line_of(b"name,phone\nx\n\xff,1\n", Encoding::Utf8), (3, malformed("UTF-8")));
    let utf8 = "name,phone\n王芳,1\n李小龙,2\n".as_bytes();
    assert_eq!(line_of(utf8, Encoding::Gbk).1, format!("{:?}", Unreadable::IsUtf8));
    let workbook = format!("{:?}", Unreadable::NoText(FileKind::Workbook));
    assert_eq!(line_of(b"PK\x03\x04\x14\0", Encoding::Utf8), (1, workbook));
}

#[test]
fn a_mark_inside_a_field_is_never_taken_away_unasked() {
    for csv in ["name,phone\n\u{feff}a,\u{feff}1\n", "\u{feff}name,phone\n\u{feff}a,\u{feff}1\n"] {
        match read(csv, Encoding::Utf8) {
            Ok(contacts) => assert_eq!(contacts, pairs(&[("\u{feff}a", "\u{feff}1")])),
            Err(Refused::Rows { shown, .. }) => assert_eq!(shown[0].0, 2),
            other => panic!("{other:?}"),
        }
    }
}

/// Names and phones as clients may send them, those that spreadsheets would
/// change above all.
fn field(most: usize) -> impl Strategy<Value = String> {
    let awkward = prop::sample::select(vec![
        "=1+1",
        "+86 138",
        "-1",
        "@x",
        "'",
        "''=1",
        "'#N/A",
        "=\"0138\"",
        "1.38E+10",
        "####",
        "#N/A",
        "\"",
        "\"\"",
        "a,b",
        "sep=,",
        "name",
        "phone",
        "姓名",
        "12-Oct",
        "PK",
        "3E8",
        "，",
    ]);
    prop_oneof![awkward.prop_map(str::to_owned), "[ -:<-~张三é👩']{1,20}", "\\PC{1,20}"]
        .prop_filter_map("a client may not send it", move |text| {
            let command = format!("add;{text};1");
            let text = trim(&text);
            let is_fine =
                text.chars().count() <= most && Command::parse(&command, Stage::Contacts).is_ok();
            is_fine.then(|| text.to_owned())
        })
}

proptest! {
    #[test]
    fn what_is_exported_is_imported_as_it_was(
        contacts in prop::collection::vec((field(64), field(32)), 0..20),
        bom: bool,
        line_end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
    ) {
        let mut csv = Vec::new();
        let mut rows = export::Rows::new(&mut csv, bom).unwrap();
        for (name, phone) in &contacts {
            rows.write(name, phone).unwrap();
        }
        rows.finish().unwrap();
        // A spreadsheet may save it with other line ends.
        let csv = String::from_utf8(csv).unwrap().replace('\n', line_end);
        prop_assert_eq!(read(&csv, Encoding::Utf8).unwrap(), contacts.clone());
        prop_assert_eq!(read(utf16(csv.trim_start_matches('\u{feff}')), Encoding::Utf8).unwrap(), contacts);
    }

    #[test]
    fn no_bytes_whatever_make_it_panic(bytes: Vec<u8>, is_gbk: bool) {
        let encoding = if is_gbk { Encoding::Gbk } else { Encoding::Utf8 };
        let _ = read(&bytes, encoding);
        let csv = [b"name,phone\na,1\n".as_slice(), &bytes].concat();
        let _ = read(csv, encoding).map_err(|refused| refused.to_string());
    }
}
