//! The page: `web/` and `static/`, bundled by trunk into `dist/`, from where the
//! server's build embeds it.

use std::hash::{Hash as _, Hasher as _};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use xshell::{Shell, cmd};

use crate::release::Release;
use crate::slim::slim;
use crate::split::split;
use crate::tools::Tools;
use crate::{heading, turn};

/// How the page's program is compiled.
///
/// The first two leave out features of WebAssembly that we gain nothing from and
/// that school computers' browsers may lack: with them the page needs Chrome 96,
/// without them Chrome 88. It is a kilobyte smaller, too. The linker is told by
/// name which features there are, since the standard library claims to use all
/// of them, and what is claimed is what wasm-bindgen goes by.
///
/// The third has functions named for the types they are made for, so that
/// [`split`] knows whose they are.
const FLAGS: &str = "-Ctarget-feature=-reference-types,-multivalue \
    -Clink-arg=--features=bulk-memory,sign-ext,mutable-globals,nontrapping-fptoint \
    -Clink-arg=--no-check-features -Csymbol-mangling-version=v0";

/// The export through which the second part of the page's program is entered.
const DOOR: &str = "supplement";

/// The module that all of it is in.
const MODULE: &str = "web::supplement::";

/// Builds the page and says what it weighs.
pub fn build(shell: &Shell, tools: &Tools) -> Result<()> {
    // Two trunks in one `dist` delete each other's files.
    let _turn = turn::take(&crate::target(shell).join("page.lock"), "building the page")?;

    heading("the page (trunk, release)");
    // A build that failed leaves its half of a page there, for the server to embed.
    shell.remove_path("dist/.stage")?;

    // Trunk 0.21 takes only `true` and `false` for an answer here, while every
    // other program, and every user, has `NO_COLOR=1`.
    let no_color = shell.var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let color = if no_color { "never" } else { "auto" };
    let trunk = &tools.trunk;
    // Offline, since its helpers are on PATH in the version we want. Cargo under it
    // is then offline too, hence what the page depends on is fetched before.
    cmd!(shell, "cargo fetch").run()?;
    let release = Release::begin(shell)?;
    let build =
        cmd!(shell, "{trunk} --color {color} --skip-version-check build --release --offline true")
            .env("PATH", tools.path()?)
            .envs([release.env()])
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", FLAGS)
            .envs(no_color.then_some(("CARGO_TERM_COLOR", color)))
            .env_remove("NO_COLOR");
    // Its log goes to stderr like all progress; under `run`, stdout is the server's.
    let built = Command::from(build).stdout(std::io::stderr()).status();
    if !built.with_context(|| format!("cannot start {}", trunk.display()))?.success() {
        bail!("the page does not build; the reason is above");
    }

    let dist = shell.current_dir().join("dist");
    part(&dist)?;
    slim(&dist)?;
    join(&dist)?;
    seal(&dist)?;
    let weight = weigh(&dist)?;
    eprintln!("dist: {} files, {} bytes, {} gzipped", weight.files, weight.bytes, weight.gzipped);
    Ok(())
}

/// Cuts off what comes later: the program and the style sheet of the panels
/// beside the conversation. `static/start.js` finds both by their links.
fn part(dist: &Path) -> Result<()> {
    let path = dist.join("index.html");
    let mut page = std::fs::read_to_string(&path)?;
    for entry in dist.read_dir()? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with("_bg.wasm") {
            let whole = std::fs::read(entry.path())?;
            let parts =
                split(&whole, DOOR, MODULE).with_context(|| format!("cannot cut {name}"))?;
            std::fs::write(entry.path(), parts.first)?;
            std::fs::write(dist.join("supplement-.wasm"), parts.second)?;
            let link = "<link rel=\"later-program\" href=\"./supplement-.wasm\">\n</head>";
            page = page.replacen("</head>", link, 1);
        }
    }
    let begin = "<link rel=\"stylesheet\" href=\"./supplement-";
    ensure!(page.contains(begin), "trunk links style sheets in another way");
    page = page.replacen(begin, &begin.replace("stylesheet", "later-style"), 1);
    Ok(std::fs::write(path, page)?)
}

/// Makes one script of the loader and of what wasm-bindgen writes: the answer to
/// each request has half a kilobyte of headers. The loader also loads the
/// program, in five lines; wasm-bindgen's own way is for every kind of host.
fn join(dist: &Path) -> Result<()> {
    const GLUE: (&str, &str) = ("<link rel=\"modulepreload\" href=\"./", "\"");
    const LOADER: (&str, &str) = ("<script src=\"./", "\"");
    /// Where wasm-bindgen begins to load.
    const LOADING: &str = "let wasmModule, wasmInstance, wasm;";
    /// What of the loader waits for wasm-bindgen.
    const WAITING: (&str, &str) = ("import(link", ");\npage.catch");
    const LOADED: &str = "load(link(\"preload\"), __wbg_get_imports()).then((main) => {
  wasm = main;
  main.__wbindgen_start();
  return main;
}";

    let path = dist.join("index.html");
    let page = std::fs::read_to_string(&path)?;
    let between = |text: &str, (begin, end): (&str, &str)| {
        let start = text.find(begin)?;
        let inner = start + begin.len();
        let stop = inner + text[inner..].find(end)?;
        Some((start, inner, stop))
    };
    let (tag, inner, end) = between(&page, GLUE).context("trunk links scripts in another way")?;
    let glue = dist.join(&page[inner..end]);
    let mut joined = std::fs::read_to_string(&glue)?;
    joined.truncate(joined.find(LOADING).context("wasm-bindgen loads in another way")?);
    joined = joined.replace("export function", "function");

    let mut slimmer = page.clone();
    slimmer.replace_range(tag..page[end..].find('>').map_or(page.len(), |more| end + more + 1), "");
    let (_, inner, end) = between(&slimmer, LOADER).context("trunk starts in another way")?;
    let loader = dist.join(&slimmer[inner..end]);
    let text = std::fs::read_to_string(&loader)?;
    let (start, _, stop) = between(&text, WAITING).context("the loader waits in another way")?;
    joined += "let wasm;\n";
    joined += &text[..start];
    joined += LOADED;
    joined += &text[stop..];

    std::fs::remove_file(&glue)?;
    std::fs::write(&loader, joined)?;
    Ok(std::fs::write(path, slimmer)?)
}

/// Names each file for what is in it now: such a file is kept for good.
fn seal(dist: &Path) -> Result<()> {
    let path = dist.join("index.html");
    let mut page = std::fs::read_to_string(&path)?;
    for entry in dist.read_dir()? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some((stem, kind)) = name.rsplit_once('.').filter(|(_, kind)| *kind != "html") {
            let stem = stem.split('-').next().unwrap_or(stem);
            let mut hasher = std::hash::DefaultHasher::new();
            std::fs::read(&path)?.hash(&mut hasher);
            let sealed = format!("{stem}-{:016x}.{kind}", hasher.finish());
            page = page.replace(name, &sealed);
            std::fs::rename(&path, dist.join(sealed))?;
        }
    }
    Ok(std::fs::write(path, page)?)
}

/// What a first visit downloads, if it needs every file.
#[derive(Debug, Default, PartialEq)]
struct Weight {
    files: usize,
    bytes: usize,
    /// As a phone on the classroom's network gets it: browsers offer the better
    /// brotli over https only.
    gzipped: usize,
}

fn weigh(directory: &Path) -> Result<Weight> {
    let mut weight = Weight::default();
    for entry in directory.read_dir().with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            let inner = weigh(&path)?;
            weight.files += inner.files;
            weight.bytes += inner.bytes;
            weight.gzipped += inner.gzipped;
        } else {
            let content = std::fs::read(&path)?;
            let mut gzip = Vec::new();
            let options = zopfli::Options::default();
            zopfli::compress(options, zopfli::Format::Gzip, &*content, &mut gzip)?;
            weight.files += 1;
            weight.bytes += content.len();
            // What does not get smaller, such as a PNG, is sent as it is.
            weight.gzipped += gzip.len().min(content.len());
        }
    }
    Ok(weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_counts_and_none_for_more_than_it_is() {
        let shell = Shell::new().unwrap();
        let dist = shell.create_temp_dir().unwrap();
        shell.write_file(dist.path().join("index.html"), "again ".repeat(1_000)).unwrap();
        shell.write_file(dist.path().join("deep/er/a"), "a").unwrap();

        let weight = weigh(dist.path()).unwrap();
        assert_eq!((weight.files, weight.bytes), (2, 6_001));
        assert!(weight.gzipped < 100, "{weight:?}");
    }
}
