//! What is to be checked, as it is given on the command line.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::language::{Language, localized};

/// One server to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A running one.
    Address { host: String, port: u16 },
    /// The file of one that is to be started.
    File(PathBuf),
}

impl Target {
    /// What the words of the command line stand for: `HOST:PORT`, a port, a file, or a
    /// folder, which is all Python files in it. Shells on Windows leave `*.py` as it
    /// is.
    ///
    /// # Errors
    ///
    /// It is none of these.
    pub(super) fn all(words: &[String], language: Language) -> Result<Vec<Self>> {
        let mut targets = Vec::new();
        for word in words {
            let path = Path::new(word);
            if path.is_dir() {
                targets.extend(files(path, "", ".py"));
            } else if path.is_file() {
                targets.push(Target::File(path.to_owned()));
            } else if let Some(target) = address(word) {
                targets.push(target);
            } else if let Some((before, behind)) = pattern(path) {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                targets.extend(files(folder.unwrap_or(Path::new(".")), before, behind));
            } else {
                bail!(localized!(
                    in language;
                    "没有 {word} 这个文件；要检查已经启动的服务器，请写 主机:端口，例如 127.0.0.1:9999",
                    "there is no file {word}; to check a server that runs, give HOST:PORT, like \
                     127.0.0.1:9999"
                ));
            }
        }
        if targets.is_empty() {
            bail!(localized!(
                in language;
                "那里没有 Python 文件",
                "there is no Python file there"
            ));
        }
        Ok(targets)
    }

    /// What it is called in a report.
    pub(super) fn name(&self) -> String {
        match self {
            Target::Address { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Target::Address { host, port } => format!("{host}:{port}"),
            Target::File(path) => path.display().to_string(),
        }
    }
}

/// `9999`, `127.0.0.1:9999`, `[::1]:9999` or `localhost:9999`.
fn address(word: &str) -> Option<Target> {
    let (host, port) = word.rsplit_once(':').unwrap_or(("127.0.0.1", word));
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = port.parse().ok().filter(|port| *port > 0)?;
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    Some(Target::Address { host: host.to_owned(), port })
}

/// What stands before and behind the one `*` of a file's name.
fn pattern(path: &Path) -> Option<(&str, &str)> {
    path.file_name()?.to_str()?.split_once('*')
}

/// The files of a folder whose names begin and end so, in order.
fn files(folder: &Path, before: &str, behind: &str) -> Vec<Target> {
    let fits = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with(before) && name.ends_with(behind) && path.is_file()
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(fits).collect();
    paths.sort();
    paths.into_iter().map(Target::File).collect()
}

/// The address of a host, IPv4 first: the lesson's server listens there.
///
/// # Errors
///
/// The name has none.
pub(super) async fn resolve(host: &str, port: u16, language: Language) -> Result<SocketAddr> {
    if host == "localhost" {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok((address, port).into());
    }
    let found = tokio::net::lookup_host((host, port)).await;
    let mut addresses: Vec<_> = found.into_iter().flatten().collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    match addresses.first() {
        Some(address) => Ok(*address),
        None => bail!(localized!(
            in language;
            "找不到主机 {host}",
            "there is no host {host}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(word: &str) -> Option<String> {
        let targets = Target::all(&[word.to_owned()], Language::English).ok()?;
        Some(targets.iter().map(Target::name).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_port_an_address_or_a_file_is_checked() {
        for (word, name) in [
            ("9999", "127.0.0.1:9999"),
            (":9999", "127.0.0.1:9999"),
            ("localhost:9998", "localhost:9998"),
            ("192.168.1.5:80", "192.168.1.5:80"),
            ("[::1]:9999", "[::1]:9999"),
        ] {
            assert_eq!(target(word).as_deref(), Some(name), "{word}");
        }
        for word in ["", "0", "server.py", "host:", "host:70000", "no/such/*.py"] {
            assert_eq!(target(word), None, "{word}");
        }
    }

    #[test]
    fn a_folder_and_a_pattern_stand_for_their_python_files_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.py", "a.py", "c.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let shown = folder.path().display();
        let both = format!("{shown}/a.py {shown}/b.py").replace('/', std::path::MAIN_SEPARATOR_STR);
        assert_eq!(target(&shown.to_string()).unwrap(), both);
        let pattern = folder.path().join("*.py").display().to_string();
        assert_eq!(target(&pattern).unwrap(), both);
    }
}
