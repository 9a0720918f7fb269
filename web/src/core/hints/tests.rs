use super::*;
use crate::core::i18n::files::assert_translated;

#[test]
fn the_hint_says_what_comes_next_and_what_is_wrong() {
    let long_name = format!("add;{};1", "张".repeat(65));
    let long_phone = format!("add;a;{}", "1".repeat(33));
    let long_line = format!("say {}", "x".repeat(1021));
    for (text, word, is_mistake) in [
        ("", TextKey::Empty, false),
        ("a", TextKey::NextVerb, false),
        (" rem", TextKey::NextVerb, false),
        ("hello", TextKey::Say, false),
        ("你好；世界", TextKey::Say, false),
        ("exit now", TextKey::Say, false),
        ("   ", TextKey::Say, false),
        ("add", TextKey::NextSeparatorName, false),
        ("find ", TextKey::NextSeparatorName, false),
        ("add;", TextKey::NextName, false),
        ("find;", TextKey::NextName, false),
        ("add;lisi", TextKey::NextSeparatorPhone, false),
        ("add;lisi;", TextKey::NextPhone, false),
        ("add;lisi;1", TextKey::ReadyAdd, false),
        ("find;lisi", TextKey::ReadyFind, false),
        ("remove;lisi", TextKey::ReadyRemove, false),
        ("exit", TextKey::ReadyExit, false),
        ("find lisi", TextKey::SpaceForSeparator, true),
        ("add；张三；1", TextKey::FullWidth, true),
        ("find；", TextKey::FullWidth, true),
        ("add,lisi,1", TextKey::WrongSeparator, true),
        ("find：lisi", TextKey::WrongSeparator, true),
        ("find　lisi", TextKey::SpaceForSeparator, true),
        ("find\tlisi", TextKey::WrongSeparator, true),
        ("finding things", TextKey::Say, false),
        ("ａｄｄ；lisi；1", TextKey::WideVerb, true),
        ("ｅｘｉｔ", TextKey::WideVerb, true),
        ("exit。", TextKey::TooManyExit, true),
        ("exit\u{2060}", TextKey::InvisibleAtVerb, true),
        ("add\u{200b};lisi;1", TextKey::InvisibleAtVerb, true),
        ("add;li\u{200b}si;1", TextKey::InvisibleName, true),
        ("h\0i\0", TextKey::Utf16, true),
        ("ad;x;1", TextKey::UnknownVerb, true),
        ("Exit", TextKey::LowerCase, true),
        ("s.send('add;a;1'.encode('utf-8'))", TextKey::Python, true),
        ("import socket", TextKey::Python, true),
        ("print(s.recv(1024))", TextKey::Python, true),
        ("'add;a;1'", TextKey::Quotes, true),
        ("b\"exit\"", TextKey::Quotes, true),
        ("“find;a”", TextKey::Quotes, true),
        ("O'Neil", TextKey::Say, false),
        ("'", TextKey::Say, false),
        ("add;a;1find;a", TextKey::TwoLines, true),
        ("add;a;1⏎find;a", TextKey::TwoLines, true),
        ("message1⏎message2", TextKey::TwoLines, true),
        ("add;a;1;", TextKey::LastSeparator, true),
        ("find;a;", TextKey::LastSeparator, true),
        ("add;13800138000;zhangsan", TextKey::Swapped, true),
        ("add;138;张三", TextKey::Swapped, true),
        ("add;138;119", TextKey::ReadyAdd, false),
        ("add;a;b", TextKey::ReadyAdd, false),
        ("Add;x;1", TextKey::LowerCase, true),
        (";x", TextKey::NoVerb, true),
        ("add;a;1;2", TextKey::TooManyAdd, true),
        ("find;a;1", TextKey::TooManyOne, true),
        ("exit;", TextKey::LastSeparator, true),
        ("exit;now", TextKey::TooManyExit, true),
        ("add;;1", TextKey::EmptyName, true),
        (&long_name, TextKey::LongName, true),
        (&long_phone, TextKey::LongPhone, true),
        ("find;a\tb", TextKey::InvisibleName, true),
        ("add;a;\u{202e}1", TextKey::InvisiblePhone, true),
        (&long_line, TextKey::TooLong, true),
    ] {
        let hint = Hint::on(text);
        assert_eq!((hint.text.key, hint.is_mistake), (word, is_mistake), "{text:?}");
        assert_translated(&hint.text);
    }
}

#[test]
fn every_line_of_a_program_in_the_lesson_is_told_from_a_message() {
    for page in
        [include_str!("../../../../static/en.html"), include_str!("../../../../static/zh.html")]
    {
        let programs: Vec<_> = page.split("<pre><code>").skip(1).collect();
        assert!(programs.len() >= 8, "{}", programs.len());
        for program in programs {
            let (program, _) = program.split_once("</code></pre>").expect("it ends");
            // As it is copied: without markup.
            let mut pieces = program.split('<');
            let mut code = pieces.next().unwrap_or_default().to_owned();
            pieces.for_each(|piece| code += piece.split_once('>').expect("a tag").1);
            for line in code.lines() {
                let told = copied(line);
                assert_eq!(told, Some(TextKey::Python), "{line}");
            }
        }
    }
    for message in [
        "message1",
        "hello (world)",
        "你好：世界",
        "1+1=2",
        "break it",
        "find:",
        "it's me",
        "client.py;add;lisi;12345",
        "add;Tom(home);+86 (010) 1",
        "add;O'Brien;a = b",
        "nc",
        "find;x[1]:",
        "b",
        "remove;li #2",
    ] {
        assert_eq!(copied(message), None, "{message}");
    }
}

#[test]
fn a_server_at_the_echo_stage_says_back_whatever_is_written() {
    for text in ["add;a;1", "add；a；1", "hello", "Add;x"] {
        assert_eq!(Hint::at(Stage::Echo, text).text.key, TextKey::SayEcho, "{text}");
        assert_translated(&Hint::at(Stage::Echo, text).text);
    }
    assert_eq!(Hint::at(Stage::Echo, "exit").text.key, TextKey::ReadyExit);
    assert_eq!(Hint::at(Stage::Echo, "").text.key, TextKey::Empty);
    assert_eq!(Hint::at(Stage::Contacts, "add;a;1").text.key, TextKey::ReadyAdd);
}

#[test]
fn the_stage_of_a_server_is_read_off_its_replies() {
    for (sent, reply, stage) in [
        ("add;a;1", "Received add;a;1;", Some(Stage::Echo)),
        ("find", "Received find;", Some(Stage::Echo)),
        ("add;a;1", "a added!", Some(Stage::Contacts)),
        ("find;a", "Not Found!", Some(Stage::Contacts)),
        ("Add;a", "Error: ...", Some(Stage::Contacts)),
        ("hello", "Received hello;", None),
    ] {
        assert_eq!(stage_of(sent, reply), stage, "{sent} {reply}");
    }
}

#[test]
fn examples_repeat_what_the_student_wrote_unless_it_is_long() {
    for (text, expected) in [
        ("find lisi", "find;lisi"),
        ("add li si 123", "add;li si;123"),
        ("add 张三", "add;张三;13800138000"),
        ("ａｄｄ，张三，1", "add;张三;1"),
        ("find\u{200b};张三", "find;张三"),
        ("add;李四", "add;李四;13800138000"),
        ("add;李四;", "add;李四;13800138000"),
        ("find a name that is much too long to repeat here", "find;zhangsan"),
    ] {
        let note = Hint::on(text).text;
        assert_eq!(
            note.values.last(),
            Some(&(Placeholder::Example, expected.to_string())),
            "{text}"
        );
    }
}

#[test]
fn one_tap_puts_right_what_is_only_misspelt() {
    for (text, fixed) in [
        ("add；张三；1", Some("add;张三;1")),
        ("add;张三；1", Some("add;张三;1")),
        ("find；", Some("find;")),
        ("add zhangsan 138", Some("add;zhangsan;138")),
        ("find：张三", Some("find;张三")),
        ("ａｄｄ；张三；1", Some("add;张三;1")),
        ("Add;张三;1", Some("add;张三;1")),
        ("exit\u{2060}", Some("exit")),
        ("exit。", Some("exit")),
        ("add;zhang\u{200b}san;1", Some("add;zhangsan;1")),
        ("Exit", Some("exit")),
        ("s.send('add;a;1'.encode('utf-8'))", Some("add;a;1")),
        ("b'exit'", Some("exit")),
        ("“find;张三”", Some("find;张三")),
        ("import socket", None),
        ("s.send('message1'.encode('utf-8'))", Some("message1")),
        ("s.bind(('127.0.0.1', 9999))", None),
        ("';'.join(['add', 'lisi', '12345'])", None),
        ("add;张三;138；", None),
        ("find;张三；", None),
        ("add;a;1;", Some("add;a;1")),
        ("add;138;张三", Some("add;张三;138")),
        ("你好；世界", None),
        ("ad;x;1", None),
        ("find;a;b", None),
        ("find?", None),
    ] {
        assert_eq!(Hint::on(text).fix.as_deref(), fixed, "{text}");
    }
}

#[test]
fn an_error_reply_is_explained_by_what_was_sent() {
    for (sent, reply, word) in [
        ("find", "Error: find needs one name", Some(TextKey::TooFewOne)),
        ("add;a", "Error: ...", Some(TextKey::TooFewAdd)),
        ("add;a;", "Error: ...", Some(TextKey::EmptyPhone)),
        ("add；a；1", "Error: ...", Some(TextKey::FullWidth)),
        ("add;a;1", "Error: the book is full", Some(TextKey::Refused)),
        ("add;Error: a;1", "Error: a added!", None),
        ("find;a", "Error: 1", None),
        ("add;a;1find;a", "Error: ...", Some(TextKey::TwoLines)),
        ("s.send('add;a;1')", "Error: ...", Some(TextKey::Python)),
        ("find;a", "Not Found!", None),
        ("hello", "Received hello;", None),
    ] {
        let note = explain_reply(sent, reply);
        assert_eq!(note.as_ref().map(|note| note.key), word, "{sent} {reply}");
        note.iter().for_each(assert_translated);
    }
}
