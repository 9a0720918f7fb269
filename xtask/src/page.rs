//! The pages: `web/` and `static/`, bundled by trunk into `dist/`, from where the
//! server's build embeds them. The student's page is `dist/` itself, another page a
//! folder in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use crate::beside::Other;
use crate::stamp::Stamp;
use crate::tools::{self, TRUNK, Tools, WASM};
use crate::{heading, lock, remap};

/// Where the pages are, a folder each.
const PAGES: &str = "web/pages";

/// The page at `/`, which trunk builds when it is called without arguments.
const FIRST_PAGE: &str = "student";

/// Builds all pages: `trunk build` with the tools in the right version, which are
/// returned.
///
/// # Errors
///
/// A tool or a page does not build.
pub fn build(shell: &Shell) -> Result<Tools> {
    build_beside(shell, |_| Ok(()))
}

/// Builds all pages. The tools are built while the pages' programs are compiled and then
/// `meanwhile` is done, which needs no page: a tool takes minutes, and its last crates
/// keep only one processor busy.
///
/// # Errors
///
/// A tool or a page does not build, or that of `meanwhile`.
pub fn build_beside(shell: &Shell, meanwhile: impl FnOnce(&Other) -> Result<()>) -> Result<Tools> {
    // Two trunks in one folder delete each other's files.
    let _lock = lock::take(&crate::target(shell).join("page.lock"), "building the page")?;
    let (tools, ()) = tools::ensure_beside(shell, |other| {
        compile(shell, other)?;
        meanwhile(other)
    })?;

    let (root, target) = (shell.current_dir(), crate::target(shell));
    let mut files = Files::new();
    for folder in shell.read_dir(PAGES)? {
        let Some(page) = folder.file_name().and_then(|name| name.to_str()) else { continue };
        let output = target.join("pages").join(page);
        let program = target.join(WASM).join("page").join(format!("{page}.wasm"));
        let given = ["Trunk.toml".into(), folder.clone(), "static".into(), program];
        let given = given.map(|path| root.join(path));
        Stamp::of(&given, TRUNK, output.with_extension("stamp"))?
            .unless_known(&output, || bundle(shell, &tools, page, &output))?;
        let place = if page == FIRST_PAGE { Path::new("") } else { page.as_ref() };
        files.extend(read_all(&output)?.into_iter().map(|(name, bytes)| (place.join(name), bytes)));
    }
    update(&root.join("dist"), &files)?;
    Ok(tools)
}

/// Compiles the programs of all pages, in one go. Trunk would have them built one after
/// the other, and linking, which optimises the whole program, uses one processor only.
fn compile(shell: &Shell, other: &Other) -> Result<()> {
    // Trunk builds offline, since its helpers are on PATH in the version we want. Cargo
    // under it is then offline too, hence what the page depends on is fetched before.
    other.run(cmd!(shell, "cargo fetch"))?;
    heading("the programs of the pages");
    let build = cmd!(shell, "cargo build --package web --bins --profile page --target {WASM}");
    other.run(build.envs(flags(shell)?))
}

/// Whether there are pages, of whatever age.
pub fn is_there(shell: &Shell) -> bool {
    shell.path_exists("dist/index.html")
}

/// More flags for the compiler than `.cargo/config.toml` has, to which cargo adds those
/// of this variable. They are separated by spaces: a path with one goes without.
pub fn flags(shell: &Shell) -> Result<Option<(&'static str, String)>> {
    let flags = remap::flags(shell)?.into_iter().filter(|flag| !flag.contains(' '));
    let flags = flags.collect::<Vec<_>>().join(" ");
    Ok((!flags.is_empty()).then_some(("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags)))
}

/// The bytes of files, by their paths in a folder.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Reads all files of a folder and of the folders in it.
pub fn read_all(folder: &Path) -> Result<Files> {
    let context = || format!("cannot read {}", folder.display());
    let mut files = Files::new();
    for entry in fs::read_dir(folder).with_context(context)? {
        let entry = entry.with_context(context)?;
        let name = PathBuf::from(entry.file_name());
        if entry.file_type().with_context(context)?.is_dir() {
            let inner = read_all(&entry.path())?;
            files.extend(inner.into_iter().map(|(path, bytes)| (name.join(path), bytes)));
        } else {
            files.insert(name, fs::read(entry.path()).with_context(context)?);
        }
    }
    Ok(files)
}

/// Makes a folder hold just these files. What is the same already is not touched:
/// cargo goes by the time of the last change, and would build the server and all its
/// tests anew.
pub fn update(folder: &Path, files: &Files) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let before = read_all(folder)?;
    for name in before.keys().filter(|name| !files.contains_key(*name)) {
        let path = folder.join(name);
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    for (name, bytes) in files.iter().filter(|(name, bytes)| before.get(*name) != Some(*bytes)) {
        let path = folder.join(name);
        path.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&path, bytes))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Builds one page into a folder.
fn bundle(shell: &Shell, tools: &Tools, page: &str, output: &Path) -> Result<()> {
    heading(&format!("the {page} page (trunk, release)"));
    // A build that failed leaves its half of a page there.
    shell.remove_path(output.join(".stage"))?;

    // The first page is what trunk builds without being told. Another one is served at
    // `/board`, its files are in `/board/`.
    let other = (page != FIRST_PAGE)
        .then(|| [format!("{PAGES}/{page}/index.html"), format!("--public-url={page}/")]);
    // Trunk 0.21 takes only `true` and `false` for an answer here, while every
    // other program, and every user, has `NO_COLOR=1`.
    let no_color = shell.var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let color = if no_color { "never" } else { "auto" };
    let trunk = &tools.trunk;
    let build =
        cmd!(shell, "{trunk} --color {color} --skip-version-check build --release --offline true")
            .args(other.iter().flatten())
            .arg("--dist")
            .arg(output)
            .env("PATH", tools.path()?)
            .envs(flags(shell)?)
            .envs(no_color.then_some(("CARGO_TERM_COLOR", color)))
            .env_remove("NO_COLOR");
    // Its log goes to stderr like all progress; under `run`, stdout is the server's.
    let built = Command::from(build).stdout(std::io::stderr()).status();
    if !built.with_context(|| format!("cannot start {}", trunk.display()))?.success() {
        bail!("the {page} page does not build; the reason is above");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_the_same_is_not_written_again() {
        let folder = crate::repository().unwrap().create_temp_dir().unwrap();
        let dist = folder.path().join("dist");
        let files = |files: &[(&str, &str)]| -> Files {
            files.iter().map(|(name, text)| (name.into(), text.as_bytes().to_vec())).collect()
        };
        let first = files(&[("index.html", "1"), ("page-1.js", "1"), ("board/index.html", "1")]);
        update(&dist, &first).unwrap();
        assert_eq!(read_all(&dist).unwrap(), first);

        let long_ago = std::time::SystemTime::UNIX_EPOCH;
        for name in ["index.html", "board/index.html"] {
            let file = fs::File::options().append(true).open(dist.join(name)).unwrap();
            file.set_modified(long_ago).unwrap();
        }
        let second = files(&[("index.html", "2"), ("page-2.js", "1"), ("board/index.html", "1")]);
        update(&dist, &second).unwrap();
        assert_eq!(read_all(&dist).unwrap(), second);
        let is_old = |name| fs::metadata(dist.join(name)).unwrap().modified().unwrap() == long_ago;
        assert!(is_old("board/index.html") && !is_old("index.html"));
    }
}
