//! strace's record of a program's calls that change a file, read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What is written down: all calls that change files, and the replies.
pub(super) const CALLS: &str = "trace=openat,pwrite64,write,fsync,fdatasync,ftruncate,rename,renameat,\
                     renameat2,link,linkat,unlink,unlinkat,sendto";

/// A call that changes a file or a folder, or a reply.
#[derive(Clone, Debug)]
pub(super) enum Call {
    /// A file that was not there.
    Create(PathBuf),
    Write(PathBuf, u64, Vec<u8>),
    Truncate(PathBuf, u64),
    /// Of a file or a folder.
    Sync(PathBuf),
    Rename(PathBuf, PathBuf),
    Unlink(PathBuf),
    /// A change that was confirmed: `nameN added!`.
    Confirmed(usize),
}

/// Reads strace's record of the calls in a folder.
pub(super) fn calls(trace: &str, folder: &Path) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut unfinished: HashMap<&str, &str> = HashMap::new();
    for line in trace.lines() {
        let Some((process, call)) = line.split_once(char::is_whitespace) else { continue };
        let call = call.trim_start();
        let whole;
        let call = if let Some(start) = call.strip_suffix(" <unfinished ...>") {
            unfinished.insert(process, start);
            continue;
        } else if let Some((_, end)) =
            call.strip_prefix("<... ").and_then(|c| c.split_once("resumed>"))
        {
            whole = format!("{}{end}", unfinished.remove(process).unwrap());
            &whole
        } else {
            call
        };
        let Some((call, result)) = call.rsplit_once(" = ") else { continue };
        if result.starts_with('-') {
            continue;
        }
        let (name, arguments) = call.trim_end().split_once('(').unwrap();
        calls.extend(parse(name, arguments, folder));
    }
    calls
}

fn parse(name: &str, arguments: &str, folder: &Path) -> Vec<Call> {
    // All strings are written as \x and two digits.
    let decoded = |hex: &str| -> Vec<u8> {
        let digits = hex.split("\\x").skip(1);
        digits.map(|pair| u8::from_str_radix(&pair[..2], 16).unwrap()).collect()
    };
    let strings =
        || -> Vec<Vec<u8>> { arguments.split('"').skip(1).step_by(2).map(decoded).collect() };
    // Of a descriptor strace shows the path behind it: `5</tmp/book>`.
    let descriptor = || -> Option<PathBuf> {
        let path = decoded(arguments.split_once('<')?.1.split_once('>')?.0);
        let path = String::from_utf8(path).ok()?;
        (!path.contains("(deleted)") && path.starts_with('/')).then(|| path.into())
    };
    let text = |bytes: &[u8]| PathBuf::from(String::from_utf8(bytes.to_vec()).unwrap());
    let last_number = || -> u64 {
        let number = arguments.trim_end_matches(')').rsplit(", ").next().unwrap();
        number.parse().unwrap()
    };
    let is_ours = |path: &Path| path.starts_with(folder);
    let call = match name {
        "openat" => {
            let path = text(&strings()[0]);
            arguments.contains("O_CREAT").then_some(Call::Create(path))
        }
        "pwrite64" => {
            descriptor().map(|path| Call::Write(path, last_number(), strings().remove(0)))
        }
        "ftruncate" => descriptor().map(|path| Call::Truncate(path, last_number())),
        "fsync" | "fdatasync" => descriptor().map(Call::Sync),
        "rename" | "renameat" | "renameat2" => {
            Some(Call::Rename(text(&strings()[0]), text(&strings()[1])))
        }
        "link" | "linkat" => panic!("the model knows no hard links"),
        "unlink" | "unlinkat" => Some(Call::Unlink(text(&strings()[0]))),
        "sendto" | "write" => {
            let sent = strings();
            let sent = String::from_utf8_lossy(sent.first().map_or(&[], Vec::as_slice));
            let confirmed = sent.lines().filter_map(|reply| reply.strip_suffix(" added!"));
            return confirmed.map(|name| Call::Confirmed(name[4..].parse().unwrap())).collect();
        }
        _ => None,
    };
    let concerns_us = |call: &Call| match call {
        Call::Create(path)
        | Call::Write(path, ..)
        | Call::Truncate(path, _)
        | Call::Unlink(path) => is_ours(path),
        Call::Sync(path) | Call::Rename(path, _) => is_ours(path),
        Call::Confirmed(_) => true,
    };
    call.into_iter().filter(concerns_us).collect()
}
