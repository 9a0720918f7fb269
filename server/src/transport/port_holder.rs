//! The program that listens on a port which is wanted: its name is what a teacher
//! needs to know to stop it.

use std::fmt;

use listeners::{Protocol, SocketState};

/// A program that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    name: String,
    process: u32,
}

/// Who listens on a port, where the system tells: on Unix it does for programs of
/// the same user, on Windows for all.
pub(crate) fn of(port: u16) -> Option<Holder> {
    let all = listeners::get_all().ok()?;
    let listener = all.into_iter().find(|listener| {
        listener.protocol == Protocol::TCP
            && listener.state == SocketState::Listen
            && listener.socket.port() == port
    })?;
    let process = listener.process;
    // Other users name their programs as they like.
    let name = process.name.escape_debug().to_string();
    (!name.is_empty()).then_some(Holder { name, process: process.pid })
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (PID {})", self.name, self.process)
    }
}

// Where the system tells; see `of`.
#[cfg(all(test, any(target_os = "linux", target_os = "macos", windows)))]
mod tests {
    use super::*;

    #[test]
    fn the_program_that_listens_is_named_and_a_free_port_has_none() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let holder = of(port).unwrap();
        assert_eq!(holder.process, std::process::id());
        assert!(holder.to_string().contains("tcp_classroom"), "{holder}");
        drop(socket);
        assert_eq!(of(port), None);
    }
}
