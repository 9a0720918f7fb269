//! What is wrong with a file that cannot be imported, in the words of a teacher.

use std::fmt;

use protocol::Field;
use protocol::escape::Escaped;

use super::cells::Damage;
use super::encoding::{FileKind, Unreadable};
use super::header::HeaderFault;
use super::records::{Broken, Why};
use crate::language::localized;

/// Why nothing was imported.
#[derive(Debug)]
pub(super) enum Refused {
    /// The file cannot be read, or not to its end.
    Broken(Broken),
    /// It does not say which column is which.
    Header { line: u64, fault: HeaderFault },
    /// Names and phones have changed places.
    Swapped,
    /// These rows are wrong, the first of `count`, with their lines.
    Rows { count: u64, shown: Vec<(u64, Fault)> },
}

/// What is wrong with a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Not two columns, but so many.
    Columns(usize),
    /// One column, because it is separated by a full-width mark.
    FullWidth(char),
    /// A header where rows are.
    HeaderBelow,
    /// More columns than the header has.
    Extra,
    /// Nothing there.
    Empty(Field),
    /// So many characters.
    TooLong(Field, usize),
    /// A line end in it, usually because a quotation mark is missing.
    LineEnd(Field),
    /// A `;`, which separates on the wire.
    Semicolon(Field),
    /// What a spreadsheet has left of it.
    Damaged(Field, Damage, String),
    /// Whatever else a client may not send: the reason as a client is told it.
    Refused(String),
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Broken(broken) => f.write_str(&broken_words(broken)),
            Refused::Header { line, fault } => f.write_str(&header_words(*line, *fault)),
            Refused::Swapped => f.write_str(&localized!(
                "什么都没有导入：第一列全是电话，第二列一个也没有，看来两列放反了；把姓名放在第一列，或者在最上面加一行“电话,姓名”",
                "nothing was imported: every first column looks like a phone and no second one does, \
                 so they seem to be swapped; put the names first, or write a first line phone,name"
            )),
            Refused::Rows { count, shown } => {
                let rows = if *count == 1 { "row is" } else { "rows are" };
                f.write_str(&localized!(
                    "什么都没有导入，因为有 {count} 行不对：",
                    "nothing was imported, since {count} {rows} wrong:"
                ))?;
                for (line, fault) in shown {
                    let line = localized!("第 {line} 行：", "line {line}: ");
                    write!(f, "\n{line}{fault}")?;
                }
                let rest = count - shown.len() as u64;
                if rest > 0 {
                    write!(f, "\n{}", localized!("还有 {rest} 行", "and {rest} more"))?;
                }
                if shown.iter().any(|(_, fault)| matches!(fault, Fault::Damaged(..))) {
                    let advice = localized!(
                        "表格软件把电话当成了数字，原来的号码已经不在这个文件里：把这一列的格式设为“文本”，重新填写，再保存一次",
                        "the spreadsheet took phones for numbers, and what they were is not in this \
                         file any more: format the column as text, type them again and save once more"
                    );
                    write!(f, "\n{advice}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |field: &Field| match field {
            Field::Name => localized!("姓名", "name"),
            Field::Phone => localized!("电话", "phone"),
        };
        f.write_str(&match self {
            Fault::Columns(found) => localized!(
                "应该是姓名和电话两列，这里有 {found} 列",
                "columns should be name and phone, found {found}"
            ),
            Fault::FullWidth(mark) => localized!(
                "用了中文标点 {mark} 来分隔；请换成英文逗号 ,",
                "separated by the full-width mark {mark}; use an ordinary comma"
            ),
            Fault::HeaderBelow => localized!(
                "这是表头，表头应该在最上面；删掉它上面的行",
                "this is a header, which must come first; delete the lines above it"
            ),
            Fault::Extra => localized!(
                "列数比表头多；是不是有一格里多了一个分隔符？",
                "more columns than the header has; is there a separator too many in one of them?"
            ),
            Fault::Empty(field) => {
                let word = word(field);
                localized!("{word}是空的", "the {word} is empty")
            }
            Fault::TooLong(field, chars) => {
                let (word, most) = (word(field), field.max_chars());
                localized!(
                    "{word}有 {chars} 个字符，最多 {most} 个",
                    "the {word} has {chars} characters, {most} at most"
                )
            }
            Fault::LineEnd(field) => {
                let word = word(field);
                localized!(
                    "{word}里有换行；是不是少了一个引号 \"？",
                    "the {word} has a line end in it; is a quotation mark \" missing?"
                )
            }
            Fault::Semicolon(field) => {
                let word = word(field);
                localized!(
                    "{word}里有分号 ;，学生没法查它",
                    "the {word} has a ; in it, with which no student could ask for it"
                )
            }
            Fault::Damaged(field, damage, cell) => {
                let (word, cell) = (word(field), Escaped(cell));
                let how = match damage {
                    Damage::Scientific => {
                        localized!("科学计数法", "a number in scientific notation")
                    }
                    Damage::Fraction => localized!("小数", "a number with a fraction"),
                    Damage::Date => localized!("日期", "a date"),
                    Damage::Hashes => {
                        localized!("列太窄时显示的 #", "what a column too narrow shows")
                    }
                    Damage::FormulaError => localized!("公式的错误", "the error of a formula"),
                };
                localized!("{word} {cell} 是{how}", "the {word} {cell} is {how}")
            }
            Fault::Refused(reason) => localized!("不能用：{reason}", "{reason}"),
        })
    }
}

fn header_words(line: u64, fault: HeaderFault) -> String {
    match fault {
        HeaderFault::NoName => localized!(
            "什么都没有导入：第 {line} 行是表头，有电话，没有姓名；把那一列叫做“姓名”",
            "nothing was imported: line {line} is a header with a phone but no name; call that column name"
        ),
        HeaderFault::NoPhone => localized!(
            "什么都没有导入：第 {line} 行是表头，有姓名，没有电话；把那一列叫做“电话”",
            "nothing was imported: line {line} is a header with a name but no phone; call that column phone"
        ),
        HeaderFault::SeveralNames => localized!(
            "什么都没有导入：第 {line} 行的表头里有几列都是姓名；只留一列",
            "nothing was imported: several columns of the header in line {line} are names; leave one"
        ),
        HeaderFault::SeveralPhones => localized!(
            "什么都没有导入：第 {line} 行的表头里有几列都是电话；只留一列，或者给其他列换个名字",
            "nothing was imported: several columns of the header in line {line} are phones; leave one, or \
             rename the others"
        ),
    }
}

fn broken_words(Broken { line, why }: &Broken) -> String {
    let kind = match why {
        Why::TooLong => {
            return localized!(
                "什么都没有导入：第 {line} 行没完没了；这是 CSV 文件吗？是不是少了一个引号 \"？",
                "nothing was imported: line {line} goes on and on; is this a CSV file, and is a quotation \
                 mark \" missing?"
            );
        }
        Why::Unreadable(Unreadable::Failed(error)) => {
            return localized!(
                "什么都没有导入：第 {line} 行读不出来（{error}）",
                "nothing was imported: line {line} cannot be read ({error})"
            );
        }
        Why::Unreadable(Unreadable::Malformed("UTF-8")) => {
            return localized!(
                "什么都没有导入：第 {line} 行不是 UTF-8 文字；在 Excel 里另存为“CSV UTF-8（逗号分隔）”，或者加上 --encoding gbk 再导入一次",
                "nothing was imported: line {line}: not UTF-8 text; in Excel, save it as \"CSV UTF-8\", or \
                 import it with --encoding gbk if a Chinese Excel saved it as plain CSV"
            );
        }
        Why::Unreadable(Unreadable::Malformed(encoding)) => {
            return localized!(
                "什么都没有导入：第 {line} 行不是 {encoding} 文字；在 Excel 里另存为“CSV UTF-8（逗号分隔）”，不加 --encoding 再导入一次",
                "nothing was imported: line {line}: not {encoding} text; in Excel, save it as \"CSV \
                 UTF-8\", and import it without --encoding"
            );
        }
        Why::Unreadable(Unreadable::IsUtf8) => {
            return localized!(
                "什么都没有导入：这个文件已经是 UTF-8；去掉 --encoding gbk 再导入一次",
                "nothing was imported: this file is UTF-8 already; import it without --encoding gbk"
            );
        }
        Why::Unreadable(Unreadable::NoText(kind)) => kind,
    };
    let save = localized!(
        "用 Excel 打开它，另存为“CSV UTF-8（逗号分隔）”，再导入那个文件",
        "open it in Excel, save it as \"CSV UTF-8\" and import that file"
    );
    let what = match kind {
        FileKind::Workbook => localized!(
            "这是 Excel 工作簿（或者压缩包）",
            "this is an Excel workbook (or a ZIP archive)"
        ),
        FileKind::OldWorkbook => {
            localized!("这是旧版 Excel 工作簿（.xls）", "this is an Excel workbook (.xls)")
        }
        FileKind::WebPage => localized!("这其实是一个网页", "this is really a web page"),
        FileKind::Pdf => localized!("这是 PDF", "this is a PDF"),
        FileKind::Binary => localized!(
            "这不是 UTF-8 文字，里面有零字节",
            "this is not UTF-8 text, it has zero bytes"
        ),
        FileKind::Database => {
            return localized!(
                "什么都没有导入：这是数据库，不是 CSV 文件；如果是通讯录，先 export --data 这个文件 x.csv，再导入 x.csv",
                "nothing was imported: this is a database, not a CSV file; if it is a contact book, run \
                 export --data THIS_FILE x.csv, and import x.csv"
            );
        }
    };
    localized!("什么都没有导入：{what}；{save}", "nothing was imported: {what}; {save}")
}
