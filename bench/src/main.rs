//! `cargo xtask bench` runs this; it is Linux only and says so elsewhere.

#![allow(clippy::print_stderr, reason = "what it prints is its interface")]

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    bench::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!(
        "error: the benchmark needs Linux: it reads /proc, waits with epoll and pins to cores"
    );
    std::process::ExitCode::FAILURE
}
