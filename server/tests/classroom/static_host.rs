//! A plain web server beside the one under test.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use super::needs;

/// A plain web server: another origin than the server under test.
pub struct StaticHost {
    python: Child,
    /// As in `http://127.0.0.1:8000`.
    pub origin: String,
    /// Where the built page is, in a folder.
    pub address: String,
}

impl StaticHost {
    /// Serves the repository, or nothing where the test is skipped.
    pub fn start() -> Option<Self> {
        Self::serving(concat!(env!("CARGO_MANIFEST_DIR"), "/..").as_ref())
    }

    /// Serves a folder, or nothing where the test is skipped.
    pub fn serving(folder: &std::path::Path) -> Option<Self> {
        const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };
        if !needs::program(PYTHON, "--version") {
            return None;
        }
        let mut python = Command::new(PYTHON)
            .args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory"])
            .arg(folder)
            .arg("0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(python.stdout.take().expect("it is piped")).lines();
        let line = lines.next().expect("it says its port").expect("text");
        let (_, rest) = line.split_once(" port ").expect("its port");
        let port = rest.split(' ').next().expect("a number");
        let origin = format!("http://127.0.0.1:{port}");
        let address = format!("{origin}/dist/");
        Some(StaticHost { python, origin, address })
    }
}

impl Drop for StaticHost {
    fn drop(&mut self) {
        let _ = self.python.kill();
        let _ = self.python.wait();
    }
}
