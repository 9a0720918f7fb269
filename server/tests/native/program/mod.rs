//! The program from outside: what it prints, how it ends, what it refuses.

mod options;
#[cfg(unix)]
mod unix;

use std::io::Write as _;

use crate::classroom::binary::{FREE_PORTS, Program, command, read, read_rest};

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

const LOCALES: [&str; 2] = ["en_US.UTF-8", "zh_CN.UTF-8"];

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
