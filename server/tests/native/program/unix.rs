//! Signals, descriptors, memory and closed outputs, as Unix has them.

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use nix::sys::signal::Signal;

use super::LOCALES;
use crate::classroom::binary::{FREE_PORTS, Program, command, connect, read, read_rest};
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
    wait_until("it accepts nothing more", || std::net::TcpStream::connect(program.tcp).is_err());
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
    const FIRST: u64 = 1_000;
    let limit = tcp_classroom::raise_descriptor_limit().unwrap_or_default();
    if !needs::privilege(limit >= CLIENTS + 500, "this user may not open 10,000 connections") {
        return;
    }
    let program = Program::start(&[]);
    // What the first clients need once is no client's own.
    let _first = program.welcome_all(FIRST as usize);
    let before = program.memory("VmRSS");
    let _idle = program.welcome_all((CLIENTS - FIRST) as usize);
    let kilobytes = program.memory("VmRSS").saturating_sub(before);
    println!("{kilobytes} KB");
    assert!(kilobytes < 3 * (CLIENTS - FIRST), "{kilobytes} KB");
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
