//! The help in Chinese: clap has no i18n, so the built [`Command`] is translated
//! from the tables here. What a table lacks stays English, and a test fails.

mod many_classes;

use clap::builder::PossibleValue;
use clap::{Arg, Command};

use self::many_classes::MANY_CLASSES;

/// clap's own template, with its headings.
const TEMPLATE: &str = "{before-help}{about-with-newline}\n用法：{usage}\n\n{all-args}{after-help}";

/// The headings of arguments and options that have none of their own.
const ARGUMENTS: &str = "参数";
const OPTIONS: &str = "选项";
const COMMANDS: &str = "命令";

/// The headings of the other groups of options, by their English ones.
const HEADINGS: &[(&str, &str)] = &[("Limits", "限制"), ("Many classes", "许多个班")];

/// What stands in the help of one command.
struct CommandWords {
    name: &'static str,
    about: &'static str,
    usage: &'static str,
    after: &'static str,
}

const COMMAND_WORDS: &[CommandWords] = &[
    CommandWords {
        name: "tcp-classroom",
        about: "TCP 课堂：课上的服务器，和讲这堂课的网页。\n\n\
                学生用 Python 或 nc 连接原始 TCP（端口 9999），或者用浏览器（端口 8080）。\n\
                不需要任何设置，不带选项启动即可。",
        usage: "tcp-classroom [选项]\n      tcp-classroom <命令>",
        after: "试一试：\n\
                \x20 tcp-classroom                       然后打开 http://127.0.0.1:8080\n\
                \x20 nc 127.0.0.1 9999                   输入 add;zhangsan;13800138000\n\
                \x20 py client2.py add zhangsan 1        用 Python，程序在网页的 /client2.py\n\
                \x20 tcp-classroom --lan                 上课用：打印地址和二维码\n\
                \x20 tcp-classroom --stage echo --pause 1s    课上的第一个服务器\n\
                \x20 tcp-classroom check server.py       启动学生自己的服务器并检查\n\
                \x20 tcp-classroom export --bom class.csv     把通讯录导出给 Excel\n\
                \x20 tcp-classroom doctor                学生连不上时，检查原因\n\n\
                每个选项也可以用旁边的环境变量来设置；同时给出时，以选项为准。",
    },
    CommandWords {
        name: "serve",
        about: "给一个班上课；和不带命令时一样。",
        usage: "tcp-classroom serve [选项]",
        after: "",
    },
    CommandWords {
        name: "check",
        about: "检查学生自己写的服务器：它说的是课上的协议吗？如果不是，为什么？",
        usage: "tcp-classroom check [选项] <服务器>...",
        after: "退出码：0 全部通过，1 有没通过的，2 命令行写错了，\n\
                3 连不上服务器或者找不到 Python，130 检查到一半被 Ctrl+C 中断。",
    },
    CommandWords {
        name: "export",
        about: "把通讯录写到一个 CSV 文件里。",
        usage: "tcp-classroom export [选项] <CSV>",
        after: "",
    },
    CommandWords {
        name: "import",
        about: "添加一个 CSV 文件（两列：姓名、电话）里的联系人：\n要么全部添加；有一个不对，就一个也不添加。",
        usage: "tcp-classroom import [选项] <CSV>",
        after: "",
    },
    CommandWords {
        name: "doctor",
        about: "检查学生为什么连不上，并打印出解决问题的命令。",
        usage: "tcp-classroom doctor [选项]",
        after: "",
    },
    CommandWords {
        name: "reset",
        about: "为下一个班清空通讯录，原来的联系人留在旁边的文件里；\n服务器运行时也可以用。",
        usage: "tcp-classroom reset [选项]",
        after: "",
    },
    CommandWords {
        name: "room",
        about: "建立和管理数据库里的课堂。",
        usage: "tcp-classroom room <命令>",
        after: "",
    },
    CommandWords {
        name: "create",
        about: "建立一个课堂，打印它的代码和教师令牌；以后不会再显示。",
        usage: "tcp-classroom room create [选项] --database <地址> <名字>",
        after: "",
    },
    CommandWords {
        name: "list",
        about: "列出所有课堂和它们的编号。",
        usage: "tcp-classroom room list --database <地址>",
        after: "",
    },
    CommandWords {
        name: "room export",
        about: "把一个课堂的通讯录写到一个 CSV 文件里。",
        usage: "tcp-classroom room export [选项] --database <地址> <编号> <CSV>",
        after: "",
    },
    CommandWords {
        name: "room import",
        about: "把一个 CSV 文件里的联系人添加到一个课堂：\n要么全部添加；有一个不对，就一个也不添加。",
        usage: "tcp-classroom room import [选项] --database <地址> <编号> <CSV>",
        after: "",
    },
    CommandWords {
        name: "archive",
        about: "关闭一个课堂，谁也进不去；联系人保留。",
        usage: "tcp-classroom room archive [选项] --database <地址> <编号>",
        after: "",
    },
    CommandWords {
        name: "delete",
        about: "删除一个课堂和它的联系人；需要的话，请先导出。",
        usage: "tcp-classroom room delete --database <地址> <编号>",
        after: "",
    },
    CommandWords {
        name: "health",
        about: "问一问这台电脑上的服务器是否还在回答，供容器的健康检查使用。",
        usage: "tcp-classroom health [选项]",
        after: "",
    },
    CommandWords {
        name: "shell-files",
        about: "把各种 shell 的自动补全和手册页写到一个文件夹里。",
        usage: "tcp-classroom shell-files <文件夹>",
        after: "",
    },
    CommandWords {
        name: "help",
        about: "显示这份帮助，或者某个命令的帮助。",
        usage: "tcp-classroom help [命令]",
        after: "",
    },
];

/// An argument's help by its id, or by its command's name and its id where two
/// commands mean different things by it; and the name of its value.
const ARGUMENT_WORDS: &[(&str, &str, &str)] = &[
    (
        "tcp",
        "端口",
        "原始 TCP 客户端连接的地方：端口，或 地址:端口；\n端口 0 表示任意一个空闲端口。",
    ),
    ("http", "端口", "浏览器连接的地方：端口，或 地址:端口；\n端口 0 表示任意一个空闲端口。"),
    (
        "lan",
        "",
        "让整个局域网（IPv4 和 IPv6）都能连到上面的端口。\n不加这个选项，只有这台电脑能连接。",
    ),
    (
        "advertise",
        "主机",
        "告诉学生的名字或 IP 地址，写在网页地址和二维码里，\n代替自动找到的、最可能的那个地址。",
    ),
    ("student_ports", "端口", "学生在网页里运行的服务器用的端口，一人一个，写成 第一个-最后一个。"),
    (
        "interpreter",
        "文件夹",
        "cargo xtask run 一边编译网页里的 Python、一边运行服务器时，放 Python 的地方。",
    ),
    (
        "host_name",
        "名字",
        "学生还可以在地址栏里输入的名字。除了这台电脑自己的名字，\n\
         其他名字一律拒绝，这样别处的网页进不来。\n可以给出多次，或用逗号隔开。",
    ),
    (
        "allow_origin",
        "来源",
        "允许和这个服务器对话的、别的服务器的网页，\n写成 http://主机:端口。可以给出多次，或用逗号隔开。",
    ),
    (
        "data",
        "文件",
        "保存通讯录的文件。\n[默认：用户数据文件夹里的 contacts.db；启动时会打印它的位置]",
    ),
    ("keep", "名字", "保存原来联系人的文件叫什么。[默认：日期和时间]"),
    ("database", "地址", "存放课堂的 PostgreSQL 数据库，\n写成 postgres://用户@主机/数据库。"),
    ("name", "名字", "课堂叫什么。"),
    ("url", "网址", "服务器的网址，例如 https://school.example，用来打印完整的网址。"),
    ("room", "编号", "课堂的编号，见 room list。"),
    ("reopen", "", "重新开放这个课堂。"),
    ("memory", "", "通讯录只放在内存里；服务器一停就没有了。"),
    ("stage", "阶段", "说多少课上的内容：全部，或者只有开头的回声。"),
    ("pause", "时间", "每次回答之前等一等，像课上的服务器那样，例如 1s 或 500ms，最多 30s。"),
    (
        "open",
        "页面",
        "在浏览器里打开网页（page）、投影页面（board）、教师页面（teacher），\n\
         也可以一起打开：--open=page,board,teacher。\n\
         [默认：网页，在桌面环境里，并且从终端启动时]",
    ),
    ("no_open", "", "什么都不在浏览器里打开。"),
    ("quiet", "", "除了警告和错误，什么都不打印。"),
    ("verbose", "", "还打印诊断信息，以及这台电脑的所有地址；\n给出两次，诊断更详细。"),
    ("max_connections", "个数", "总共最多打开多少个连接。\n每个占用几 KB 内存和一个文件描述符。"),
    (
        "max_per_address",
        "个数",
        "一个地址最多打开多少个连接，免得一个失控的程序\n把全班挡在外面。\n\
         [默认：600，够同一个路由器后面的 60 人使用；这台电脑自己不限]",
    ),
    (
        "max_rate",
        "个数",
        "一个连接长期来说每秒最多多少条消息；更快的客户端晚一点才被读取，\n\
         不会收到错误。0 表示不限。\n\
         [默认：200；这台电脑自己不限，除非给出这三个选项之一]",
    ),
    (
        "max_burst",
        "个数",
        "在 --max-rate 起作用之前，一个连接可以一下子发多少条消息。\n[默认：400]",
    ),
    (
        "max_rate_per_address",
        "个数",
        "一个地址的所有连接加起来，每秒最多多少条消息。0 表示不限。\n[默认：4000]",
    ),
    (
        "max_contacts",
        "个数",
        "通讯录里最多有多少个联系人：够一所大学校用，\n\
         又少到一个不停添加的程序填不满磁盘。\n每个占用大约 200 字节内存。",
    ),
    (
        "header_timeout",
        "时间",
        "浏览器可以用多长时间发完一个请求的头部；\n更慢的只会白白占着一个连接。",
    ),
    ("read_patience", "时间", "客户端可以多长时间不读取回答；超过了就断开。"),
    ("ping_every", "时间", "隔多长时间问一次安静的浏览器还在不在；\n要比 --dead-after 短。"),
    ("dead_after", "时间", "浏览器多长时间没有动静就算已经离开。"),
    (
        "targets",
        "服务器",
        "服务器的 Python 文件，检查时会启动它；\n或者写 主机:端口，检查已经启动的。\n\
         给出几个文件或者一个文件夹，就得到一张表。",
    ),
    ("port", "端口", "文件里的服务器监听的端口。\n[默认：它的 bind 里写的，没有就是 9999]"),
    ("python", "程序", "用哪个 Python 运行。\n[默认：python3、python 或 py，先找到哪个用哪个]"),
    ("timeout", "时间", "一个回答最多等多久；课上的服务器会停一秒。"),
    ("seed", "数字", "用同样的名字和电话再检查一次。"),
    ("all", "", "解释每一处没通过和每一处说明，而不只是第一处没通过。"),
    ("once", "", "在终端里也只检查一次；不加的话，每次保存文件都会再检查。"),
    ("json", "", "每个服务器打印一行 JSON。"),
    ("check.csv", "", "每个服务器打印一行 CSV。"),
    ("lang", "语言", "用哪种语言解释。\n[默认：这台电脑的语言]"),
    ("export.csv", "CSV", "要写的文件；- 表示标准输出。"),
    ("import.csv", "CSV", "要读的文件；- 表示标准输入。"),
    (
        "encoding",
        "编码",
        "文件是用哪种编码存的；中文版 Excel 存的普通“CSV”是 gbk。\n\
         带标记（BOM）的 UTF-8 和 UTF-16 会自己认出来。",
    ),
    ("folder", "文件夹", "要写到的文件夹；没有就创建。"),
    ("bom", "", "以字节顺序标记（BOM）开头，让 Excel 正确显示中文。"),
    ("force", "", "文件已经存在时，替换它。"),
    ("help", "", "显示这份帮助。"),
    ("version", "", "显示版本。"),
];

/// Possible values, by the option's id.
const VALUE_WORDS: &[(&str, &str, &str)] = &[
    ("stage", "contacts", "通讯录：add、remove、find、exit"),
    ("lang", "zh", "中文"),
    ("lang", "en", "英文"),
    ("encoding", "utf-8", "UTF-8（Excel 里的“CSV UTF-8”）"),
    ("encoding", "gbk", "中文 Windows 的编码，包括 GB18030（Excel 里普通的“CSV”）"),
    ("stage", "echo", "课上的第一个服务器：每条消息都回答 Received ...;"),
];

/// The command with its help in Chinese. It must be built, for then it has
/// clap's own arguments, too.
pub(super) fn translated(command: Command) -> Command {
    translated_within(command, "")
}

/// The same for a command of the command `parent`.
fn translated_within(command: Command, parent: &str) -> Command {
    let name = command.get_name().to_owned();
    let full_name = format!("{parent} {name}");
    let mut command = command
        .help_template(TEMPLATE)
        .subcommand_help_heading(COMMANDS)
        .subcommand_value_name(COMMANDS)
        // Chinese has no spaces to wrap at, so its lines are broken by hand.
        .next_line_help(true)
        .mut_args(|arg| translate_argument(arg, &name))
        .mut_subcommands(|command| translated_within(command, &name));
    let words = |name: &str| COMMAND_WORDS.iter().find(|words| words.name == name);
    if let Some(words) = words(&full_name).or_else(|| words(&name)) {
        let short = words.about.split("\n\n").next().unwrap_or_default().trim_end_matches('。');
        command = command
            .about(short.to_owned())
            .long_about(words.about)
            .override_usage(words.usage)
            .after_help(words.after);
    }
    command
}

fn argument_words() -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str)> {
    ARGUMENT_WORDS.iter().chain(MANY_CLASSES)
}

fn translate_argument(arg: Arg, command: &str) -> Arg {
    let id = arg.get_id().as_str().to_owned();
    let own = format!("{command}.{id}");
    let words = |key: &str| argument_words().find(|words| words.0 == key);
    let Some((_, value, help)) = words(&own).or_else(|| words(&id)) else { return arg };

    // clap says these in English only.
    let mut notes = String::new();
    let defaults: Vec<_> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if arg.get_action().takes_values() && !defaults.is_empty() {
        notes += &format!("\n[默认：{}]", defaults.join("、"));
    }
    if let Some(variable) = arg.get_env() {
        notes += &format!("\n[环境变量：{}]", variable.to_string_lossy());
    }
    let possible: Vec<_> = match arg.get_action().takes_values() {
        true => arg.get_possible_values(),
        false => Vec::new(),
    };
    if !possible.is_empty() {
        notes += "\n可选的值：";
        for value in &possible {
            notes += &format!("\n- {}", describe(&id, value));
        }
    }

    let heading = match arg.get_help_heading() {
        Some(english) => HEADINGS.iter().find(|heading| heading.0 == english).map(|h| h.1),
        None if arg.is_positional() => Some(ARGUMENTS),
        None => Some(OPTIONS),
    };
    let mut arg = arg
        .help(format!("{help}{notes}"))
        .long_help(format!("{help}{notes}"))
        .hide_default_value(true)
        .hide_env(true)
        .hide_possible_values(true);
    if let Some(heading) = heading {
        arg = arg.help_heading(heading);
    }
    if !value.is_empty() {
        arg = arg.value_name(*value);
    }
    arg
}

fn describe(id: &str, value: &PossibleValue) -> String {
    let name = value.get_name();
    match VALUE_WORDS.iter().find(|words| words.0 == id && words.1 == name) {
        Some((_, _, words)) => format!("{name}：{words}"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use unicode_width::UnicodeWidthStr as _;

    use super::*;
    use crate::cli::options::CommandLine;

    fn is_chinese(text: &str) -> bool {
        text.chars().any(|char| ('\u{4E00}'..='\u{9FFF}').contains(&char))
    }

    /// Every command, with the words that lead to it.
    fn commands(command: &Command) -> Vec<(String, Command)> {
        let mut all = vec![(command.get_name().to_owned(), command.clone())];
        for sub in command.get_subcommands() {
            for (name, found) in commands(sub) {
                all.push((format!("{} {name}", command.get_name()), found));
            }
        }
        all
    }

    fn in_both_languages() -> Vec<(String, Command, Command)> {
        let mut english = CommandLine::command();
        english.build();
        let chinese = translated(english.clone());
        let (english, chinese) = (commands(&english), commands(&chinese));
        assert!(english.len() > 4 && english.len() == chinese.len());
        english.into_iter().zip(chinese).map(|((name, e), (_, c))| (name, e, c)).collect()
    }

    #[test]
    fn every_command_argument_heading_and_value_has_its_chinese_text() {
        for (name, english, chinese) in in_both_languages() {
            let about = chinese.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(is_chinese(&about), "the command {name} has no Chinese text: {about:?}");
            for (arg, before) in chinese.get_arguments().zip(english.get_arguments()) {
                let id = arg.get_id();
                assert_eq!(id, before.get_id());
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(is_chinese(&help), "{id} of {name} has no Chinese text: {help:?}");
                let heading = arg.get_help_heading().unwrap_or_default();
                assert!(is_chinese(heading), "{id} of {name} has the heading {heading:?}");
                if before.get_action().takes_values() {
                    for value in before.get_possible_values() {
                        let words = describe(id.as_str(), &value);
                        assert!(is_chinese(&words), "{id}: {words} has no Chinese text");
                        assert!(help.contains(&words), "{id}: {help}");
                    }
                    for value in arg.get_value_names().unwrap_or_default() {
                        assert!(is_chinese(value) || value == "CSV", "{id} of {name}: <{value}>");
                    }
                    for default in before.get_default_values() {
                        let default = format!("[默认：{}]", default.to_string_lossy());
                        assert!(help.contains(&default), "{id} of {name}: {help}");
                    }
                }
                if let Some(env) = before.get_env() {
                    assert!(help.contains(&*env.to_string_lossy()), "{id} of {name}: {help}");
                }
            }
        }
    }

    #[test]
    fn no_word_of_the_tables_is_about_something_that_is_gone() {
        let all = in_both_languages();
        for words in COMMAND_WORDS {
            assert!(all.iter().any(|(name, ..)| name.ends_with(words.name)), "{}", words.name);
        }
        for (key, _, _) in argument_words() {
            let is_there = all.iter().any(|(_, command, _)| {
                command.get_arguments().any(|arg| {
                    let id = arg.get_id().as_str();
                    id == *key || format!("{}.{id}", command.get_name()) == *key
                })
            });
            assert!(is_there, "there is no argument {key}");
        }
    }

    #[test]
    fn the_rendered_help_is_chinese_throughout_names_all_options_and_fits_80_columns() {
        for (name, english, mut chinese) in in_both_languages() {
            for help in [chinese.render_help(), chinese.render_long_help()] {
                let help = help.to_string();
                for leftover in [
                    "Usage",
                    "Options",
                    "Arguments",
                    "Commands",
                    "Limits",
                    "OPTIONS",
                    "COMMAND",
                    "default",
                    "env:",
                    "ossible values",
                    "Print",
                    "<FILE>",
                    "<TIME>",
                ] {
                    assert!(!help.contains(leftover), "{name}: {leftover} in\n{help}");
                }
                for arg in english.get_arguments().filter(|arg| !arg.is_hide_set()) {
                    if let Some(long) = arg.get_long() {
                        assert!(help.contains(&format!("--{long}")), "{name}: --{long}\n{help}");
                    }
                }
                for line in help.lines() {
                    assert!(line.width() <= 80, "{name}: {} columns: {line}", line.width());
                }
            }
        }
    }
}
