//! Options, their environment twins, and the help.

use std::io::Write as _;
use std::process::Stdio;

use super::LOCALES;
use crate::classroom::binary::{FREE_PORTS, Program, command, read};
use clap::CommandFactory as _;

/// What the program says on stdout, and that it succeeds.
fn told(arguments: &[&str], locale: &str) -> String {
    let mut program = std::process::Command::new(command().get_program());
    let output = program.args(arguments).env("LC_ALL", locale).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn help_and_version_succeed_and_name_every_option() {
    fn check(command: &clap::Command, path: &[&str]) {
        for locale in LOCALES {
            let help = told(&[path, &["--help"]].concat(), locale);
            for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
                let long = arg.get_long().map(|long| format!("--{long}"));
                let short = arg.get_short().map(|short| format!("-{short}"));
                let env = arg.get_env().and_then(|env| env.to_str()).map(str::to_owned);
                for name in [long, short, env].into_iter().flatten() {
                    assert!(help.contains(&name), "{path:?} {locale}: {name}\n{help}");
                }
            }
            for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
                assert!(help.contains(sub.get_name()), "{path:?} {locale}: {help}");
            }
        }
        for sub in command.get_subcommands() {
            check(sub, &[path, &[sub.get_name()]].concat());
        }
    }
    let command = tcp_classroom::cli::options::CommandLine::command();
    assert!(command.get_arguments().count() >= 20 && command.get_subcommands().count() >= 3);
    check(&command, &[]);
    for locale in LOCALES {
        let version = told(&["--version"], locale);
        assert_eq!(version.trim(), format!("tcp-classroom {}", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn help_is_in_the_machine_s_language_and_succeeds_where_nobody_reads_it() {
    assert!(told(&["--help"], "en_US.UTF-8").contains("Usage:"));
    let chinese = told(&["--help"], "zh_CN.UTF-8");
    assert!(chinese.contains("用法：") && !chinese.contains("Usage"), "{chinese}");
    for locale in LOCALES {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = command().arg("--help").env("LC_ALL", locale).stdout(writer).status().unwrap();
        assert!(status.success(), "{locale}: {status}");
    }
}

#[test]
fn usage_errors_exit_with_2_and_say_what_would_work_in_both_languages() {
    for (arguments, told) in [
        (&["--stage", "two"][..], ["contacts, echo", "contacts、echo"]),
        (&["--pause", "soon"], ["like 500ms", "例如 500ms"]),
        (&["--pause", "31s"], ["0s to 30s", "0s 到 30s"]),
        (&["--tcp", "99999"], ["0 to 65535", "0 到 65535"]),
        (&["--tcp", "127.0.0.1"], ["127.0.0.1:9999", "127.0.0.1:9999"]),
        (&["--lan", "--tcp", "127.0.0.1:9999"], ["--lan --tcp 9999", "--lan --tcp 9999"]),
        (&["--allow-origin", "school.example"], ["http://HOST", "http://主机"]),
        (&["--host-name", "http://x"], ["--host-name x", "--host-name x"]),
        (&["--advertise", "http://x:80/"], ["--advertise x", "--advertise x"]),
        (&["--ping-every", "0s"], ["100ms to 24h", "100ms 到 24h"]),
        (&["--ping-every", "18446744073709551615s"], ["100ms to 24h", "100ms 到 24h"]),
        (&["--max-contacts", "99999999999999999999"], ["1 to 10000000", "1 到 10000000"]),
        (&["--unknown"], ["--help", "--help"]),
        (&["--quiet", "--verbose"], ["--verbose", "--verbose"]),
        (&["--memory", "--data", "x"], ["cannot be used with", "不能同时使用"]),
    ] {
        for (locale, told) in LOCALES.into_iter().zip(told) {
            let output = command().args(arguments).env("LC_ALL", locale).output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{arguments:?}");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains(told), "{arguments:?}: {said}");
            assert_eq!(said.contains("错误"), locale.starts_with("zh"), "{arguments:?}: {said}");
            assert!(output.stdout.is_empty(), "{arguments:?}");
        }
    }
}

#[test]
fn an_option_in_front_of_its_subcommand_is_put_in_the_right_order() {
    let mut program = std::process::Command::new(command().get_program());
    program.args(["--data", "class.db", "export", "class.csv"]);
    for (locale, told) in LOCALES.into_iter().zip(["stand behind", "后面"]) {
        let output = program.env("LC_ALL", locale).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("tcp-classroom export --data class.db class.csv"), "{said}");
        assert!(said.contains(told), "{said}");
    }
}

#[test]
fn flags_in_the_environment_are_on_or_off_and_another_value_names_the_variable() {
    let quiet = |value: &str| {
        let mut command = command();
        command.args(FREE_PORTS).env("TCP_CLASSROOM_MEMORY", value);
        command.env("TCP_CLASSROOM_DATA", "");
        command
    };
    for on in ["1", "true", "Yes", "on"] {
        let program = Program::run(quiet(on));
        assert!(program.banner.contains("in memory only"), "{on}: {}", program.banner);
    }
    let folder = tempfile::tempdir().unwrap();
    for off in ["0", "false", "no", "OFF", ""] {
        let mut command = quiet(off);
        command.env("TCP_CLASSROOM_DATA", folder.path().join("contacts.db"));
        let program = Program::run(command);
        assert!(!program.banner.contains("in memory only"), "{off}: {}", program.banner);
    }
    for (variable, value) in [
        ("TCP_CLASSROOM_LAN", "maybe"),
        ("TCP_CLASSROOM_QUIET", "2"),
        ("TCP_CLASSROOM_VERBOSE", "very"),
        ("TCP_CLASSROOM_PAUSE", "soon"),
        ("TCP_CLASSROOM_STAGE", "two"),
        ("TCP_CLASSROOM_HOST_NAME", "a,http://b"),
    ] {
        for locale in LOCALES {
            let output = command().env(variable, value).env("LC_ALL", locale).output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{variable}");
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.contains(&format!("{variable}={value}")), "{variable}: {said}");
        }
    }
}

#[test]
fn an_option_beats_the_environment_also_where_the_two_exclude_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("contacts.db");
    let mut memory = command();
    memory.args(FREE_PORTS).arg("--memory").env("TCP_CLASSROOM_DATA", &data);
    assert!(Program::run(memory).banner.contains("in memory only"));
    assert!(!data.exists());
    let mut file = command();
    file.args(FREE_PORTS).arg("--data").arg(&data).env("TCP_CLASSROOM_MEMORY", "1");
    let program = Program::run(file);
    assert!(program.banner.contains(data.to_str().unwrap()), "{}", program.banner);
    let mut both = command();
    both.env("TCP_CLASSROOM_DATA", &data).env("TCP_CLASSROOM_MEMORY", "1");
    let output = both.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("TCP_CLASSROOM_MEMORY cannot be used with TCP_CLASSROOM_DATA"), "{said}");
}

#[test]
fn a_flag_beats_the_environment_and_the_environment_beats_the_default() {
    let mut echo = command();
    echo.args(FREE_PORTS).arg("--memory").env("TCP_CLASSROOM_STAGE", "echo");
    let program = Program::run(echo);
    let mut client = program.welcome();
    client.write_all(b"find;a").unwrap();
    assert_eq!(read(&mut client, 16), "Received find;a;");

    let mut contacts = command();
    contacts
        .args(FREE_PORTS)
        .args(["--memory", "--stage", "contacts"])
        .env("TCP_CLASSROOM_STAGE", "echo");
    let program = Program::run(contacts);
    let mut client = program.welcome();
    client.write_all(b"find;a").unwrap();
    assert_eq!(read(&mut client, 10), "Not Found!");
}
