//! What belongs to the server process and not to a class: its addresses, limits,
//! tasks, and the signal to stop. Connections of all classes share it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Limits;
use crate::host_names::HostNames;
use crate::join::JoinAddresses;

/// The process-wide state that every connection may read.
#[derive(Clone, Debug)]
pub(crate) struct ServerContext {
    /// Cancelled when the server stops.
    pub(crate) stop: CancellationToken,
    /// Cancelled when it has been told to stop, which it may do a while later.
    pub(crate) stopping: CancellationToken,
    /// Connections and conversations, awaited when the server stops.
    pub(crate) tasks: TaskTracker,
    pub(crate) limits: Limits,
    /// What these say of their clients' addresses is believed.
    pub(crate) proxies: Arc<[IpAddr]>,
    /// Whether they begin a raw TCP connection with a header that names its client.
    pub(crate) proxy_protocol: bool,
    /// Whether a proxy may pass on what browsers on other computers ask.
    pub(crate) is_behind_proxy: bool,
    /// The names and origins that are let in.
    pub(crate) hosts: HostNames,
    /// Where raw TCP clients connect.
    pub(crate) tcp: SocketAddr,
    /// Where programs in pages reach the lesson: there, too, or on a port of the class's
    /// own, so that they need not say first which class they mean.
    pub(crate) lesson: SocketAddr,
    /// Where browsers connect. Shared, because each raw TCP connection has it: 8
    /// bytes for each instead of 32.
    pub(crate) http: Arc<SocketAddr>,
    /// Where the page's Python will be once it is built.
    pub(crate) python: Option<PathBuf>,
    /// Whether a browser on this very computer is the teacher's. Not so where a computer
    /// serves many classes, whose requests a balancer on it may pass on.
    pub(crate) led_from_here: bool,
    /// How students reach this machine.
    pub(crate) join: Arc<JoinAddresses>,
}

impl ServerContext {
    /// Whether browsers on other computers reach this server, by themselves or by a proxy.
    pub(crate) fn is_on_network(&self) -> bool {
        self.is_behind_proxy || !self.http.ip().is_loopback()
    }

    /// The same for one class of many, whose page is in a folder, and which may have a
    /// port of its own.
    pub(crate) fn of_class(
        &self,
        folder: String,
        tcp: Option<SocketAddr>,
        lesson: SocketAddr,
    ) -> Self {
        let tcp = tcp.unwrap_or(self.tcp);
        let join = Arc::new(self.join.of_class(folder, tcp));
        ServerContext { join, tcp, lesson, ..self.clone() }
    }
}
