//! The program from outside: what it prints, how it ends, what it refuses.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic and may say why it is skipped"
)]

mod classroom;

use std::io::Write as _;
use std::process::Stdio;

use classroom::binary::{FREE_PORTS, Program, command, read, read_rest};

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
        let mut client = classroom::WebSocketClient::connect(program.http, &[]).await.unwrap();
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

#[test]
fn help_and_version_succeed_and_name_every_option() {
    let help = command().arg("--help").output().unwrap();
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout).unwrap();
    for option in [
        "--tcp",
        "--http",
        "--lan",
        "--host-name",
        "--allow-origin",
        "--memory",
        "--stage",
        "--pause",
        "--open",
        "--no-open",
        "--quiet",
        "--verbose",
        "--help",
        "--version",
        "TCP_CLASSROOM_STAGE",
    ] {
        assert!(help.contains(option), "{option}");
    }
    let version = command().arg("--version").output().unwrap();
    assert!(version.status.success());
    let version = String::from_utf8(version.stdout).unwrap();
    assert_eq!(version.trim(), format!("tcp-classroom {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn usage_errors_exit_with_2_and_say_what_would_work() {
    for (arguments, told) in [
        (&["--stage", "two"][..], "contacts, echo"),
        (&["--pause", "soon"], "pause"),
        (&["--tcp", "9999"], "--tcp"),
        (&["--allow-origin", "school.example"], "http://HOST"),
        (&["--ping-every", "0s"], "longer than nothing"),
        (&["--unknown"], "--help"),
        (&["--quiet", "--verbose"], "--verbose"),
    ] {
        let output = command().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(told), "{arguments:?}: {said}");
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
    let (tcp, http) = (program.tcp.to_string(), program.http.to_string());
    for (flag, other, taken) in [("--tcp", "--http", tcp), ("--http", "--tcp", http)] {
        let output =
            command().args(["--memory", flag, &taken, other, "127.0.0.1:0"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        let port = taken.rsplit(':').next().unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(&format!("port {port} is already in use")), "{said}");
        assert!(said.contains(&format!("{flag} 127.0.0.1:")), "{said}");
        assert!(output.stdout.is_empty(), "it never said it was waiting");
    }
}

#[cfg(unix)]
mod unix {
    use std::io::{Read as _, Write as _};

    use nix::sys::signal::Signal;

    use super::*;
    use crate::classroom::binary::connect;

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
    fn quiet_prints_nothing() {
        // Without a banner nobody says which port it took; one that was free a
        // moment ago will do.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = command();
        command
            .args(["--memory", "--quiet", "--http", "127.0.0.1:0", "--tcp"])
            .arg(free.to_string());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut client = loop {
            if let Ok(client) = std::net::TcpStream::connect(free) {
                break client;
            }
        };
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
        while stuck < 100 {
            match client.write(&lines) {
                Ok(written) if written > 0 => stuck = 0,
                _ => {
                    stuck += 1;
                    std::thread::park_timeout(std::time::Duration::from_millis(5));
                }
            }
        }
        program.signal(Signal::SIGINT);
        while std::net::TcpStream::connect(program.tcp).is_ok() {}
        program.signal(Signal::SIGINT);
        assert_eq!(program.exit().code(), Some(130));
    }

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
        let start = std::time::Instant::now();
        while program.open_descriptors() > before {
            assert!(start.elapsed() < crate::classroom::DEADLINE, "they do not return");
            std::thread::park_timeout(std::time::Duration::from_millis(5));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn ten_thousand_idle_clients_take_three_kilobytes_each_and_a_new_one_is_served() {
        const CLIENTS: u64 = 10_000;
        if tcp_classroom::raise_descriptor_limit().unwrap_or_default() < CLIENTS + 500 {
            println!("skipped: this user may not open {CLIENTS} connections");
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
        assert_eq!(program.remaining_diagnostics(), "");
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
