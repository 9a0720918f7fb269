//! What spreadsheets do to a cell, prevented on export and undone, or noticed,
//! on import.

use std::borrow::Cow;

use protocol::command::trim;

/// A cell whose value a spreadsheet has destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// `1.38E+10`: a phone taken for a number, most of its digits gone.
    Scientific,
    /// `13800138000.0`: a phone taken for a number with a fraction.
    Fraction,
    /// `10月12日`, `12-Oct`: a phone taken for a date.
    Date,
    /// `#####`: a column that was too narrow to show its numbers.
    Hashes,
    /// `#N/A`, `#REF!`, `Err:502`: a formula without a result.
    FormulaError,
}

/// A cell that no spreadsheet takes for anything but text, and an import for
/// nothing but what it says: with a `'` in front if one might, or if it already
/// looks so defused.
pub(crate) fn defused(cell: &str) -> Cow<'_, str> {
    match is_risky(cell.trim_start_matches('\'')) {
        true => Cow::Owned(format!("'{cell}")),
        false => Cow::Borrowed(cell),
    }
}

/// What a cell stands for: as it was before it was [`defused`], without spaces
/// around it, and the text of `="0138"`, as which programs write phones so that
/// Excel keeps the zero.
///
/// # Errors
///
/// It is damaged.
pub(super) fn value(cell: &str) -> Result<Cow<'_, str>, Damage> {
    let cell = trim(cell);
    if let Some(rest) = cell.strip_prefix('\'')
        && is_risky(rest.trim_start_matches('\''))
    {
        return Ok(Cow::Borrowed(rest));
    }
    if let Some(quoted) = cell.strip_prefix("=\"").and_then(|cell| cell.strip_suffix('"')) {
        return match damage(trim(quoted)) {
            Some(damage) => Err(damage),
            None if quoted.contains("\"\"") => Ok(Cow::Owned(quoted.replace("\"\"", "\""))),
            None => Ok(Cow::Borrowed(quoted)),
        };
    }
    damage(cell).map_or(Ok(Cow::Borrowed(cell)), Err)
}

/// Whether nothing but a phone would be written so: digits and the marks among
/// them.
pub(super) fn looks_like_phone(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || " +-.()/*#（）－".contains(c))
}

/// Whether a spreadsheet would take a cell for a formula or for several cells,
/// or an import for a damaged one.
fn is_risky(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) || damage(cell).is_some()
}

fn damage(cell: &str) -> Option<Damage> {
    // Nearly every cell is decided here: all damage has one of these in it.
    if !cell.bytes().any(|byte| !byte.is_ascii() || b"#+-.,:".contains(&byte)) {
        return None;
    }
    let unsigned = cell.strip_prefix(['+', '-']).unwrap_or(cell);
    if is_scientific(unsigned) {
        Some(Damage::Scientific)
    } else if is_whole_with_fraction(unsigned) {
        Some(Damage::Fraction)
    } else if is_date(cell) {
        Some(Damage::Date)
    } else if cell.len() >= 2 && cell.bytes().all(|byte| byte == b'#') {
        Some(Damage::Hashes)
    } else if is_formula_error(cell) {
        Some(Damage::FormulaError)
    } else {
        None
    }
}

/// `1.38E+10`, `1,38E+10`, `1E+10`; not `3E8`, which may be a room.
fn is_scientific(unsigned: &str) -> bool {
    let Some((mantissa, exponent)) = unsigned.split_once(['e', 'E']) else { return false };
    let (whole, fraction) = match mantissa.split_once(['.', ',']) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let (sign, power) = match exponent.strip_prefix(['+', '-']) {
        Some(power) => (true, power),
        None => (false, exponent),
    };
    are_digits(whole)
        && fraction.is_none_or(are_digits)
        && are_digits(power)
        && (sign || fraction.is_some())
}

/// `13800138000.0` or `13800138000,00`: five digits or more, so as not to take a
/// version or a price for a phone.
fn is_whole_with_fraction(unsigned: &str) -> bool {
    unsigned.split_once(['.', ',']).is_some_and(|(whole, zeros)| {
        whole.len() >= 5
            && are_digits(whole)
            && (1..=2).contains(&zeros.len())
            && zeros.bytes().all(|digit| digit == b'0')
    })
}

/// `10月12日`, `2010年12月`, `12-Oct`, `Oct-12`: how Excel shows what it took
/// `10-12` for.
fn is_date(cell: &str) -> bool {
    let months =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let is_month = |text: &str| months.iter().any(|month| text.eq_ignore_ascii_case(month));
    let is_number = |text: &str| text.len() <= 4 && are_digits(text);
    if let Some((first, second)) = cell.split_once('-') {
        return is_month(first) && is_number(second) || is_number(first) && is_month(second);
    }
    cell.contains('月')
        && cell.split_terminator(['年', '月', '日']).all(is_number)
        && cell.ends_with(['月', '日'])
}

/// `#N/A`, `#NAME?`, `#DIV/0!`; and `Err:502` of LibreOffice.
fn is_formula_error(cell: &str) -> bool {
    let word = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b"/_".contains(&b))
    };
    match cell.strip_prefix('#') {
        Some("N/A" | "GETTING_DATA") => true,
        Some(error) => error.strip_suffix(['!', '?']).is_some_and(word),
        None => cell.strip_prefix("Err:").is_some_and(are_digits),
    }
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_change_is_defused_and_comes_back_as_it_was() {
        for (cell, safe) in [
            ("zhangsan", "zhangsan"),
            ("=1+1", "'=1+1"),
            ("=\"0138\"", "'=\"0138\""),
            ("+86 138", "'+86 138"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("O'Neil", "O'Neil"),
            ("'quoted'", "'quoted'"),
            ("'=1", "''=1"),
            ("''=1", "'''=1"),
            ("'", "'"),
            ("", ""),
            ("1.38E+10", "'1.38E+10"),
            ("'1.38E+10", "''1.38E+10"),
            ("####", "'####"),
            ("#N/A", "'#N/A"),
            ("12-Oct", "'12-Oct"),
            ("#1", "#1"),
        ] {
            assert_eq!(defused(cell), safe);
            assert_eq!(value(safe).as_deref(), Ok(cell));
        }
        for control in ["\tx", "\rx", "\nx"] {
            assert!(defused(control).starts_with('\''));
        }
    }

    #[test]
    fn damage_is_told_from_phones_and_names() {
        use Damage::*;
        for (cell, expected) in [
            ("1.38E+10", Some(Scientific)),
            (" 1.38E+10 ", Some(Scientific)),
            ("1.38E+010", Some(Scientific)),
            ("1,38E+10", Some(Scientific)),
            ("1.38001380e10", Some(Scientific)),
            ("1E+10", Some(Scientific)),
            ("-1.38E-10", Some(Scientific)),
            ("=\"1.38E+10\"", Some(Scientific)),
            ("13800138000.0", Some(Fraction)),
            ("13800138000,00", Some(Fraction)),
            ("10月12日", Some(Date)),
            ("2010年12月", Some(Date)),
            ("12-Oct", Some(Date)),
            ("Jan-05", Some(Date)),
            ("##", Some(Hashes)),
            ("########", Some(Hashes)),
            ("#N/A", Some(FormulaError)),
            ("#REF!", Some(FormulaError)),
            ("#NAME?", Some(FormulaError)),
            ("#DIV/0!", Some(FormulaError)),
            ("#VALUE!", Some(FormulaError)),
            ("#NULL!", Some(FormulaError)),
            ("#SPILL!", Some(FormulaError)),
            ("#GETTING_DATA", Some(FormulaError)),
            ("Err:502", Some(FormulaError)),
            ("13800138000", None),
            ("010-12345678", None),
            ("010-1234-5678", None),
            ("12-34", None),
            ("+86 138.0013.8000", None),
            ("*#06#", None),
            ("#", None),
            ("#1", None),
            ("3E8", None),
            ("E+10", None),
            ("1.5", None),
            ("100.0", None),
            ("1234.50", None),
            ("May", None),
            ("May-ling", None),
            ("三月", None),
            ("月", None),
            ("Error", None),
            ("12345", None),
        ] {
            assert_eq!(
                damage(trim(&value(cell).unwrap_or(cell.into()))).or(value(cell).err()),
                expected,
                "{cell}"
            );
        }
    }

    #[test]
    fn the_equals_sign_that_keeps_a_zero_is_taken_away() {
        assert_eq!(value("=\"013800138000\"").as_deref(), Ok("013800138000"));
        assert_eq!(value(" =\"0138\" ").as_deref(), Ok("0138"));
        assert_eq!(value("=\"a \"\"b\"\"\"").as_deref(), Ok("a \"b\""));
        assert_eq!(value("=\"").as_deref(), Ok("=\""));
        assert_eq!(value("=A1").as_deref(), Ok("=A1"));
    }

    #[test]
    fn phones_are_told_from_names() {
        for phone in ["13800138000", "+86 (10) 6225-1234", "12345", "*#06#", "（010）6225"] {
            assert!(looks_like_phone(phone), "{phone}");
        }
        for name in ["", "zhangsan", "张三", "a1", "-", "zhang 3"] {
            assert!(!looks_like_phone(name), "{name}");
        }
    }
}
