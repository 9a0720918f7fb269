//! The generator against servers in this process: the yardstick, and one that
//! gets it wrong.

#![cfg(target_os = "linux")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use bench::dialect::Dialect;
use bench::generator::{Generator, Span};
use bench::script::Script;
use bench::workload::{Workload, finds};

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

#[test]
fn a_round_against_the_yardstick_counts_every_exchange() {
    let (listener, address) = listen();
    // Its end is the yardstick's: dropped when this test is over, however.
    let (_parent, end) = UnixStream::pair().unwrap();
    thread::spawn(move || bench::yardstick::serve(&listener, end));

    for (dialect, pipeline) in [(Dialect::EchoedPacket, 1), (Dialect::EchoedLine, 16)] {
        let parts: Vec<_> = (0..5).map(|number| Workload::Mix.part(number, 0)).collect();
        let setup: Vec<_> =
            parts.iter().map(|part| Script::new(dialect, &part.setup, pipeline)).collect();
        let cycle: Vec<_> =
            parts.iter().map(|part| Script::new(dialect, &part.cycle, pipeline)).collect();
        let mut generator = Generator::connect(address, dialect, parts.len()).unwrap();

        let once = generator.run(&setup, Span::Once).unwrap();
        let said: usize = parts.iter().map(|part| part.setup.len()).sum();
        assert_eq!(once.exchanges, said as u64);

        let round = generator.run(&cycle, Span::For(Duration::from_millis(200))).unwrap();
        assert!(round.elapsed >= Duration::from_millis(200));
        assert_eq!(round.exchanges % pipeline as u64, 0);
        assert_eq!(round.latency.len(), round.exchanges / pipeline as u64);
        assert!(round.exchanges > 0);
        assert!(round.latency.value_at_quantile(0.5) > 0);
        assert_eq!(round.finds.is_empty(), pipeline > 1);
    }
}

/// A round of one connection against a server that answers every read so.
fn outcome(answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> String {
    let (listener, address) = listen();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("one comes");
        let mut chunk = [0; 1024];
        while let Ok(read @ 1..) = stream.read(&mut chunk) {
            let answer = answer(&chunk[..read]);
            if answer.is_empty() || stream.write_all(&answer).is_err() {
                return;
            }
        }
    });
    let script = Script::new(Dialect::EchoedPacket, &finds(10, 3, 1), 1);
    let mut generator = Generator::connect(address, Dialect::EchoedPacket, 1).expect("it listens");
    generator
        .run(&[script], Span::Once)
        .map_or_else(|error| error.to_string(), |round| format!("{} answers", round.exchanges))
}

#[test]
fn a_reply_that_is_wrong_too_long_or_missing_ends_the_round() {
    assert_eq!(outcome(|message| message.to_vec()), "3 answers");
    assert!(outcome(|message| message.to_ascii_uppercase()).contains("and not"));
    assert!(outcome(|message| [message, b"!"].concat()).contains("and not"));
    assert!(outcome(|_| Vec::new()).contains("closed"));
}
