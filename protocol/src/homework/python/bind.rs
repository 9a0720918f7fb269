//! Where a file listens: the address and port of its `bind`, or of what binds for it.

/// The calls that say where a server listens.
pub(super) const CALLS: [&str; 6] =
    [".bind(", "start_server(", "create_server(", "TCPServer(", "ThreadingServer(", "Server(("];

/// How many characters behind such a call its address is looked for.
const REACH: usize = 160;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Bound {
    pub host: Option<String>,
    pub port: Option<u16>,
}

/// The first call that names a port.
pub(super) fn find(code: &str) -> Option<Bound> {
    CALLS
        .iter()
        .flat_map(|call| code.match_indices(call).map(|(at, call)| at + call.len()))
        .map(|at| arguments(code, at))
        .find(|bound| bound.port.is_some())
}

/// Reads the arguments behind the bracket at `at`: the first text is the host, the
/// first number from 1 to 65535 the port. Names are looked up among the file's
/// constants.
fn arguments(code: &str, at: usize) -> Bound {
    let mut bound = Bound::default();
    let arguments: String = code[at..].chars().take(REACH).collect();
    let mut depth = 1;
    let mut rest = arguments.as_str();
    while let Some(c) = rest.chars().next() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        let length = token(rest);
        let (found, behind) = rest.split_at(length);
        bound.take(found, code);
        rest = behind;
    }
    bound
}

impl Bound {
    fn take(&mut self, token: &str, code: &str) {
        let value = match token.chars().next() {
            Some(c) if c.is_alphabetic() || c == '_' => match constant(code, token) {
                Some(value) => value,
                None => return,
            },
            _ => token,
        };
        if let Some(text) = quoted(value) {
            self.host.get_or_insert_with(|| text.to_owned());
        } else if let Some(port) = value.parse::<u16>().ok().filter(|port| *port > 0) {
            self.port.get_or_insert(port);
        }
    }
}

/// The length of the text in quotes, the name or number, or the single character in
/// front.
fn token(text: &str) -> usize {
    let first = text.chars().next().expect("there is one");
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    match first {
        '\'' | '"' => text[1..].find(first).map_or(text.len(), |end| end + 2),
        c if word(c) => text.find(|c| !word(c)).unwrap_or(text.len()),
        c => c.len_utf8(),
    }
}

/// What a name stands for: `PORT = 9999`, also as one of several:
/// `HOST, PORT = '', 9999`.
fn constant<'a>(code: &'a str, name: &str) -> Option<&'a str> {
    code.lines().find_map(|line| {
        let (names, values) = line.split_once('=')?;
        let nth = names.split(',').position(|one| one.trim() == name)?;
        Some(values.split(',').nth(nth)?.trim().trim_matches(['(', ')']))
    })
}

fn quoted(value: &str) -> Option<&str> {
    let inner = value.strip_prefix(['\'', '"'])?;
    inner.strip_suffix(['\'', '"'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_found_however_they_are_written() {
        for (code, host, port) in [
            ("s.bind(('127.0.0.1', 9999))", Some("127.0.0.1"), Some(9999)),
            ("s.bind((\"\", 8000))", Some(""), Some(8000)),
            ("HOST = '0.0.0.0'\nPORT = 9001\ns.bind((HOST, PORT))", Some("0.0.0.0"), Some(9001)),
            ("HOST, PORT = 'localhost', 9002\ns.bind((HOST, PORT))", Some("localhost"), Some(9002)),
            ("addr = ('127.0.0.1', 9003)\ns.bind(addr)", None, None),
            ("asyncio.start_server(serve, '127.0.0.1', 9004)", Some("127.0.0.1"), Some(9004)),
            ("socketserver.ThreadingTCPServer(('', 9005), Handler)", Some(""), Some(9005)),
            ("s.bind((socket.gethostname(), 9006))", None, Some(9006)),
            ("s.bind(", None, None),
            ("print('bind')", None, None),
        ] {
            let bound = find(code).unwrap_or_default();
            assert_eq!((bound.host.as_deref(), bound.port), (host, port), "{code}");
        }
    }
}
