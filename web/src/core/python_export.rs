//! Python export: the same conversation without a page, as a program in the
//! lesson's own manner, and as one line of shell with `nc`.
//!
//! Both speak raw TCP to the server's real address and end with `exit`, so
//! that the server closes and every kind of `nc` ends by itself: their options
//! for that (`-N`, `-q`) differ from one to the next.

use protocol::Decoder;
use protocol::command::{Command, Stage, Verb, trim};
use protocol::escape::is_deceptive;

use crate::core::bytes::{as_line, escape};
use crate::core::message::{Address, Direction};

fn bare_host(address: &Address) -> &str {
    address.host.trim_start_matches('[').trim_end_matches(']')
}

/// A line of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The text, without a line end.
    pub text: String,
    /// Whether it sends or receives.
    pub direction: Option<Direction>,
}

/// The longest message whose echo still fits the `recv(1024)` of the lesson.
const SHORT: usize = 1024 - "Received ;".len();

/// Several answers, each a line. They may come in one `recv` or in many.
const ANSWERS: [&str; 9] = [
    "def answers(count):",
    "    data = b''",
    "    while data.count(b'\\n') < count:",
    "        d = s.recv(1024)",
    "        if not d:",
    "            break",
    "        data = data + d",
    "    return data.decode('utf-8')",
    "",
];

/// The program that sends `messages`, which begin a conversation, and prints
/// the answers to them. It ends with the first `exit`, theirs or its own.
pub fn program(address: &Address, messages: &[&str]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut write = |direction, text: String| lines.push(Line { text, direction });
    let host = bare_host(address);
    let family = if host.contains(':') { "AF_INET6" } else { "AF_INET" };
    write(None, "import socket".to_string());
    write(None, String::new());
    if messages.iter().any(|message| message.contains('\n')) {
        ANSWERS.into_iter().for_each(|line| write(None, line.to_string()));
    }
    write(None, format!("s = socket.socket(socket.{family}, socket.SOCK_STREAM)"));
    write(None, format!("s.connect(({}, {}))", literal(host), address.port));
    write(RECEIVED, receive(1024));

    let mut decoder = Decoder::new(Stage::Contacts);
    let mut in_lines = false;
    let mut over = false;
    for &message in messages.iter().chain(&[Verb::Exit.word()]) {
        if over {
            break;
        }
        in_lines |= message.contains('\n');
        let text = if in_lines { literal(&as_line(message)) } else { literal(message) };
        write(Some(Direction::Sent), format!("s.send({text}.encode('utf-8'))"));
        let answers;
        (answers, over) = count_answers(&mut decoder, message);
        match answers {
            0 => {}
            _ if in_lines => write(RECEIVED, format!("print(answers({answers}), end='')")),
            _ if message.len() > SHORT => write(RECEIVED, receive(2048)),
            _ => write(RECEIVED, receive(1024)),
        }
    }
    write(None, "s.close()".to_string());
    lines
}

const RECEIVED: Option<Direction> = Some(Direction::Received);

fn receive(bytes: usize) -> String {
    format!("print(s.recv({bytes}).decode('utf-8'))")
}

/// How many answers a server gives to a message, and whether it closes then.
fn count_answers(decoder: &mut Decoder, message: &str) -> (usize, bool) {
    decoder.push(message.as_bytes());
    decoder.close();
    let mut answers = 0;
    while let Some(message) = decoder.next_message() {
        if message.command(Stage::Contacts) == Ok(Command::Exit) {
            return (answers, true);
        }
        answers += 1;
    }
    (answers, false)
}

/// The lines of `messages`, which begin a conversation, up to the first `exit`,
/// theirs or one more.
fn lines<'a>(messages: &[&'a str]) -> Vec<&'a str> {
    let mut lines = Vec::new();
    for line in messages.iter().flat_map(|message| lines_of(message)) {
        lines.push(line);
        if trim(line) == Verb::Exit.word() {
            return lines;
        }
    }
    lines.push(Verb::Exit.word());
    lines
}

/// The same conversation as one line for a terminal of Windows, which has no `nc`:
/// a program of Python in double quotes. It works in the shells of Linux and macOS as
/// well, where Python is called `python3`.
pub fn one_liner(address: &Address, messages: &[&str]) -> String {
    let mut text = String::new();
    for line in lines(messages) {
        for c in line.chars() {
            // What may be special between double quotes in any shell is escaped.
            let is_plain = c.is_ascii_alphanumeric()
                || matches!(
                    c,
                    ' ' | ';' | ',' | '.' | ':' | '_' | '+' | '-' | '/' | '@' | '=' | '#'
                );
            if is_plain || !c.is_ascii() && !is_deceptive(c) {
                text.push(c);
            } else if c.is_ascii() {
                text.push_str(&format!("\\x{:02x}", u32::from(c)));
            } else {
                escape(c, &mut text);
            }
        }
        text.push_str("\\n");
    }
    let (host, port) = (bare_host(address), address.port);
    format!(
        "py -c \"import socket;s=socket.create_connection(('{host}',{port}));\
         s.sendall('{text}'.encode());print(s.makefile(encoding='utf-8').read())\""
    )
}

/// The line of shell that sends `messages`, which begin a conversation, each
/// as a line, up to the first `exit`, and shows the answers.
///
/// A message of nothing but spaces is a blank line here, which asks for
/// nothing.
pub fn nc(address: &Address, messages: &[&str]) -> String {
    let lines = lines(messages);
    // `%b` takes escapes; a raw Escape that is pasted into a terminal is a key press.
    let escaped = lines.iter().any(|line| line.contains(is_deceptive));
    let mut command = String::from(if escaped { "printf '%b\\n'" } else { "printf '%s\\n'" });
    for line in lines {
        command.push(' ');
        argument(line, escaped, &mut command);
    }
    let host = bare_host(address);
    command.push_str(" | nc ");
    if host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-_%".contains(&byte)) {
        command.push_str(host);
    } else {
        argument(host, false, &mut command);
    }
    command.push(' ');
    command.push_str(&address.port.to_string());
    command
}

/// The lines of a message. All lines arrive together here, and a bare `remove`
/// would take the next message for its name: a blank line keeps them apart.
fn lines_of(message: &str) -> impl Iterator<Item = &str> {
    let is_open = message.lines().last().is_some_and(|line| trim(line) == Verb::Remove.word());
    message.lines().chain(is_open.then_some(""))
}

/// A word of POSIX shell, in single quotes: nothing is special in them but
/// their own end.
fn argument(text: &str, escaped: bool, out: &mut String) {
    out.push('\'');
    for c in text.chars() {
        match c {
            '\'' => out.push_str("'\\''"),
            '\\' if escaped => out.push_str("\\\\"),
            c if escaped && is_deceptive(c) => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    out.push_str(&format!("\\0{byte:03o}"));
                }
            }
            c => out.push(c),
        }
    }
    out.push('\'');
}

/// A Python string. Chinese stays readable; what would play tricks on the
/// reader is escaped.
fn literal(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut literal = String::from(quote);
    for c in text.chars() {
        if c == quote || c == '\\' {
            literal.push('\\');
            literal.push(c);
        } else if is_deceptive(c) {
            escape(c, &mut literal);
        } else {
            literal.push(c);
        }
    }
    literal.push(quote);
    literal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::samples::TEXTS;

    fn at(host: &str) -> Address {
        Address { host: host.to_string(), port: 9999 }
    }

    fn marked(messages: &[&str]) -> String {
        let mark = |line: Line| {
            let mark = match line.direction {
                Some(Direction::Sent) => "> ",
                Some(Direction::Received) => "< ",
                None => "  ",
            };
            [mark, &line.text].concat().trim_end().to_string()
        };
        let lines: Vec<_> = program(&at("127.0.0.1"), messages).into_iter().map(mark).collect();
        lines.join("\n")
    }

    #[test]
    fn a_conversation_becomes_the_lessons_own_client() {
        assert_eq!(
            marked(&["add;张三;1", "find;O'Neil"]),
            "  import socket

  s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
  s.connect(('127.0.0.1', 9999))
< print(s.recv(1024).decode('utf-8'))
> s.send('add;张三;1'.encode('utf-8'))
< print(s.recv(1024).decode('utf-8'))
> s.send(\"find;O'Neil\".encode('utf-8'))
< print(s.recv(1024).decode('utf-8'))
> s.send('exit'.encode('utf-8'))
  s.close()"
        );
    }

    #[test]
    fn messages_of_several_lines_count_their_answers() {
        let program = marked(&["hello", "add;a;1\nadd;b;2", "\n", "remove\na\n", "find;a"]);
        let (head, talk) = program.split_once("9999))\n").unwrap();
        assert!(head.contains("  def answers(count):\n"));
        assert_eq!(
            talk,
            "\
< print(s.recv(1024).decode('utf-8'))
> s.send('hello'.encode('utf-8'))
< print(s.recv(1024).decode('utf-8'))
> s.send('add;a;1\\nadd;b;2\\n'.encode('utf-8'))
< print(answers(2), end='')
> s.send('\\n'.encode('utf-8'))
> s.send('remove\\na\\n'.encode('utf-8'))
< print(answers(1), end='')
> s.send('find;a\\n'.encode('utf-8'))
< print(answers(1), end='')
> s.send('exit\\n'.encode('utf-8'))
  s.close()"
        );
    }

    #[test]
    fn nothing_follows_the_first_exit() {
        for messages in [&[" exit ", "find;a"][..], &["exit"], &["exit\nfind;a", "find;b"]] {
            let program = marked(messages);
            assert_eq!(program.matches("s.send").count(), 1, "{program}");
            assert!(!nc(&at("h"), messages).contains("find"));
            assert_eq!(nc(&at("h"), messages).matches("exit").count(), 1);
        }
    }

    #[test]
    fn the_longest_echo_is_read_whole() {
        assert!(marked(&[&"x".repeat(1014)]).matches("recv(1024)").count() == 2);
        assert!(marked(&[&"x".repeat(1015)]).contains("recv(2048)"));
    }

    #[test]
    fn an_ipv6_address_has_a_family_of_its_own_and_no_brackets() {
        for host in ["::1", "[::1]", "fe80::1%eth0"] {
            let lines = program(&at(host), &[]);
            assert!(lines[2].text.contains("AF_INET6"));
            assert!(!lines[3].text.contains('['));
            assert!(!nc(&at(host), &[]).contains(['[', '"']));
        }
        assert_eq!(nc(&at("[::1]"), &[]), "printf '%s\\n' 'exit' | nc ::1 9999");
        assert!(nc(&at("a b;c"), &[]).ends_with("| nc 'a b;c' 9999"));
    }

    #[test]
    fn a_shell_line_quotes_whatever_is_in_it() {
        for (messages, words) in [
            (&["add;张三;1", "find;张三"][..], "'%s\\n' 'add;张三;1' 'find;张三' 'exit'"),
            (&["it's $HOME \"\\n\""], "'%s\\n' 'it'\\''s $HOME \"\\n\"' 'exit'"),
            (&["a\tb\\n", "\u{9b}"], "'%b\\n' 'a\\0011b\\\\n' '\\0302\\0233' 'exit'"),
            (&["remove", "a"], "'%s\\n' 'remove' '' 'a' 'exit'"),
            (&["remove\na"], "'%s\\n' 'remove' 'a' 'exit'"),
        ] {
            assert_eq!(nc(&at("h"), messages), format!("printf {words} | nc h 9999"));
        }
    }

    #[test]
    fn a_line_for_windows_has_nothing_special_between_its_quotes() {
        let line = one_liner(&at("10.0.0.7"), &["add;张三;1", "it's \"%PATH%\" $HOME!\t"]);
        assert_eq!(
            line,
            "py -c \"import socket;s=socket.create_connection(('10.0.0.7',9999));\
             s.sendall('add;张三;1\\nit\\x27s \\x22\\x25PATH\\x25\\x22 \\x24HOME\\x21\\x09\\nexit\\n'\
             .encode());print(s.makefile(encoding='utf-8').read())\""
        );
        for text in TEXTS {
            let line = one_liner(&at("h"), &[text]);
            assert_eq!(line.matches('"').count(), 2, "{line}");
            assert_eq!(line.matches('\'').count(), 6, "{line}");
            assert!(!line.contains(['$', '`', '%', '!']) && !line.contains(is_deceptive), "{line}");
        }
    }

    #[test]
    fn nothing_in_a_program_plays_tricks_on_its_reader() {
        for text in TEXTS {
            let lines = program(&at("h"), &[text]);
            assert!(lines.iter().all(|line| !line.text.contains(is_deceptive)), "{text:?}");
            assert!(!nc(&at("h"), &[text]).contains(is_deceptive), "{text:?}");
        }
    }
}
