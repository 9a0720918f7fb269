//! Early exit: the help, the version, or a usage error, printed instead of running.
//! English is clap's own; Chinese is made here from the kind of the error and the
//! context that clap attaches to it.

use std::error::Error as _;
use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::process::ExitCode;

use clap::Command;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::options::invalid_option::InvalidOption;
use crate::language::{Language, localized};

/// Exit code of a program that is called the wrong way, as shells and clap have it.
const USAGE: u8 = 2;

/// What is printed instead of running. Displays without colours.
#[derive(Debug)]
pub struct EarlyExit(Reason);

#[derive(Debug)]
enum Reason {
    /// Help, version, or an error in English.
    Clap(clap::Error),
    /// Everything else, as it is printed.
    Text(String),
}

impl EarlyExit {
    /// clap's answer to `words`, in `language`.
    pub(super) fn new(
        mut error: clap::Error,
        command: &Command,
        words: &[OsString],
        language: Language,
    ) -> Self {
        if let Some(tip) = tip(&error, command, words, language) {
            let tip = ContextValue::StyledStrs(vec![StyledStr::from(tip)]);
            error.insert(ContextKind::Suggested, tip);
        }
        let is_error = error.use_stderr();
        EarlyExit(match language {
            Language::Chinese if is_error => Reason::Text(in_chinese(&error)),
            _ => Reason::Clap(error),
        })
    }

    /// A contradiction between options, which clap does not check.
    pub(super) fn ours(invalid: InvalidOption, language: Language) -> Self {
        let text = invalid.text(language);
        EarlyExit(Reason::Text(localized!(
            in language;
            "错误：{text}\n\n用 --help 查看全部选项。\n",
            "error: {text}\n\nFor more information, try '--help'.\n"
        )))
    }

    /// Prints it where it belongs, and returns what the program exits with. A
    /// closed terminal is no error.
    pub fn print(&self) -> ExitCode {
        match &self.0 {
            Reason::Clap(error) => {
                let _ = error.print();
                match error.use_stderr() {
                    true => ExitCode::from(USAGE),
                    false => ExitCode::SUCCESS,
                }
            }
            Reason::Text(text) => {
                let _ = std::io::stderr().write_all(text.as_bytes());
                ExitCode::from(USAGE)
            }
        }
    }
}

impl fmt::Display for EarlyExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Clap(error) => write!(f, "{}", error.render()),
            Reason::Text(text) => f.write_str(text),
        }
    }
}

/// A tip that clap cannot give: which environment variable a wrong value comes from,
/// or the right order of the words.
fn tip(
    error: &clap::Error,
    command: &Command,
    words: &[OsString],
    language: Language,
) -> Option<String> {
    match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let (arg, value) = (
                text(error, ContextKind::InvalidArg)?,
                text(error, ContextKind::InvalidValue).unwrap_or_default(),
            );
            let commands = std::iter::once(command).chain(command.get_subcommands());
            let arg = commands.flat_map(Command::get_arguments).find(|a| a.to_string() == arg)?;
            let flags = [
                arg.get_long().map(|l| format!("--{l}")),
                arg.get_short().map(|s| format!("-{s}")),
            ];
            let is_given = words.iter().skip(1).any(|word| {
                let word = word.to_string_lossy();
                flags.iter().flatten().any(|flag| word.starts_with(flag.as_str()))
            });
            let variable = arg.get_env()?;
            let set = std::env::var_os(variable)?;
            let (variable, set) = (variable.to_string_lossy(), set.to_string_lossy());
            (!is_given && set.contains(&value)).then(|| {
                localized!(
                    in language;
                    "这个值来自环境变量 {variable}={set}",
                    "the value is from the environment variable {variable}={set}"
                )
            })
        }
        ErrorKind::ArgumentConflict => {
            let subcommand = text(error, ContextKind::InvalidSubcommand)?;
            Some(match in_right_order(&subcommand, command, words) {
                Some(right) => localized!(
                    in language;
                    "选项要写在 {subcommand} 后面：{right}",
                    "options stand behind {subcommand}: {right}"
                ),
                None => localized!(
                    in language;
                    "前面的选项是上课时用的，{subcommand} 有自己的选项：tcp-classroom {subcommand} --help",
                    "the options in front are for serving; {subcommand} has its own: \
                     tcp-classroom {subcommand} --help"
                ),
            })
        }
        _ => None,
    }
}

/// The command line with the subcommand in front, if it is a good one then;
/// `FILE` stands for a file that was not named yet.
fn in_right_order(subcommand: &str, command: &Command, words: &[OsString]) -> Option<String> {
    let (_, words) = words.split_first()?;
    let program = OsString::from("tcp-classroom");
    let places = words.iter().enumerate().filter(|(_, word)| *word == subcommand).map(|(at, _)| at);
    places.into_iter().find_map(|at| {
        let mut rest = words.to_vec();
        let subcommand = rest.remove(at);
        let mut line = vec![program.clone(), subcommand];
        line.extend(rest);
        for file in [None, Some(OsString::from("FILE"))] {
            line.extend(file);
            let fits = match command.clone().try_get_matches_from(&line) {
                Ok(_) => true,
                Err(error) => !error.use_stderr(),
            };
            if fits {
                let words: Vec<_> =
                    line.iter().map(|word| quoted(&word.to_string_lossy())).collect();
                return Some(words.join(" "));
            }
        }
        None
    })
}

/// A word quoted for a shell where it needs to be.
fn quoted(word: &str) -> String {
    let plain = |char: char| char.is_alphanumeric() || "-_./:=,@+\\".contains(char);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("\"{word}\"")
    }
}

/// One item of an error's context as text, several joined by a comma.
fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join("、")),
        ContextValue::StyledStr(text) => Some(text.to_string()),
        ContextValue::StyledStrs(texts) => {
            Some(texts.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        }
        ContextValue::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn in_chinese(error: &clap::Error) -> String {
    let known = |kind| text(error, kind).unwrap_or_default();
    let (arg, value) = (known(ContextKind::InvalidArg), known(ContextKind::InvalidValue));
    let subcommand = known(ContextKind::InvalidSubcommand);
    let mut said = match error.kind() {
        ErrorKind::InvalidValue if value.is_empty() => format!("{arg} 后面缺少一个值"),
        ErrorKind::InvalidValue => format!("“{value}”不能用作 {arg} 的值"),
        ErrorKind::ValueValidation => {
            let why = error.source().map(|source| match source.downcast_ref::<InvalidOption>() {
                Some(invalid) => invalid.text(Language::Chinese).to_owned(),
                None => source.to_string(),
            });
            format!("“{value}”不能用作 {arg} 的值：{}", why.unwrap_or_default())
        }
        ErrorKind::UnknownArgument => format!("没有 {arg} 这个选项或参数"),
        ErrorKind::InvalidSubcommand => format!("没有 {subcommand} 这个命令"),
        ErrorKind::ArgumentConflict if !subcommand.is_empty() => {
            format!("{} 不能写在命令 {subcommand} 前面", known(ContextKind::PriorArg))
        }
        ErrorKind::ArgumentConflict => match known(ContextKind::PriorArg) {
            prior if prior == arg => format!("{arg} 只能给出一次"),
            prior => format!("{arg} 不能和 {prior} 同时使用"),
        },
        ErrorKind::MissingRequiredArgument => format!("缺少 {arg}"),
        ErrorKind::MissingSubcommand => "缺少一个命令".to_owned(),
        ErrorKind::TooManyValues => format!("{arg} 不带值，“{value}”是多余的"),
        ErrorKind::NoEquals => format!("{arg} 和它的值之间要有等号"),
        ErrorKind::InvalidUtf8 => "命令行里有不是 UTF-8 的字符".to_owned(),
        // Nothing here can cause the others. Better in English than not at all.
        _ => error.render().to_string(),
    };
    let values = known(ContextKind::ValidValue);
    if !values.is_empty() {
        let _ = write!(said, "\n  可选的值：{values}");
    }
    for kind in [
        ContextKind::SuggestedArg,
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedValue,
        ContextKind::SuggestedCommand,
    ] {
        if let Some(suggested) = text(error, kind) {
            let _ = write!(said, "\n  是不是想写 {suggested}？");
        }
    }
    // Only what `tip` has put there: clap's own are in English.
    if let Some(tip) = text(error, ContextKind::Suggested).filter(|tip| !tip.is_ascii()) {
        let _ = write!(said, "\n  提示：{tip}");
    }
    format!("错误：{said}\n\n用 --help 查看全部选项。\n")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::options::CommandLine;

    fn refused(words: &[&str], language: Language) -> String {
        let words = ["tcp-classroom"].iter().chain(words).map(OsString::from);
        CommandLine::read(words, language).expect_err("it is refused").to_string()
    }

    #[test]
    fn each_kind_of_error_is_said_in_chinese_with_what_would_work() {
        for (words, told) in [
            (&["--unknown"][..], "没有 --unknown"),
            (&["--htpp", "9999"], "是不是想写 --http"),
            (&["exprot", "x.csv"], "没有 exprot"),
            (&["--stage", "two"], "可选的值：contacts、echo"),
            (&["--stage", "ecko"], "echo"),
            (&["--tcp"], "--tcp <端口> 后面缺少一个值"),
            (&["--data", ""], "--data <文件> 后面缺少一个值"),
            (&["--tcp", "port"], "--tcp <端口> 的值：应该是端口"),
            (&["--pause", "soon"], "时间要写数字和单位"),
            (&["--pause", "18446744073709551615s"], "0s 到 30s"),
            (&["--max-contacts", "0"], "1 到 10000000"),
            (&["--host-name", "http://x"], "--host-name x"),
            (&["--allow-origin", "x"], "http://主机"),
            (&["--open=bord"], "page,board"),
            (&["--lan=yes"], "--lan 不带值"),
            (&["--lan", "--lan"], "--lan 只能给出一次"),
            (&["export"], "缺少 <CSV>"),
            (&["export", "a", "b"], "没有 b"),
            (&["--memory", "--data", "x"], "不能同时使用"),
            (&["--lan", "--tcp", "127.0.0.1:7"], "--lan --tcp 7"),
            (&["--data", "x.db", "export"], "tcp-classroom export --data x.db FILE"),
            (&["--lan", "export"], "tcp-classroom export --help"),
        ] {
            let said = refused(words, Language::Chinese);
            assert!(said.starts_with("错误：") && said.contains(told), "{words:?}: {said}");
            assert!(said.contains("--help"), "{words:?}: {said}");
            for english in ["error", "cannot", "invalid", "expected", "tip:", "Usage", "value"] {
                assert!(!said.contains(english), "{words:?}: {english} in {said}");
            }
        }
    }

    #[test]
    fn the_same_in_english() {
        for (words, told) in [
            (&["--unknown"][..], "'--unknown'"),
            (&["--htpp", "9999"], "'--http'"),
            (&["--stage", "two"], "contacts, echo"),
            (&["--tcp", "port"], "ADDRESS:PORT"),
            (&["--pause", "18446744073709551615s"], "0s to 30s"),
            (&["--ping-every", "0s"], "100ms to 24h"),
            (&["--read-patience", "99999999999999999999s"], "100ms to 24h"),
            (&["--max-connections", "18446744073709551616"], "1 to 1000000"),
            (&["--max-per-address", "0"], "1 to 1000000"),
            (&["--host-name", "http://x"], "--host-name x"),
            (&["--advertise", "x:80"], "--advertise x"),
            (&["--memory", "--data", "x"], "--memory cannot be used with --data"),
        ] {
            let said = refused(words, Language::English);
            assert!(said.starts_with("error: ") && said.contains(told), "{words:?}: {said}");
            assert!(said.contains("--help"), "{words:?}: {said}");
        }
    }

    #[test]
    fn options_in_front_of_a_subcommand_are_put_in_the_right_order() {
        for (words, right) in [
            (&["--data", "x.db", "export"][..], Some("export --data x.db FILE")),
            (&["--data=x.db", "export", "--bom", "a.csv"], Some("export --data=x.db --bom a.csv")),
            (&["--data", "my book", "import", "a.csv"], Some("import --data \"my book\" a.csv")),
            (&["--data", "export", "export", "a.csv"], Some("export --data export a.csv")),
            (&["--lan", "serve"], Some("serve --lan")),
            (&["--lan", "serve", "--help"], Some("serve --lan --help")),
            (&["--lan", "export", "a.csv"], None),
        ] {
            let said = refused(words, Language::English);
            match right {
                Some(right) => {
                    assert!(said.contains(&format!("tcp-classroom {right}\n")), "{said}")
                }
                None => assert!(said.contains("tcp-classroom export --help"), "{said}"),
            }
        }
    }

    #[test]
    fn help_and_version_are_no_errors() {
        let command = CommandLine::command();
        for language in [Language::Chinese, Language::English] {
            for words in [&["--help"][..], &["-h"], &["help"], &["export", "--help"]] {
                let said = refused(words, language);
                let heading = language.pick("用法：", "Usage:");
                assert!(said.contains(heading), "{words:?}: {said}");
            }
            assert_eq!(refused(&["--version"], language), command.render_version());
        }
    }
}
