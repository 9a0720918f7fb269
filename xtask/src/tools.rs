//! The two programs the page needs besides cargo, and the compile target it is
//! built for. Each tool is used from the user's cache, or from `PATH` in exactly
//! the right version, or built into the cache; never installed anywhere else.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use crate::beside::{self, Other};
use crate::{heading, lock, program};

/// 0.21.14 is the last version of trunk that our compiler builds: 0.22 asks for
/// a newer one than `rust-toolchain.toml` names.
pub const TRUNK: &str = "0.21.14";

/// What the page is compiled for.
pub const WASM: &str = "wasm32-unknown-unknown";

/// Where the tools are, once [`ensure`] found or built them.
pub struct Tools {
    pub trunk: PathBuf,
    pub test_runner: PathBuf,
    pub wasm_bindgen: PathBuf,
    /// Where the helpers of trunk are.
    helpers: PathBuf,
}

impl Tools {
    /// `PATH` for trunk, which looks up wasm-bindgen there: ours first, since
    /// another version would be refused.
    pub fn path(&self) -> Result<OsString> {
        let directories = std::iter::once(self.helpers.clone()).chain(program::directories());
        std::env::join_paths(directories).context("a directory on PATH cannot be written there")
    }
}

/// A crate that `cargo install` turns into programs.
struct Tool {
    name: &'static str,
    version: String,
    /// All of these must be there; the first one tells the version.
    programs: &'static [&'static str],
    install_flags: &'static [&'static str],
    why: &'static str,
    /// How long the build takes, measured on two cores.
    duration: &'static str,
}

impl Tool {
    fn root(&self, cache: &Path) -> PathBuf {
        cache.join(format!("{}-{}", self.name, self.version))
    }

    /// The directory with all of the tool's programs in the right version: in
    /// the cache or on `PATH`. Asks the cached ones too, since a home directory
    /// may be shared by machines that cannot run each other's programs, and
    /// since an interrupted install may have left the one and not the other.
    fn find(&self, cache: &Path) -> Option<PathBuf> {
        std::iter::once(self.root(cache).join("bin"))
            .chain(program::directories())
            .find(|directory| self.is_in(directory))
    }

    fn is_in(&self, directory: &Path) -> bool {
        let programs: Option<Vec<PathBuf>> =
            self.programs.iter().map(|name| program::in_directory(directory, name)).collect();
        programs.is_some_and(|programs| {
            program::version(&programs[0]).as_deref() == Some(self.version.as_str())
        })
    }

    /// Builds the tool into the cache.
    ///
    /// Without optimisation and debug information: so it takes a third of the
    /// time and builds the very same page, a little slower.
    fn install(&self, cache: &Path, other: &Other) -> Result<PathBuf> {
        let Self { name, version, .. } = self;
        let flags = self.install_flags;
        heading(&format!(
            "{name} {version}: {}; building it, once per user, {} on two cores",
            self.why, self.duration
        ));
        let shell = Shell::new()?;
        // Outside the repository, whose .cargo/config.toml is not meant for it.
        // rustup's choice of toolchain comes along in RUSTUP_TOOLCHAIN.
        shell.change_dir(cache);
        let root = self.root(cache);
        let install = cmd!(
            shell,
            "cargo install {name} --version {version} --debug {flags...} --root {root}"
        )
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        // Less code to generate, a tenth of the time: what the first two would find are
        // faults of the tools.
        .env("CARGO_PROFILE_DEV_DEBUG_ASSERTIONS", "false")
        .env("CARGO_PROFILE_DEV_OVERFLOW_CHECKS", "false")
        .env("CARGO_PROFILE_DEV_PANIC", "abort")
        .env("CARGO_PROFILE_DEV_CODEGEN_UNITS", "1")
        .env("CARGO_PROFILE_DEV_BUILD_OVERRIDE_CODEGEN_UNITS", "1")
        .env("CARGO_PROFILE_DEV_BUILD_OVERRIDE_DEBUG_ASSERTIONS", "false")
        .env("CARGO_PROFILE_DEV_BUILD_OVERRIDE_OVERFLOW_CHECKS", "false")
        // Two bars on one line: something else is compiled at the same time.
        .env("CARGO_TERM_PROGRESS_WHEN", "never")
        .env("CARGO_TARGET_DIR", build_directory(cache))
        // It would make them programs for another machine.
        .env_remove("CARGO_BUILD_TARGET");
        other.run(install).with_context(|| {
            format!(
                "cannot build {name} {version} (this once it needs the network; if that is up, put \
                 that version on PATH yourself)"
            )
        })?;

        let directory = root.join("bin");
        if !self.is_in(&directory) {
            bail!(
                "{name} {version} is installed but does not run here; delete {} and try again",
                root.display()
            );
        }
        Ok(directory)
    }
}

/// Finds or builds everything the page needs, while `meanwhile` is done.
///
/// # Errors
///
/// A tool does not build, or that of `meanwhile`; each ends the other.
pub fn ensure_beside<T>(
    shell: &Shell,
    meanwhile: impl FnOnce(&Other) -> Result<T>,
) -> Result<(Tools, T)> {
    ensure_wasm_target(shell)?;
    beside::both(|other| find_or_build(&crate::repository()?, other), meanwhile)
}

/// Finds or builds everything the page needs.
pub fn ensure(shell: &Shell) -> Result<Tools> {
    ensure_wasm_target(shell)?;
    find_or_build(shell, &Other::default())
}

fn find_or_build(shell: &Shell, other: &Other) -> Result<Tools> {
    let trunk = Tool {
        name: "trunk",
        version: TRUNK.to_owned(),
        programs: &["trunk"],
        // Its default features are an updater and TLS for downloads; we use neither.
        install_flags: &["--locked", "--no-default-features"],
        why: "bundles the page",
        duration: "about 3 minutes",
    };
    let wasm_bindgen = Tool {
        name: "wasm-bindgen-cli",
        // It refuses a page built with any other version of the library.
        version: locked_version(shell, "wasm-bindgen")?,
        programs: &["wasm-bindgen", "wasm-bindgen-test-runner"],
        // Not --locked: 0.2.130 does not build with the lock file it ships. The default
        // feature is TLS, for a browser on another machine.
        install_flags: &["--no-default-features"],
        why: "joins the page's WebAssembly to JavaScript",
        duration: "about 1 minute",
    };

    let cache = cache_directory()?;
    let [trunk, wasm_bindgen] = find_or_install(&cache, [trunk, wasm_bindgen], other)?;
    let program = |directory: &Path, name| {
        program::in_directory(directory, name)
            .with_context(|| format!("{name} has just vanished from {}", directory.display()))
    };
    Ok(Tools {
        trunk: program(&trunk, "trunk")?,
        test_runner: program(&wasm_bindgen, "wasm-bindgen-test-runner")?,
        wasm_bindgen: program(&wasm_bindgen, "wasm-bindgen")?,
        helpers: wasm_bindgen,
    })
}

/// Firefox's WebDriver server, found or built.
///
/// # Errors
///
/// It does not build, which needs the network once.
pub fn geckodriver() -> Result<PathBuf> {
    let geckodriver = Tool {
        name: "geckodriver",
        // The newest of November 2026.
        version: "0.37.1".to_owned(),
        programs: &["geckodriver"],
        install_flags: &["--locked"],
        why: "drives Firefox",
        duration: "45 seconds",
    };
    let [directory] = find_or_install(&cache_directory()?, [geckodriver], &Other::default())?;
    program::in_directory(&directory, "geckodriver").context("geckodriver has just vanished")
}

/// The version of a package in Cargo.lock.
fn locked_version(shell: &Shell, package: &str) -> Result<String> {
    // Printed as `registry+https://...#wasm-bindgen@0.2.130`.
    let id = cmd!(shell, "cargo pkgid --quiet {package}").quiet().read()?;
    let (_, version) = id.rsplit_once('@').with_context(|| format!("cannot read {id}"))?;
    Ok(version.to_owned())
}

/// The directory of each tool.
fn find_or_install<const N: usize>(
    cache: &Path,
    tools: [Tool; N],
    other: &Other,
) -> Result<[PathBuf; N]> {
    let mut directories = tools.each_ref().map(|tool| tool.find(cache));
    if directories.iter().any(Option::is_none) {
        // Until the end of this block, so that no other run deletes the build
        // directory of another xtask that is still using it.
        let _lock = lock::take(&cache.join("lock"), "building the tools")?;
        for (tool, directory) in tools.iter().zip(&mut directories) {
            // Again: another xtask may have built it while we waited.
            *directory = match tool.find(cache) {
                Some(found) => Some(found),
                None => Some(tool.install(cache, other)?),
            };
        }
        // 1.5 GB that are not needed any more.
        let build = build_directory(cache);
        if build.exists() {
            std::fs::remove_dir_all(&build)
                .with_context(|| format!("cannot delete {}", build.display()))?;
        }
    }
    Ok(directories.map(|directory| directory.expect("found, or installed above")))
}

/// Shared by the tools, which have many dependencies in common.
fn build_directory(cache: &Path) -> PathBuf {
    cache.join("build")
}

/// Where this user's tools are kept.
pub fn cache_directory() -> Result<PathBuf> {
    match std::env::var_os("TCP_CLASSROOM_CACHE").filter(|directory| !directory.is_empty()) {
        Some(directory) => Ok(std::path::absolute(directory)?),
        None => dirs::cache_dir()
            .map(|caches| caches.join("tcp-classroom"))
            .context("this user has no cache directory; name one in TCP_CLASSROOM_CACHE"),
    }
}

/// Adds the standard library for WebAssembly to the toolchain in use. rustup is
/// asked by name: not every rustup adds what `rust-toolchain.toml` lists.
///
/// # Errors
///
/// It is not there and cannot be had.
pub fn ensure_wasm_target(shell: &Shell) -> Result<()> {
    let library = cmd!(shell, "rustc --print target-libdir --target {WASM}").quiet().read()?;
    if Path::new(&library).exists() {
        return Ok(());
    }
    if program::on_path("rustup").is_none() {
        bail!(
            "this Rust cannot compile to WebAssembly, which the page is made of, and there is no \
             rustup to teach it; install rustup from https://rustup.rs, or your system's package \
             of the standard library for {WASM}"
        );
    }
    heading("the standard library for WebAssembly (rustup, a few seconds)");
    cmd!(shell, "rustup target add {WASM}").run().context("cannot add it (is the network up?)")
}

// Unix, because its tools are shell scripts.
#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_tool_counts_only_when_complete_and_in_the_right_version() {
        use std::fs::Permissions;
        use std::os::unix::fs::PermissionsExt as _;

        let shell = Shell::new().unwrap();
        let cache = shell.create_temp_dir().unwrap();
        let tool = Tool {
            name: "hammer",
            version: "1.2.3".to_owned(),
            programs: &["hammer-of-the-test", "nail-of-the-test"],
            install_flags: &[],
            why: "",
            duration: "",
        };
        let bin = cache.path().join("hammer-1.2.3/bin");
        let write = |name: &str, says: &str| {
            let path = bin.join(name);
            shell.write_file(&path, format!("#!/bin/sh\necho {says}\n")).unwrap();
            std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        };

        assert_eq!(tool.find(cache.path()), None, "nothing there");
        write("hammer-of-the-test", "hammer 1.2.3");
        assert_eq!(tool.find(cache.path()), None, "the second program is missing");
        write("nail-of-the-test", "nail 1.2.3");
        assert_eq!(tool.find(cache.path()), Some(bin.clone()));
        write("hammer-of-the-test", "hammer 1.2.4");
        assert_eq!(tool.find(cache.path()), None, "another version");
    }
}
