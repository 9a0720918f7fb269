//! The student's own program among others: other pages, raw clients, a server that is
//! started anew, a tab that is closed.

use std::process::Command;
use std::time::Instant;

use tcp_classroom::PortRange;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::classroom::browser::{Browser, CHINESE, ENGLISH, PHONE};
use crate::classroom::homework::right_server;
use crate::classroom::{TestServer, must, needs};
use crate::program::{
    address, choose, hear, open, open_at, open_panel, out, output, press, run, until_state, write,
};

#[tokio::test]
async fn a_page_serves_another_page() {
    let Some((server, browser)) = open(ENGLISH).await else { return };
    choose(&browser, "server2.py").await;
    press(&browser, "run").await;
    let address = address(&browser).await;
    let (_, port) = address.split_once(':').unwrap();
    let first = browser.window().await;
    browser.open_beside(CHINESE, &format!("http://{}/", server.http)).await;
    browser.await_state("open").await;
    open_panel(&browser).await;
    let client = format!(
        "import socket\ns = socket.create_connection(('127.0.0.1', {port}))\n\
         print(s.recv(1024))\ns.sendall(b'add;a;1')\nprint(s.recv(1024))\n\
         socket.create_connection(('192.0.2.1', 80))\n"
    );
    run(&browser, &client).await;
    until_state(&browser, "failed").await;
    assert_eq!(out(&browser).await, "b'Welcome!'\nb'a added!'\n");
    let lines = output(&browser).await;
    assert!(lines.last().unwrap().1.contains("Network is unreachable"), "{lines:?}");
    // Its tab is closed; the server's is not concerned.
    browser.close_window(&first).await;
    let mut raw = TcpStream::connect(&*address).await.unwrap();
    assert_eq!(hear(&mut raw, "Welcome!").await, "Welcome!");
    browser.finish().await;
}

#[tokio::test]
async fn a_raw_python_client_hears_the_same_from_the_page_and_from_python3() {
    if !needs::program("python3", "--version") {
        return;
    }
    let Some((_server, browser)) = open(ENGLISH).await else { return };
    choose(&browser, "server.py").await;
    press(&browser, "run").await;
    let address = address(&browser).await;
    let (_, port) = address.split_once(':').unwrap();
    let client = "import socket, sys\ns = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n\
                  print(s.recv(1024))\nfor m in ['hello', '张三']:\n    s.sendall(m.encode())\n    \
                  print(s.recv(1024))\ns.sendall(b'exit')\nprint(s.recv(1024))\n";
    let mut command = Command::new("python3");
    command.args(["-c", client, port]);
    let heard = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let expected = "b'Welcome!'\nb'Received hello;'\n\
                    b'Received \\xe5\\xbc\\xa0\\xe4\\xb8\\x89;'\nb''\n";
    assert_eq!(String::from_utf8(heard.stdout).unwrap(), expected);
    browser.finish().await;
}

#[tokio::test]
async fn a_tab_is_told_that_the_server_of_another_tab_took_the_place_of_its_own() {
    let Some((server, browser)) = open(CHINESE).await else { return };
    choose(&browser, "server2.py").await;
    press(&browser, "run").await;
    let first_address = address(&browser).await;
    let first = browser.client.window().await.unwrap();
    browser.open_beside(CHINESE, &format!("http://{}/", server.http)).await;
    browser.await_state("open").await;
    open_panel(&browser).await;
    choose(&browser, "server2.py").await;
    press(&browser, "run").await;
    let second_address = address(&browser).await;
    let mut raw = TcpStream::connect(&*second_address).await.unwrap();
    assert_eq!(hear(&mut raw, "Welcome!").await, "Welcome!");
    browser.turn_to(&first).await;
    until_state(&browser, "failed").await;
    let lines = output(&browser).await;
    assert!(lines.last().unwrap().1.contains("Another tab of yours"), "{lines:?}");
    let why = "document.getElementById('program-why').innerText";
    browser.until(&format!("{why}.includes('你在另一个标签页里也启动了服务器')")).await;
    browser.screenshot("program-other-tab").await;
    browser.click("#language").await;
    browser.until(&format!("{why}.includes('Another tab of yours has started a server')")).await;
    if first_address != second_address {
        assert!(TcpStream::connect(&*first_address).await.is_err(), "{first_address} is free");
    }
    browser.finish().await;
}

#[tokio::test]
async fn a_closed_tab_gives_its_port_back_within_thirty_seconds() {
    let Some((server, browser)) = open(ENGLISH).await else { return };
    let first = browser.window().await;
    let second = browser.open_beside(ENGLISH, &format!("http://{}/", server.http)).await;
    browser.await_state("open").await;
    open_panel(&browser).await;
    choose(&browser, "server2.py").await;
    press(&browser, "run").await;
    let address = address(&browser).await;
    let mut raw = TcpStream::connect(&*address).await.unwrap();
    assert_eq!(hear(&mut raw, "Welcome!").await, "Welcome!");
    browser.turn_to(&second).await;
    let closed = Instant::now();
    browser.close_window(&first).await;
    must("the connection ends and the port is free", async {
        // Whether it is closed or reset.
        let _ = raw.read_u8().await;
        while TcpStream::connect(&*address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    println!("the port was free after {:.1} s", closed.elapsed().as_secs_f64());
    browser.finish().await;
}

#[tokio::test]
async fn a_browser_that_is_killed_gives_its_port_back_within_thirty_seconds() {
    let Some((_server, browser)) = open(ENGLISH).await else { return };
    choose(&browser, "server2.py").await;
    press(&browser, "run").await;
    let address = address(&browser).await;
    // It waits for what this one says, and it is that request which stays behind.
    let mut raw = TcpStream::connect(&*address).await.unwrap();
    assert_eq!(hear(&mut raw, "Welcome!").await, "Welcome!");
    // Only the server's own clock is to find it out.
    browser.script("Navigator.prototype.sendBeacon = () => true").await;
    let killed = Instant::now();
    browser.kill().await;
    // Whether it is closed or reset.
    let _ = must("the connection ends", raw.read_u8()).await;
    let took = killed.elapsed().as_secs_f64();
    println!("the port was free after {took:.1} s");
    assert!(took < 30.0, "{took:.1} s");
    assert!(TcpStream::connect(&*address).await.is_err(), "{address} is free");
}

#[tokio::test]
async fn a_page_that_is_loaded_anew_gives_its_port_back_at_once_and_keeps_the_text() {
    let Some((_server, browser)) = open(ENGLISH).await else { return };
    choose(&browser, "server2.py").await;
    press(&browser, "run").await;
    let address = address(&browser).await;
    let mut raw = TcpStream::connect(&*address).await.unwrap();
    assert_eq!(hear(&mut raw, "Welcome!").await, "Welcome!");
    let text = "return document.getElementById('editor').value";
    let before = browser.script(text).await;
    let reloaded = Instant::now();
    browser.client.refresh().await.unwrap();
    // Whether it is closed or reset.
    let _ = must("the connection ends", raw.read_u8()).await;
    // The page says so: the server by itself would take 25 s.
    let took = reloaded.elapsed().as_secs_f64();
    assert!(took < 20.0, "{took:.1} s");
    // The same file is open.
    browser.until("document.getElementById('editor')?.value").await;
    assert_eq!(browser.script(text).await, before);
    assert_eq!(
        browser.script("return document.getElementById('program').dataset.state").await,
        "idle"
    );
    press(&browser, "run").await;
    let mut raw = TcpStream::connect(&*self::address(&browser).await).await.unwrap();
    assert_eq!(hear(&mut raw, "Welcome!").await, "Welcome!");
    browser.finish().await;
}

#[tokio::test]
async fn the_homework_is_checked_without_a_network() {
    let Some((server, browser)) = open(CHINESE).await else { return };
    // The interpreter is there.
    run(&browser, "print('here')\n").await;
    until_state(&browser, "ended").await;
    server.stop().await;
    for (source, state, says) in [
        (right_server(9998), "ended", "作业通过了"),
        (
            right_server(9998).replace("send(b'Welcome!')", "send('Welcome!')"),
            "failed",
            "还没有通过",
        ),
    ] {
        write(&browser, &source).await;
        press(&browser, "program-check").await;
        let told = "document.getElementById('program-state').innerText";
        browser.until(&format!("{told}.includes('{says}')")).await;
        until_state(&browser, state).await;
    }
    browser.until("document.getElementById('program-checks').innerText.includes('字节')").await;
    browser.finish_but_for("ERR_CONNECTION_REFUSED").await;
}

#[tokio::test]
async fn a_program_says_that_the_server_is_gone_and_runs_again_when_it_is_back() {
    // Ports that no other test takes meanwhile.
    let ports = PortRange { first: 10_290, last: 10_292 };
    let server = TestServer::with(|config| config.limits.student_ports = ports).await;
    let Some((server, browser)) = open_at(ENGLISH, server).await else { return };
    choose(&browser, "server2.py").await;
    press(&browser, "run").await;
    let before = address(&browser).await;
    let (tcp, http) = (server.tcp, server.http);
    server.stop().await;
    until_state(&browser, "failed").await;
    let lines = output(&browser).await;
    assert!(lines.last().unwrap().1.contains("Network is unreachable"), "{lines:?}");
    assert!(TcpStream::connect(&*before).await.is_err());
    let _server = TestServer::with(|config| (config.tcp, config.http) = (tcp, http)).await;
    browser.await_state("open").await;
    press(&browser, "run").await;
    let mut raw = TcpStream::connect(&*address(&browser).await).await.unwrap();
    assert_eq!(hear(&mut raw, "Welcome!").await, "Welcome!");
    browser.finish_after_a_loss().await;
}

#[tokio::test]
async fn a_program_runs_where_the_browser_does_not_trust_the_address() {
    let server = TestServer::start().await;
    let Some(browser) = Browser::start(PHONE).await else { return };
    browser.go(&format!("http://classroom.test:{}/", server.http.port())).await;
    browser.await_state("open").await;
    assert_eq!(browser.script("return window.isSecureContext").await, false);
    open_panel(&browser).await;
    // `classroom.test` is what the page calls this server.
    let source = "import socket, time\ns = socket.socket()\ns.connect(('classroom.test', 9999))\n\
                  print(s.recv(1024))\ntime.sleep(0.01)\ns.close()\n";
    run(&browser, source).await;
    until_state(&browser, "ended").await;
    assert_eq!(out(&browser).await, "b'Welcome!'\n");
    choose(&browser, "server.py").await;
    press(&browser, "run").await;
    let mut raw = TcpStream::connect(&*address(&browser).await).await.unwrap();
    assert_eq!(hear(&mut raw, "Welcome!").await, "Welcome!");
    browser.finish().await;
}
