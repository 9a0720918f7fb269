//! The program from outside: what it prints, how it ends, what it refuses.

use std::io::Write as _;
use std::process::Stdio;

use crate::classroom::binary::{FREE_PORTS, Program, command, read, read_rest};
use clap::CommandFactory as _;

#[test]
fn it_prints_the_lesson_s_lines_on_stdout_and_nothing_else() {
    let program = Program::start(&[]);
    assert_eq!(program.console_line(), "Waiting for connection...");
    let mut client = program.welcome();
    let peer = client.local_addr().unwrap();
    assert_eq!(program.console_line(), format!("Accept new connection from {peer}..."));
    client.write_all(b"add;\x1b[2J;1").unwrap();
    assert!(read(&mut client, 6).starts_with("Error:"));
    client.write_all(b"exit").unwrap();
    read_rest(&mut client);
    assert_eq!(program.console_line(), format!("Connection from {peer} closed."));
}

#[test]
fn a_browser_s_conversation_prints_the_same_lines() {
    let program = Program::start(&[]);
    assert_eq!(program.console_line(), "Waiting for connection...");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client =
            crate::classroom::WebSocketClient::connect(program.http, &[]).await.unwrap();
        client.expect("Welcome!").await;
        client.send("exit").await;
        assert_eq!(client.expect_close().await, 1000);
    });
    let accepted = program.console_line();
    let peer = accepted.strip_prefix("Accept new connection from 127.0.0.1:").unwrap();
    let peer = peer.strip_suffix("...").unwrap();
    assert_eq!(program.console_line(), format!("Connection from 127.0.0.1:{peer} closed."));
}

#[test]
fn the_banner_names_what_is_really_bound_and_speaks_the_machine_s_language() {
    let program = Program::start(&[]);
    assert_ne!(program.tcp.port(), 0);
    assert!(program.banner.contains(&format!("  http://{}/", program.http)), "{}", program.banner);
    assert!(program.banner.contains("Ctrl+C stops"), "{}", program.banner);

    let mut chinese = command();
    chinese.args(FREE_PORTS).arg("--memory").env("LC_ALL", "zh_CN.UTF-8");
    let program = Program::run(chinese);
    assert!(program.banner.contains("按 Ctrl+C 停止"), "{}", program.banner);
}

/// What the program says on stdout, and that it succeeds.
fn told(arguments: &[&str], locale: &str) -> String {
    let mut program = std::process::Command::new(command().get_program());
    let output = program.args(arguments).env("LC_ALL", locale).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

const LOCALES: [&str; 2] = ["en_US.UTF-8", "zh_CN.UTF-8"];

#[test]
fn help_and_version_succeed_and_name_every_option() {
    fn check(command: &clap::Command, path: &[&str]) {
        for locale in LOCALES {
            let help = told(&[path, &["--help"]].concat(), locale);
            for arg in command.get_arguments() {
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
fn with_lan_both_families_are_served_on_one_port_and_peers_have_their_own_addresses() {
    let mut lan = command();
    lan.args(["--memory", "--tcp", "0", "--http", "0"]).env("TCP_CLASSROOM_LAN", "1");
    let program = Program::run(lan);
    assert!(program.banner.contains("Note: everyone on this network"), "{}", program.banner);
    assert_eq!(program.console_line(), "Waiting for connection...");
    for ip in ["127.0.0.1", "::1"] {
        let at = |port| std::net::SocketAddr::new(ip.parse().unwrap(), port);
        let mut client = crate::classroom::binary::connect(at(program.tcp.port()));
        assert_eq!(read(&mut client, 8), "Welcome!");
        let peer = client.local_addr().unwrap();
        assert_eq!(program.console_line(), format!("Accept new connection from {peer}..."));
        client.write_all(b"exit").unwrap();
        assert_eq!(read_rest(&mut client), "");
        assert_eq!(program.console_line(), format!("Connection from {peer} closed."));

        let mut browser = crate::classroom::binary::connect(at(program.http.port()));
        let host = at(program.http.port());
        write!(browser, "GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
            .unwrap();
        let answer = read_rest(&mut browser);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

#[test]
fn an_advertised_name_is_shown_and_let_in() {
    let program = Program::start(&["--advertise", "classroom.test"]);
    let page = format!("classroom.test:{}", program.http.port());
    assert!(program.banner.contains(&format!("\n  http://{page}/\n")), "{}", program.banner);
    let tcp = format!("\n  classroom.test {}\n", program.tcp.port());
    assert!(program.banner.contains(&tcp), "{}", program.banner);
    for (host, status) in [(page.as_str(), "200"), ("other.test", "403")] {
        let mut browser = crate::classroom::binary::connect(program.http);
        write!(browser, "GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
            .unwrap();
        let answer = read_rest(&mut browser);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
    }
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

#[test]
fn a_port_in_use_is_named_with_the_flag_that_chooses_another() {
    let program = Program::start(&[]);
    let (tcp, http) = (program.tcp.port(), program.http.port());
    for (flag, other, taken) in [("--tcp", "--http", tcp), ("--http", "--tcp", http)] {
        for lan in [&[][..], &["--lan"]] {
            for (locale, said_so) in LOCALES.into_iter().zip(["is already in use", "已被占用"])
            {
                let output = command()
                    .args(["--memory", flag, &taken.to_string(), other, "0"])
                    .args(lan)
                    .env("LC_ALL", locale)
                    .output()
                    .unwrap();
                assert_eq!(output.status.code(), Some(1));
                let said = String::from_utf8(output.stderr).unwrap();
                assert_eq!(said.lines().count(), 1, "{said}");
                assert!(said.contains(&format!(" {taken} ")) && said.contains(said_so), "{said}");
                let next = taken.checked_add(1).unwrap_or(taken - 1);
                assert!(said.contains(&format!("{flag} {next}")), "{said}");
                let holder = format!("(PID {})", program.child.id());
                assert!(said.contains("tcp-classroom") && said.contains(&holder), "{said}");
                assert!(output.stdout.is_empty(), "it never said it was waiting");
            }
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::io::{Read as _, Write as _};

    use nix::sys::signal::Signal;

    use super::*;
    use crate::classroom::binary::connect;
    use crate::classroom::port::ReservedPort;
    use crate::classroom::{DEADLINE, needs, wait_until};

    #[test]
    fn ctrl_c_and_sigterm_close_every_conversation_and_succeed() {
        for signal in [Signal::SIGINT, Signal::SIGTERM] {
            let mut program = Program::start(&[]);
            let mut client = program.welcome();
            program.signal(signal);
            assert_eq!(read_rest(&mut client), "");
            assert_eq!(program.exit().code(), Some(0), "{signal}");
            let console = program.remaining_console();
            assert_eq!(console.len(), 3, "{console:?}");
            assert!(console[2].ends_with(" closed."), "{console:?}");
        }
    }

    #[test]
    fn its_last_line_says_how_many_contacts_are_kept_and_where() {
        let folder = tempfile::tempdir().unwrap();
        for (locale, file, memory) in [
            ("en_US.UTF-8", "2 contacts are kept in ", "2 contacts were in memory only"),
            ("zh_CN.UTF-8", "2 个联系人保存在 ", "2 个联系人只在内存里"),
        ] {
            for signal in [Signal::SIGINT, Signal::SIGTERM] {
                for kept in [true, false] {
                    let mut command = command();
                    command.current_dir(folder.path()).args(FREE_PORTS).env("LC_ALL", locale);
                    // The line has the full path of a file that was named without.
                    command.args(if kept { &["--data", "class.db"][..] } else { &["--memory"] });
                    let mut program = Program::run(command);
                    let mut client = program.welcome();
                    client.write_all(b"add;a;1\nadd;b;2\n").unwrap();
                    assert_eq!(read(&mut client, 18), "a added!\nb added!\n");
                    program.signal(signal);
                    assert_eq!(program.exit().code(), Some(0));
                    let said = program.remaining_diagnostics();
                    let last = said.lines().last().unwrap_or_default();
                    assert!(last.contains(if kept { file } else { memory }), "{said}");
                    let path = folder.path().canonicalize().unwrap().join("class.db");
                    assert_eq!(last.ends_with(path.to_str().unwrap()), kept, "{said}");
                    assert_eq!(program.banner.contains(path.to_str().unwrap()), kept);
                }
            }
        }
    }

    /// As a user who may not use it: the tests may run as root, who may.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_port_below_1024_is_refused_as_a_privilege() {
        use std::os::unix::process::CommandExt as _;
        let limit = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
        let limit: u16 = limit.unwrap().trim().parse().unwrap();
        if !needs::privilege(limit > 0, "this machine lets everybody use every port") {
            return;
        }
        let port = limit.min(1024) - 1;
        for (locale, told) in LOCALES.into_iter().zip(["an administrator's privilege", "特权"]) {
            let folder = tempfile::tempdir().unwrap();
            let program = folder.path().join("tcp-classroom");
            std::fs::copy(command().get_program(), &program).unwrap();
            std::process::Command::new("chmod")
                .args(["-R", "a+rx"])
                .arg(folder.path())
                .status()
                .unwrap();
            let mut command = std::process::Command::new(&program);
            if nix::unistd::geteuid().is_root() {
                command.uid(65534);
            }
            let output = command
                .args(["--no-open", "--memory", "--tcp", &port.to_string(), "--http", "0"])
                .env("LC_ALL", locale)
                .stdin(Stdio::null())
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(1));
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(
                said.contains(told) && said.contains(&format!("--tcp {}", 8000 + port % 1000)),
                "{said}"
            );
        }
    }

    #[test]
    fn quiet_prints_nothing() {
        // Without a banner it does not say which port it took.
        let port = ReservedPort::new();
        let mut command = command();
        command
            .args(["--memory", "--quiet", "--http", "127.0.0.1:0", "--tcp"])
            .arg(port.address.to_string());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until("it listens", || std::net::TcpStream::connect(port.address).is_ok());
        let mut client = connect(port.address);
        client.write_all(b"exit").unwrap();
        assert_eq!(read_rest(&mut client), "Welcome!");
        let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
        nix::sys::signal::kill(pid, Signal::SIGTERM).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }

    #[test]
    fn a_second_ctrl_c_exits_at_once_and_does_not_succeed() {
        // A client that never reads, and a server that would wait for it.
        let mut program = Program::start(&["--read-patience", "1h"]);
        let mut client = program.welcome();
        client.set_nonblocking(true).unwrap();
        let lines = b"find;a\n".repeat(10_000);
        // Full sockets on both sides: the server hangs in its write for good.
        let mut stuck = 0;
        let start = std::time::Instant::now();
        while stuck < 100 {
            assert!(start.elapsed() < DEADLINE, "its sockets never fill");
            match client.write(&lines) {
                Ok(written) if written > 0 => stuck = 0,
                _ => {
                    stuck += 1;
                    std::thread::park_timeout(std::time::Duration::from_millis(5));
                }
            }
        }
        program.signal(Signal::SIGINT);
        wait_until("it accepts nothing more", || {
            std::net::TcpStream::connect(program.tcp).is_err()
        });
        program.signal(Signal::SIGINT);
        assert_eq!(program.exit().code(), Some(130));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn descriptors_return_to_their_number_after_clean_ends_half_closes_and_resets() {
        let program = Program::start(&[]);
        program.welcome().write_all(b"exit").unwrap();
        program.await_closed(1);
        let before = program.open_descriptors();
        for round in 0..60 {
            let mut client = program.welcome();
            match round % 3 {
                0 => client.write_all(b"exit").unwrap(),
                1 => {
                    client.write_all(b"find;a").unwrap();
                    client.shutdown(std::net::Shutdown::Write).unwrap();
                    assert_eq!(read_rest(&mut client), "Not Found!");
                }
                _ => {
                    let socket = socket2::SockRef::from(&client);
                    socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
                }
            }
        }
        program.await_closed(60);
        let after = program.open_descriptors();
        assert!(after <= before, "{before} before, {after} after");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn descriptors_return_after_every_end_of_a_websocket_too() {
        let program = Program::start(&[]);
        program.welcome().write_all(b"exit").unwrap();
        program.await_closed(1);
        let before = program.open_descriptors();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for round in 0..30 {
                let mut client =
                    crate::classroom::WebSocketClient::connect(program.http, &[]).await.unwrap();
                client.expect("Welcome!").await;
                match round % 3 {
                    0 => {
                        client.send("exit").await;
                        assert_eq!(client.expect_close().await, 1000);
                    }
                    1 => client.socket.close(None).await.unwrap(),
                    _ => {
                        if let tokio_tungstenite::MaybeTlsStream::Plain(stream) =
                            client.socket.get_ref()
                        {
                            let socket = socket2::SockRef::from(stream);
                            socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
                        }
                    }
                }
            }
        });
        program.await_closed(30);
        // The last ones may linger for a moment after their conversation.
        wait_until("they return", || program.open_descriptors() <= before);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn ten_thousand_idle_clients_take_three_kilobytes_each_and_a_new_one_is_served() {
        const CLIENTS: u64 = 10_000;
        let limit = tcp_classroom::raise_descriptor_limit().unwrap_or_default();
        if !needs::privilege(limit >= CLIENTS + 500, "this user may not open 10,000 connections") {
            return;
        }
        let program = Program::start(&[]);
        let before = program.memory("VmRSS");
        let _idle = program.welcome_all(CLIENTS as usize);
        let kilobytes = program.memory("VmRSS").saturating_sub(before);
        assert!(kilobytes < 3 * CLIENTS, "{kilobytes} KB");
        let mut later = program.welcome();
        later.write_all(b"find;a").unwrap();
        assert_eq!(read(&mut later, 10), "Not Found!");
    }

    /// The shell gives the program a hard limit that it cannot raise.
    #[test]
    fn out_of_descriptors_it_says_so_once_serves_on_and_recovers() {
        let mut shell = std::process::Command::new("sh");
        shell
            .args(["-c", "ulimit -n 40; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_tcp-classroom")])
            .args(["--no-open", "--memory"])
            .args(FREE_PORTS)
            .env("LC_ALL", "C");
        let mut program = Program::run(shell);
        let mut first = program.welcome();
        // The kernel completes the connections; the program cannot take them all.
        let waiting: Vec<_> = (0..60).map(|_| connect(program.tcp)).collect();
        let said = program.diagnostic();
        assert!(said.contains("cannot accept connections for now"), "{said}");
        first.write_all(b"find;a").unwrap();
        assert_eq!(read(&mut first, 10), "Not Found!");
        drop(waiting);
        let mut later = program.welcome();
        later.write_all(b"find;a").unwrap();
        assert_eq!(read(&mut later, 10), "Not Found!");
        program.signal(Signal::SIGTERM);
        assert_eq!(program.exit().code(), Some(0));
        let said = program.remaining_diagnostics();
        assert!(said.starts_with("Stopped.") && said.lines().count() == 1, "{said}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_hundred_megabytes_without_a_line_end_leave_its_memory_as_it_was() {
        let program = Program::start(&[]);
        let mut client = program.welcome();
        client.write_all(b"find;a").unwrap();
        read(&mut client, 10);
        let before = program.memory("VmHWM");
        let megabyte = vec![b'a'; 1024 * 1024];
        for _ in 0..100 {
            client.write_all(&megabyte).unwrap();
        }
        client.write_all(b"\nfind;a\n").unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(read_rest(&mut client).ends_with("find;zhangsan\nNot Found!\n"));
        let kilobytes = program.memory("VmHWM") - before;
        assert!(kilobytes < 1024, "{kilobytes} KB more");
    }

    #[test]
    fn a_closed_stdout_stops_nothing() {
        let mut command = command();
        command.args(FREE_PORTS).arg("--memory");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut stderr = String::new();
        let mut bytes = [0; 4096];
        let mut source = child.stderr.take().unwrap();
        while !stderr.contains("Ctrl+C") {
            let read = source.read(&mut bytes).unwrap();
            assert_ne!(read, 0, "no banner, only: {stderr}");
            stderr += &String::from_utf8_lossy(&bytes[..read]);
        }
        let port = stderr.lines().find_map(|line| line.trim().strip_prefix("127.0.0.1 ")).unwrap();
        for _ in 0..3 {
            let mut client = connect(format!("127.0.0.1:{port}").parse().unwrap());
            client.write_all(b"exit").unwrap();
            assert_eq!(read_rest(&mut client), "Welcome!");
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
