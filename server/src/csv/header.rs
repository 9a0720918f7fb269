//! Which column is the name and which the phone.

/// What the column with the names is called, without spaces and in lower case.
const NAME: [&str; 4] = ["name", "姓名", "名字", "学生姓名"];

/// What the column with the phones is called.
const PHONE: [&str; 10] = [
    "phone",
    "phonenumber",
    "telephone",
    "mobile",
    "电话",
    "电话号码",
    "联系电话",
    "手机",
    "手机号",
    "手机号码",
];

/// Where name and phone are in each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Columns {
    /// There is no header: the name, then the phone, and nothing else.
    InOrder,
    /// Where the header says.
    Named {
        name: usize,
        phone: usize,
        /// Columns that the header has; no row has more.
        width: usize,
    },
}

/// A first row that is a header, but does not say where both are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderFault {
    NoName,
    NoPhone,
    SeveralNames,
    SeveralPhones,
}

impl Columns {
    /// The columns of a file with this first row, which is a header unless the
    /// columns are [in order](Columns::InOrder).
    ///
    /// # Errors
    ///
    /// It is a header, but which column is which cannot be known.
    pub(super) fn of<'a>(first_row: impl Iterator<Item = &'a str>) -> Result<Self, HeaderFault> {
        let (mut names, mut phones, mut width) = (Vec::new(), Vec::new(), 0);
        for (column, cell) in first_row.enumerate() {
            let title: String = cell.chars().filter(|c| !c.is_whitespace()).collect();
            let title = title.to_lowercase();
            if NAME.contains(&&*title) {
                names.push(column);
            } else if PHONE.contains(&&*title) {
                phones.push(column);
            }
            width = column + 1;
        }
        match (&names[..], &phones[..]) {
            ([], []) => Ok(Columns::InOrder),
            (&[name], &[phone]) => Ok(Columns::Named { name, phone, width }),
            ([], _) => Err(HeaderFault::NoName),
            (_, []) => Err(HeaderFault::NoPhone),
            ([_, _, ..], _) => Err(HeaderFault::SeveralNames),
            (_, [_, _, ..]) => Err(HeaderFault::SeveralPhones),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_known_by_both_titles_and_columns_go_by_name() {
        let named = |name, phone, width| Ok(Columns::Named { name, phone, width });
        for (row, columns) in [
            ("name,phone", named(0, 1, 2)),
            ("NAME, Phone Number ", named(0, 1, 2)),
            ("姓名,电话", named(0, 1, 2)),
            ("学号,名字,班级,手机号", named(1, 3, 4)),
            ("手 机,姓 名", named(1, 0, 2)),
            ("电话号码,姓名,备注", named(1, 0, 3)),
            ("zhangsan,138", Ok(Columns::InOrder)),
            ("names,phones", Ok(Columns::InOrder)),
            ("", Ok(Columns::InOrder)),
            ("姓名,座机", Err(HeaderFault::NoPhone)),
            ("学生,电话", Err(HeaderFault::NoName)),
            ("姓名,手机,电话", Err(HeaderFault::SeveralPhones)),
            ("姓名,名字,电话", Err(HeaderFault::SeveralNames)),
        ] {
            assert_eq!(Columns::of(row.split(',')), columns, "{row}");
        }
    }
}
