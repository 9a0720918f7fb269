//! The members of etcd, asked by its HTTP gateway: which one leads, and in which version.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Value, json};

use crate::classroom::TcpClient;

/// The first version whose leader, if it hung and goes on, revokes no leases that are in use:
/// "Fix leases wrongly revoked by the leader" in etcd's changelog. Before, the new primary may
/// lose its lease and the old one take it again, and what was confirmed between is lost.
const MENDED: [u32; 3] = [3, 5, 13];

/// Whether the installed etcd lets its leader hang without harm to others. Debian 12's does
/// not.
pub fn leader_may_hang() -> bool {
    let said = Command::new("etcd").arg("--version").output().expect("etcd").stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    let version = said.lines().find_map(|line| line.strip_prefix("etcd Version: "));
    let numbers: Vec<u32> =
        version.unwrap_or(&said).trim().split('.').map(|number| number.parse().unwrap()).collect();
    numbers.as_slice() >= MENDED.as_slice()
}

/// Has one of the members lead.
pub async fn make_leader(members: &[SocketAddr], member: usize) {
    let status = async |of: usize| post(members[of], "status", &json!({})).await;
    let target = status(member).await["header"]["member_id"].clone();
    for (number, address) in members.iter().enumerate() {
        let status = status(number).await;
        if status["leader"] == status["header"]["member_id"] && number != member {
            let order = json!({ "targetID": target });
            post(*address, "transfer-leadership", &order).await;
        }
    }
    assert_eq!(status(member).await["leader"], target);
}

async fn post(member: SocketAddr, path: &str, order: &Value) -> Value {
    let order = order.to_string();
    let length = order.len();
    let mut client = TcpClient::connect(member).await;
    let head = format!("POST /v3/maintenance/{path} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n");
    client.send(format!("{head}{order}").as_bytes()).await;
    let answer = client.rest().await;
    assert!(answer.contains(" 200 "), "{path}: {answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}
