//! A message that is nearly a command → the command it was meant to be, for the
//! reply to show. Nothing is ever executed in place of what was sent.

use crate::command::{Change, Command, Stage};
use crate::escape::invisibles;
use crate::slice::slice;
use crate::slip::{Head, separates};
use crate::text::{FULL_WIDTH_SEPARATOR, SEPARATOR, is_space, trim};
use crate::verb::Verb;

/// The phone of the lesson, for a line that has none yet.
const PHONE: &str = "13800138000";

/// A message that cannot be understood, put right: the verb in its own letters,
/// `;` between the parts, nothing invisible in it. `None` where no command comes
/// of that.
///
/// At most as long as the longest command: a verb, a name and a phone.
pub fn corrected(text: &str) -> Option<String> {
    let mut visible = String::new();
    let mut from = 0;
    for (at, c) in invisibles(text).filter(|&(_, c)| c != '\t') {
        visible.push_str(slice(text, from..at));
        from = at + c.len_utf8();
    }
    visible.push_str(slice(text, from..));
    let visible = visible.trim();

    let head = Head::of(visible)?;
    if head.verb == Verb::Exit {
        return head.is_alone().then(|| Verb::Exit.word().to_string());
    }
    let (_, mark) = head.mark?;
    let rest = without_end(head.rest, mark);
    let fields = match head.verb {
        Verb::Add => splits(rest, mark),
        _ => vec![rest.to_string(), rest.replace(FULL_WIDTH_SEPARATOR, ";")],
    };
    let mut lines = fields.iter().map(|fields| format!("{};{fields}", head.verb.word()));
    lines.find_map(|line| match Command::parse(&line, Stage::Contacts).ok()? {
        Command::Find { name } => Some(format!("find;{name}")),
        Command::Change(Change::Remove { name }) => Some(format!("remove;{name}")),
        Command::Change(Change::Add { name, phone }) => Some(format!("add;{name};{phone}")),
        Command::Exit | Command::Say(_) => None,
    })
}

/// Without a mark at the end that only closes what was written.
fn without_end(rest: &str, mark: char) -> &str {
    let closing = match mark {
        '(' => ')',
        '（' => '）',
        mark => mark,
    };
    let ends = |c: char| {
        c == closing || is_space(c) || matches!(c, SEPARATOR | FULL_WIDTH_SEPARATOR | '。' | '，')
    };
    rest.trim_end_matches(ends)
}

/// The ways to read what follows `add` as a name and a phone, the likeliest
/// first: at the mark behind the verb, before digits, at any other separator, at
/// a space. None of them has a list for a phone.
fn splits(rest: &str, mark: char) -> Vec<String> {
    let at_mark = if is_space(mark) { None } else { rest.split_once(mark) };
    let at_separator = rest.split_once(separates);
    let at_space = rest.rsplit_once(is_space);
    let ways = [at_mark, before_digits(rest), at_separator, at_space];
    if ways == [None; 4] {
        return vec![format!("{rest};{PHONE}")];
    }
    let is_list = |phone: &str| phone.contains([SEPARATOR, FULL_WIDTH_SEPARATOR, ',', '，', '、']);
    ways.into_iter()
        .flatten()
        .filter(|(_, phone)| !is_list(phone))
        .map(|(name, phone)| {
            let name = name.trim_end_matches(|c| is_space(c) || separates(c));
            format!("{name};{}", trim(phone))
        })
        .collect()
}

/// At the first space before what looks like a phone: `li si 138 0013 8000`.
fn before_digits(rest: &str) -> Option<(&str, &str)> {
    let is_phone = |at: usize| {
        let phone = slice(rest, at..).trim_start_matches(is_space);
        phone.trim_start_matches(['+', '(']).starts_with(|c: char| c.is_ascii_digit())
    };
    let (at, _) = rest.char_indices().find(|&(at, c)| is_space(c) && is_phone(at))?;
    Some((slice(rest, ..at), slice(rest, at..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_students_own_line_is_put_right() {
        for (line, right) in [
            ("add zhangsan 138", "add;zhangsan;138"),
            ("add,zhangsan,138", "add;zhangsan;138"),
            ("add, zhangsan, 138", "add;zhangsan;138"),
            ("add，zhangsan，138", "add;zhangsan;138"),
            ("add、张三、138", "add;张三;138"),
            ("add：张三：138", "add;张三;138"),
            ("add:zhangsan=138", "add;zhangsan;138"),
            ("add\tzhangsan\t138", "add;zhangsan;138"),
            ("add|zhangsan|138", "add;zhangsan;138"),
            ("add/zhangsan/138", "add;zhangsan;138"),
            ("add\\zhangsan\\138", "add;zhangsan;138"),
            ("add.zhangsan.138", "add;zhangsan;138"),
            ("add-zhangsan-138-0013", "add;zhangsan;138-0013"),
            ("add - zhangsan - 138", "add;zhangsan;138"),
            ("add=zhangsan=138", "add;zhangsan;138"),
            ("add_zhangsan_138", "add;zhangsan;138"),
            ("add→zhangsan→138", "add;zhangsan;138"),
            ("add\u{37e}zhangsan\u{37e}138", "add;zhangsan;138"),
            ("add(zhangsan,138)", "add;zhangsan;138"),
            ("add zhangsan;138", "add;zhangsan;138"),
            ("add；zhangsan；138", "add;zhangsan;138"),
            ("add;zhangsan；138", "add;zhangsan;138"),
            ("add；zhangsan；138；", "add;zhangsan;138"),
            ("ａｄｄ；zhang；138", "add;zhang;138"),
            ("ａｄｄ;zhang;138", "add;zhang;138"),
            ("Ａdd zhang 138", "add;zhang;138"),
            ("Add zhang 138", "add;zhang;138"),
            ("ADD;zhang;138", "add;zhang;138"),
            ("add li si 138 0013 8000", "add;li si;138 0013 8000"),
            ("add li si +86 138", "add;li si;+86 138"),
            ("add li si 138/139", "add;li si;138/139"),
            ("add zhangsan,138", "add;zhangsan;138"),
            ("add zhangsan， 138", "add;zhangsan;138"),
            ("add 张三 电话", "add;张三;电话"),
            ("add 张三", "add;张三;13800138000"),
            ("add\u{200b};zhang\u{200b}san;1", "add;zhangsan;1"),
            ("\u{feff}add zhangsan 1", "add;zhangsan;1"),
            ("find：zhangsan", "find;zhangsan"),
            ("find Li Lei", "find;Li Lei"),
            ("find +86", "find;+86"),
            ("find\u{3000}张三", "find;张三"),
            ("find，张三。", "find;张三"),
            ("find(zhangsan)", "find;zhangsan"),
            ("ｆｉｎｄ　张三", "find;张三"),
            ("remove 张；三", "remove;张；三"),
            ("ｅｘｉｔ", "exit"),
            ("exit.", "exit"),
            ("exit()", "exit"),
            ("ex\u{2060}it", "exit"),
        ] {
            assert_eq!(corrected(line).as_deref(), Some(right), "{line}");
        }
    }

    #[test]
    fn what_makes_no_command_is_not_put_right() {
        let long = format!("find {}", "a".repeat(65));
        for line in [
            "",
            "add",
            "add;",
            "add,",
            "find?",
            "hello",
            "finding things",
            "addition 1 2",
            "exit now",
            "add；张；三；1",
            "find;a;b",
            "张三",
            "ad;x;1",
            &long,
        ] {
            assert_eq!(corrected(line), None, "{line}");
        }
    }
}
