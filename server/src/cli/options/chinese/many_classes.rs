//! The help on serving many classes in Chinese.

const DATABASE: &str = "同时给这个 PostgreSQL 数据库里的所有课堂上课，每个课堂有自己的网址；\n\
                        数据库地址写成 postgres://用户@主机/数据库。";
const ROOM_PORT: &str = "给数据库里的一个课堂单独一个端口，在这个端口上不用先发送 join。\n\
                         写成 代码=端口；可以给出多次，或用逗号隔开。";

/// Arguments and options by their ids, as in the table for all others.
pub(super) const MANY_CLASSES: &[(&str, &str, &str)] = &[
    ("serve.database", "地址", DATABASE),
    ("tcp-classroom.database", "地址", DATABASE),
    ("serve.room", "代码=端口", ROOM_PORT),
    ("tcp-classroom.room", "代码=端口", ROOM_PORT),
    (
        "trust_proxy",
        "地址",
        "服务器前面的负载均衡或代理的地址，\n它在 X-Forwarded-For 里说明客户端从哪里来。\n可以给出多次，或用逗号隔开。",
    ),
    (
        "proxy_protocol",
        "",
        "--trust-proxy 的负载均衡在每个原始 TCP 连接的开头\n\
         发送 PROXY 协议（版本 1 或 2）的头，说明客户端从哪里来。",
    ),
    (
        "drain",
        "时间",
        "收到停止信号以后再继续服务多久。这段时间里 /healthz 回答 503，\n\
         负载均衡就会把新的客户端送到别的服务器。",
    ),
    (
        "max_per_class",
        "个数",
        "这个服务器上一个课堂最多多少个会话，\n这样一个课堂占不满所有的位置。",
    ),
    (
        "archive_unused",
        "天数",
        "多少天没有使用的课堂自动归档：联系人都还在，\n用 room archive --reopen 可以重新开放。0 表示从不归档。",
    ),
    ("delete_archived", "天数", "归档多少天以后，连同联系人一起删除。0 表示从不删除。"),
];
