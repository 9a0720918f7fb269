//! What people get who have no compiler: the program for every system that this
//! machine can build it for, in archives and Python wheels.
//!
//! Here the programs are built; the crate `packaging` puts them into files.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use crate::tools::cache_directory;
use crate::{heading, interpreter, lock, packages, page, program, remap, target};

/// A system that the program is built for.
struct Platform {
    /// As a person calls it.
    name: &'static str,
    target: &'static str,
    linker: Linker,
}

/// What links the program, and compiles the one C file in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Linker {
    /// This system's own.
    Native,
    /// zig, which brings musl for every processor; from Python's package index.
    Zig,
    /// mingw, as Debian packages it.
    Mingw,
}

/// What can be built here. Linux programs are static, with musl, so that they
/// start on every Linux; those for a Mac need Apple's SDK, hence a Mac.
const PLATFORMS: &[Platform] = if cfg!(target_os = "linux") {
    &[
        Platform { name: "Linux x86_64", target: "x86_64-unknown-linux-musl", linker: Linker::Zig },
        Platform {
            name: "Linux aarch64",
            target: "aarch64-unknown-linux-musl",
            linker: Linker::Zig,
        },
        Platform { name: "Windows x86_64", target: WINDOWS, linker: Linker::Mingw },
    ]
} else if cfg!(target_os = "macos") {
    &[
        Platform { name: "macOS arm64", target: "aarch64-apple-darwin", linker: Linker::Native },
        Platform { name: "macOS x86_64", target: "x86_64-apple-darwin", linker: Linker::Native },
    ]
} else {
    &[Platform { name: "Windows x86_64", target: "x86_64-pc-windows-msvc", linker: Linker::Native }]
};

/// Both on Python's package index, where zig is called `ziglang`. The newest of
/// November 2026.
const ZIG: &str = "0.17.1";
const ZIGBUILD: &str = "0.24.1";

/// The oldest macOS that the programs run on, and the wheels say so.
const MACOS: &str = "11.0";

/// Builds and packs everything this machine can. With `skip_missing` a system
/// whose linker is missing is left out, and said, instead of failing the command.
pub fn run(shell: &Shell, skip_missing: bool) -> Result<()> {
    let names: Vec<_> = PLATFORMS.iter().map(|platform| platform.name).collect();
    let elsewhere =
        if cfg!(target_os = "macos") { "others need Linux" } else { "macOS needs a Mac" };
    heading(&format!("for {}; {elsewhere}", names.join(", ")));
    let mut left_out = Vec::new();
    let mut builders = Vec::new();
    for platform in PLATFORMS {
        match Builder::ensure(shell, platform) {
            Ok(builder) => builders.push(builder),
            Err(error) if skip_missing => {
                left_out.push(format!("{}: {error:#}", platform.name));
            }
            Err(error) => {
                return Err(error.context(format!(
                    "cannot build for {} (`--skip-missing` goes on without it)",
                    platform.name
                )));
            }
        }
    }
    let tools = page::build(shell)?;
    interpreter::build(shell, &tools)?;
    let origin = Origin::of(shell)?;
    let mut programs = Vec::new();
    for builder in &builders {
        let program = builder.build(shell, &origin)?;
        let mut word = OsString::from(format!("{}=", builder.platform.target));
        word.push(&program);
        programs.push(word);
    }
    let folder = target(shell).join("packages");
    heading("archives and wheels");
    cmd!(shell, "cargo run --quiet --package packaging -- {folder} {programs...}")
        .env("SOURCE_DATE_EPOCH", &origin.seconds)
        .run()?;
    for missing in left_out {
        eprintln!("left out: {missing}");
    }
    Ok(())
}

/// What the tests under Wine are built for.
pub const WINDOWS: &str = "x86_64-pc-windows-gnu";

/// Builds the Windows program, unoptimised, for the tests.
pub fn windows_program(shell: &Shell) -> Result<PathBuf> {
    let target_name = WINDOWS;
    ensure_linker(shell, Linker::Mingw)?;
    ensure_target(shell, target_name)?;
    heading("the program for Windows (mingw)");
    cmd!(shell, "cargo build --package tcp-classroom --target {target_name}").run()?;
    Ok(target(shell).join(target_name).join("debug").join("tcp-classroom.exe"))
}

/// What the program is built from.
struct Origin {
    /// What `--version` says behind the name.
    version: String,
    /// When it was committed, in seconds since 1970: the time of every file in the
    /// packages, so that the same commit gives the same bytes.
    seconds: String,
}

impl Origin {
    fn of(shell: &Shell) -> Result<Self> {
        let version = env!("CARGO_PKG_VERSION");
        let git = |format: &str| {
            cmd!(shell, "git log -1 --abbrev=12 --date=short-local --format={format}")
                .env("TZ", "UTC")
                .quiet()
                .ignore_stderr()
                .read()
        };
        let Ok(commit) = git("%h %cd") else {
            eprintln!("no git repository here: --version names no commit");
            let seconds = shell.var("SOURCE_DATE_EPOCH").unwrap_or_else(|_| "0".to_owned());
            return Ok(Origin { version: version.to_owned(), seconds });
        };
        let changes = cmd!(shell, "git status --porcelain --untracked-files=no").quiet().read()?;
        let modified = if changes.is_empty() { "" } else { ", modified" };
        Ok(Origin { version: format!("{version} ({commit}{modified})"), seconds: git("%ct")? })
    }
}

/// A platform, and everything that building for it needs.
struct Builder {
    platform: &'static Platform,
    /// What comes before the rest of `PATH`.
    programs: Option<PathBuf>,
}

impl Builder {
    /// Finds or installs what is needed.
    fn ensure(shell: &Shell, platform: &'static Platform) -> Result<Self> {
        let programs = ensure_linker(shell, platform.linker)?;
        ensure_target(shell, platform.target)?;
        Ok(Builder { platform, programs })
    }

    /// The program, built.
    fn build(&self, shell: &Shell, origin: &Origin) -> Result<PathBuf> {
        let Platform { name, target: triple, linker } = self.platform;
        heading(&format!("the program for {name} ({triple}, up to ten minutes on two cores)"));
        let verb = if *linker == Linker::Zig { "zigbuild" } else { "build" };
        let mut command =
            cmd!(shell, "cargo {verb} --profile dist --package tcp-classroom --target {triple}")
                .env("TCP_CLASSROOM_VERSION", &origin.version)
                .env("CARGO_ENCODED_RUSTFLAGS", rustc_flags(shell, triple)?)
                .env("MACOSX_DEPLOYMENT_TARGET", MACOS);
        if let Some(programs) = &self.programs {
            let directories = std::iter::once(programs.clone()).chain(program::directories());
            let path = std::env::join_paths(directories).context("PATH cannot be extended")?;
            command = command.env("PATH", path);
        }
        command.run().with_context(|| format!("cannot build for {name}"))?;
        let suffix = if triple.contains("windows") { ".exe" } else { "" };
        Ok(target(shell).join(triple).join("dist").join(format!("tcp-classroom{suffix}")))
    }
}

/// What keeps the time and the folder of the build out of the program, so that the same
/// source gives the same bytes, and makes it need no other file on the target.
fn rustc_flags(shell: &Shell, triple: &str) -> Result<String> {
    let mut flags = Vec::from(remap::flags(shell)?);
    match triple {
        // Without it the linker writes the time into the program.
        "x86_64-pc-windows-gnu" => flags.push("-Clink-arg=-Wl,--no-insert-timestamp".to_owned()),
        // No Visual C++ runtime to be installed.
        "x86_64-pc-windows-msvc" => flags.push("-Ctarget-feature=+crt-static".to_owned()),
        _ => {}
    }
    // The separator that cargo wants, since a path may have spaces.
    Ok(flags.join("\u{1f}"))
}

/// Makes sure of a linker; returns the folder it is in, if that is not on `PATH`.
fn ensure_linker(shell: &Shell, linker: Linker) -> Result<Option<PathBuf>> {
    match linker {
        Linker::Native => Ok(None),
        Linker::Zig => zig(shell).map(Some),
        Linker::Mingw => {
            const MINGW: [&str; 1] = ["gcc-mingw-w64-x86-64"];
            if program::on_path("x86_64-w64-mingw32-gcc").is_none() {
                if !packages::can_install(shell)? {
                    bail!("mingw is missing; on Debian: {}", packages::by_hand(&MINGW));
                }
                packages::install(shell, &MINGW)?;
            }
            Ok(None)
        }
    }
}

/// The folder with zig and what makes cargo use it, in a virtual environment of
/// Python's in the user's cache.
fn zig(shell: &Shell) -> Result<PathBuf> {
    let cache = cache_directory()?;
    let environment = cache.join(format!("zig-{ZIG}-zigbuild-{ZIGBUILD}"));
    let bin = environment.join("bin");
    let is_there = || {
        program::in_directory(&bin, "cargo-zigbuild").and_then(|path| program::version(&path))
            == Some(ZIGBUILD.to_owned())
    };
    if is_there() {
        return Ok(bin);
    }
    let _lock = lock::take(&cache.join("zig.lock"), "installing zig")?;
    if is_there() {
        return Ok(bin);
    }
    ensure_python(shell)?;
    heading(&format!(
        "zig {ZIG} and cargo-zigbuild {ZIGBUILD}: link for any Linux; pip installs them into {}",
        environment.display()
    ));
    cmd!(shell, "python3 -m venv --clear {environment}").run()?;
    let python = bin.join("python");
    let (zig, zigbuild) = (format!("ziglang=={ZIG}"), format!("cargo-zigbuild=={ZIGBUILD}"));
    cmd!(shell, "{python} -m pip install --quiet --disable-pip-version-check {zig} {zigbuild}")
        .run()
        .context("pip cannot install zig (this once it needs the network)")?;
    if !is_there() {
        bail!("zig is installed but does not run here; delete {}", environment.display());
    }
    Ok(bin)
}

/// Debian keeps the virtual environments of its Python in a package of their own.
fn ensure_python(shell: &Shell) -> Result<()> {
    const PYTHON: [&str; 2] = ["python3", "python3-venv"];
    let works = cmd!(shell, "python3 -c").arg("import ensurepip, venv");
    if works.quiet().ignore_stderr().run().is_ok() {
        return Ok(());
    }
    if !packages::can_install(shell)? {
        bail!("Python with venv is missing; on Debian: {}", packages::by_hand(&PYTHON));
    }
    packages::install(shell, &PYTHON)
}

/// Makes sure of the standard library for a target.
fn ensure_target(shell: &Shell, triple: &str) -> Result<()> {
    let library = cmd!(shell, "rustc --print target-libdir --target {triple}").quiet().read()?;
    if Path::new(&library).exists() {
        return Ok(());
    }
    heading(&format!("the standard library for {triple} (rustup, a few seconds)"));
    cmd!(shell, "rustup target add {triple}").run().context("cannot add it (is the network up?)")
}
