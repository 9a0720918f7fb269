//! The two ports: does the server answer there, or could it?

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::Finding;
use crate::language::{Language, localized};
use crate::transport::port_holder;

/// How long a server on this computer may take: the lesson's welcome comes within 50 ms.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A port of the server.
#[derive(Clone, Copy, Debug)]
pub(super) enum Port {
    /// The lesson's, for raw TCP clients.
    Lesson(u16),
    /// The page's.
    Page(u16),
}

/// What is at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum There {
    /// This server.
    Ours,
    /// Another program.
    Other,
    /// Nothing.
    Nothing,
}

impl Port {
    fn number(self) -> u16 {
        match self {
            Port::Lesson(port) | Port::Page(port) => port,
        }
    }

    fn flag(self) -> &'static str {
        match self {
            Port::Lesson(_) => "--tcp",
            Port::Page(_) => "--http",
        }
    }

    /// Whether the server answers on this computer.
    pub(super) fn answers_here(self) -> bool {
        self.at((Ipv4Addr::LOCALHOST, self.number()).into()) == There::Ours
    }

    /// Whether the server answers on this computer, or the port is free for it.
    pub(super) fn on_this_computer(self, language: Language) -> Finding {
        let (port, flag) = (self.number(), self.flag());
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        match self.at(here) {
            There::Ours => Finding::fine(localized!(
                in language;
                "端口 {port}：服务器在这台电脑上正常回答",
                "port {port}: the server answers on this computer"
            )),
            There::Other => other(port, flag, language),
            There::Nothing => match TcpListener::bind(here) {
                Ok(_) => Finding::fine(localized!(
                    in language;
                    "端口 {port}：空闲，服务器没有在运行",
                    "port {port}: free, the server is not running"
                )),
                Err(error) if error.kind() == ErrorKind::AddrInUse => other(port, flag, language),
                Err(error) => Finding::wrong(
                    localized!(
                        in language;
                        "端口 {port}：系统不允许监听（{error}），请换一个端口",
                        "port {port}: the system does not let a program listen there ({error}); \
                         choose another port"
                    ),
                    vec![format!("tcp-classroom {flag} {}", another(port))],
                ),
            },
        }
    }

    /// Whether a running server answers at the addresses of the network, too.
    pub(super) fn on_network(self, addresses: &[IpAddr], language: Language) -> Option<Finding> {
        let port = self.number();
        let first = addresses.iter().find(|ip| ip.is_ipv4()).or_else(|| addresses.first())?;
        if !self.answers_here() {
            return None;
        }
        let address = SocketAddr::new(*first, port);
        Some(match self.at(address) {
            There::Ours => Finding::fine(localized!(
                in language;
                "{address}：从这台电脑经过网络地址也能连上",
                "{address}: the server answers at the network's address, too"
            )),
            There::Other | There::Nothing => Finding::wrong(
                localized!(
                    in language;
                    "{address}：连不上，服务器只对这台电脑开放；请这样启动：",
                    "{address}: no answer, the server is open to this computer only; start it so:"
                ),
                vec!["tcp-classroom --lan".to_owned()],
            ),
        })
    }

    fn at(self, address: SocketAddr) -> There {
        let Ok(mut stream) = TcpStream::connect_timeout(&address, TIMEOUT) else {
            return There::Nothing;
        };
        let mut talk = || -> std::io::Result<bool> {
            stream.set_read_timeout(Some(TIMEOUT))?;
            let expected: &[u8] = match self {
                Port::Lesson(_) => protocol::reply::WELCOME.as_bytes(),
                Port::Page(_) => {
                    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n");
                    stream.write_all(request.as_bytes())?;
                    b"HTTP/1.1 200 "
                }
            };
            let mut answer = vec![0; expected.len()];
            stream.read_exact(&mut answer)?;
            Ok(answer == expected)
        };
        if talk().unwrap_or(false) { There::Ours } else { There::Other }
    }
}

fn other(port: u16, flag: &str, language: Language) -> Finding {
    let holder = port_holder::of(port).map(|holder| holder.to_string());
    let holder =
        holder.unwrap_or_else(|| language.pick("另一个程序", "another program").to_owned());
    Finding::wrong(
        localized!(
            in language;
            "端口 {port}：{holder} 正在用它；请先停止那个程序，或者换一个端口：",
            "port {port}: {holder} is using it; stop that program, or choose another port:"
        ),
        vec![format!("tcp-classroom {flag} {}", another(port))],
    )
}

/// A port beside one that is taken.
fn another(port: u16) -> u16 {
    port.checked_add(1).unwrap_or(9_999)
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_free_port_is_fine_and_one_of_another_program_is_named_with_the_way_out() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = other.local_addr().unwrap().port();
        // Ends every connection at once.
        let closing = std::thread::spawn(move || drop(other.accept()));
        let finding = Port::Lesson(port).on_this_computer(Language::English);
        closing.join().unwrap();
        assert_eq!(finding.state, State::Wrong, "{finding}");
        assert_eq!(finding.commands, [format!("tcp-classroom --tcp {}", port + 1)]);
    }
}
