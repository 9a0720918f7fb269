//! The transports: sockets, the accept loop, raw TCP and the WebSocket, and the one
//! conversation behind both. They move bytes and know no command.

pub(crate) mod accept;
pub(crate) mod admission;
mod bind;
pub(crate) mod bind_error;
mod chunk;
pub(crate) mod conversation;
mod frames;
pub(crate) mod heartbeat;
pub(crate) mod linger;
pub(crate) mod listen;
pub(crate) mod live;
mod outbox;
pub(crate) mod port_holder;
pub(crate) mod proxied;
pub(crate) mod rate_limit;
pub(crate) mod refusal;
pub(crate) mod tcp;
pub(crate) mod websocket;
pub(crate) mod wrong_port;
