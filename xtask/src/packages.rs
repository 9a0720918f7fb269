//! System packages that the tests need: which programs are missing, and how they
//! are installed. apt-get is run only where that asks no question (as root, or
//! with a sudo without password in CI); elsewhere the one line to type is said.

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use crate::{heading, program};

/// A program that tests start, and what it comes with.
pub struct Program {
    pub name: &'static str,
    /// Debian's package.
    package: &'static str,
    pub why: &'static str,
}

/// What native tests start besides the browser. `strace` exists on Linux only,
/// and the tests that use it are for Linux only.
pub const PROGRAMS: &[Program] = &[
    Program { name: "python3", package: "python3", why: "the lesson's clients" },
    #[cfg(unix)]
    Program { name: "nc", package: "netcat-openbsd", why: "the lesson by hand" },
    #[cfg(unix)]
    Program { name: "nginx", package: "nginx-light", why: "the class behind https" },
    // A part of nginx, which Debian has apart and others in the program.
    #[cfg(target_os = "linux")]
    Program { name: NGINX_STREAM, package: "libnginx-mod-stream", why: "a balancer" },
    #[cfg(unix)]
    Program { name: "openssl", package: "openssl", why: "a certificate for that" },
    #[cfg(target_os = "linux")]
    Program { name: "strace", package: "strace", why: "failing disks" },
    // The server itself is not on Debian's path; this comes with it.
    #[cfg(target_os = "linux")]
    Program { name: "pg_ctlcluster", package: "postgresql", why: "classes in a database" },
    Program { name: NPM, package: "npm", why: "fetches axe-core, the checker of accessibility" },
];

/// npm is a program everywhere but on Windows, where it is a script.
pub const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Installs the programs of [`PROGRAMS`] that are missing, and returns those that
/// are still missing because they cannot be installed without asking.
///
/// # Errors
///
/// apt-get was run and failed.
pub fn ensure(shell: &Shell) -> Result<Vec<&'static Program>> {
    let missing = || PROGRAMS.iter().filter(|program| !is_on_path(program.name)).collect();
    let before: Vec<&Program> = missing();
    let packages: Vec<&str> = before.iter().map(|program| program.package).collect();
    if !packages.is_empty() && can_install(shell)? {
        install(shell, &packages)?;
        return Ok(missing());
    }
    Ok(before)
}

/// The line that installs packages by hand.
pub fn by_hand(packages: &[&str]) -> String {
    format!("sudo apt-get install --no-install-recommends {}", packages.join(" "))
}

/// Says what is missing, why it is needed, and what installs it on Debian.
pub fn describe(missing: &[&Program]) -> String {
    let programs: Vec<_> =
        missing.iter().map(|program| format!("{} ({})", program.name, program.why)).collect();
    let packages: Vec<_> = missing.iter().map(|program| program.package).collect();
    format!("the tests need {}; on Debian: {}", programs.join(", "), by_hand(&packages))
}

/// nginx for raw TCP, as Debian has it.
const NGINX_STREAM: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";

fn is_on_path(name: &str) -> bool {
    // A whole path is itself, in whichever directory it is looked for.
    program::directories().iter().any(|directory| directory.join(name).is_file())
        || program::on_path(name).is_some()
        || (name == NGINX_STREAM && has_stream())
}

/// Whether nginx has `stream` in the program, which it says on stderr.
fn has_stream() -> bool {
    let told = std::process::Command::new("nginx").arg("-V").output();
    told.is_ok_and(|told| String::from_utf8_lossy(&told.stderr).contains("--with-stream "))
}

/// Whether packages can be installed without asking anything.
pub fn can_install(shell: &Shell) -> Result<bool> {
    Ok(program::on_path("apt-get").is_some() && privilege(shell)?.is_some())
}

/// Installs Debian packages.
///
/// # Errors
///
/// This user may not, or apt-get failed; its output says why.
pub fn install(shell: &Shell, packages: &[&str]) -> Result<()> {
    let Some(sudo) = privilege(shell)? else { bail!("run: {}", by_hand(packages)) };
    heading(&format!("apt-get installs what is missing: {}", packages.join(" ")));
    // A minute for another apt-get that is running, as on machines that update
    // themselves after they started.
    let apt: [&str; 5] =
        ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=60"];
    let words = [sudo, &apt].concat();
    let (first, rest) = words.split_first().expect("env is always there");
    cmd!(shell, "{first} {rest...} update").run()?;
    cmd!(shell, "{first} {rest...} install -y --no-install-recommends {packages...}")
        .run()
        .with_context(|| format!("cannot install them; try: {}", by_hand(packages)))
}

/// The words before a command that make it run as root, if that asks nothing.
fn privilege(shell: &Shell) -> Result<Option<&'static [&'static str]>> {
    if !cfg!(unix) {
        return Ok(None);
    }
    Ok(if cmd!(shell, "id -u").quiet().read()? == "0" {
        Some(&[])
    } else if std::env::var_os("CI").is_some() && program::on_path("sudo").is_some() {
        // -n: fail where it would ask for a password.
        Some(&["sudo", "-n"])
    } else {
        None
    })
}
