//! Arrival: a raw TCP connection that was accepted, before its client says anything.

use std::net::SocketAddr;

use tokio::net::TcpStream;

use crate::context::ServerContext;
use crate::language::localized;
use crate::transport::admission::Permit;
use crate::transport::proxied::{self, Unknown};
use crate::transport::refusal::{Refusal, refuse_raw_tcp};

/// A raw TCP connection that has a place.
pub(super) struct Arrival {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) permit: Permit,
}

impl Arrival {
    /// The connection as its client's, which has a place of its own: where a trusted balancer
    /// says so, the client behind it. None if the connection is refused or broken.
    pub(super) async fn of_client(mut self, server: &ServerContext) -> Option<Self> {
        let is_balancer = server.proxies.contains(&self.peer.ip().to_canonical());
        if !(server.proxy_protocol && is_balancer) {
            return Some(self);
        }
        let told = tokio::select! {
            told = proxied::client(&mut self.stream) => told,
            () = server.stop.cancelled() => return None,
        };
        let Arrival { stream, peer, permit } = self;
        let client = match told {
            Ok(Some(client)) => SocketAddr::new(client.ip().to_canonical(), client.port()),
            Ok(None) => return Some(Arrival { stream, peer, permit }),
            Err(Unknown::Ended) => return None,
            Err(Unknown::NoHeader) => {
                tracing::warn!(
                    "{}",
                    localized!(
                        "{peer} 是 --trust-proxy 里的地址，但没有发送 PROXY 协议的头；\
                         请在那里打开它（nginx：proxy_protocol on），或者去掉 --proxy-protocol",
                        "{peer} is named in --trust-proxy and sends no header of the PROXY \
                         protocol; switch it on there (nginx: proxy_protocol on), or leave out \
                         --proxy-protocol"
                    )
                );
                refuse_raw_tcp(stream, peer, Refusal::NoHeader).await;
                return None;
            }
        };
        match permit.admit_behind(client.ip()) {
            Ok(permit) => Some(Arrival { stream, peer: client, permit }),
            Err(refusal) => {
                refuse_raw_tcp(stream, client, refusal).await;
                None
            }
        }
    }
}
