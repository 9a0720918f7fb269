//! The notices that the licences of what is inside the program ask for: every
//! crate of the server and of the page with the texts it comes with, and what is
//! linked besides.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use spdx::{Expression, ParseMode};

use crate::platform::Platform;

/// What the page is compiled for.
const WASM: &str = "wasm32-unknown-unknown";

/// What files with a licence's text or a notice begin with, in capitals.
const FILES: [&str; 6] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];

/// Linked into the program without being a crate of the lock file.
const LINKED: &[(&str, &str, &str)] = &[
    ("", "The standard library of Rust", "MIT OR Apache-2.0, (c) The Rust Project Contributors"),
    ("", "SQLite", "in the public domain, sqlite.org/copyright.html"),
    ("musl", "musl libc", "MIT, (c) 2005-2020 Rich Felker, et al."),
    ("windows-gnu", "The runtime of mingw-w64", "ZPL-2.1 and public domain"),
    (
        "windows-gnu",
        "The runtime of GCC",
        "GPL-3.0-or-later WITH GCC-exception-3.1, which asks nothing of what is linked with it",
    ),
];

/// What the GNU Lesser General Public License asks to be said of a program that uses a
/// library under it (section 4).
const LESSER: &str = "\
The crates malachite are libraries under the GNU Lesser General Public License,\n\
version 3, and used by Python for the page. That licence and the GNU General Public\n\
License are below. The whole source of this program is open: to use it with another\n\
version of these libraries, change the version in Cargo.lock, or name your copy under\n\
[patch.crates-io] in Cargo.toml, and run `cargo xtask dist`.\n\n";

/// The text for a platform's program.
///
/// # Errors
///
/// Cargo does not tell the dependencies, or there is no text for a licence.
pub fn of_program(platform: &Platform) -> Result<String> {
    let mut crates = BTreeMap::new();
    for (root, target) in [("tcp-classroom", platform.target), ("web", WASM), ("python", WASM)] {
        let metadata = MetadataCommand::new()
            .other_options(["--filter-platform".to_owned(), target.to_owned()])
            .exec()
            .context("cargo does not tell what the program depends on")?;
        for package in dependencies(&metadata, root)? {
            crates.insert((package.name.to_string(), package.version.clone()), package);
        }
    }
    let mut text = "\
tcp-classroom is licensed under the MIT licence or the Apache licence 2.0, as you\n\
like. It contains the following, under these licences. Where there is a choice, all\n\
texts that come with the crate are below.\n\n"
        .to_owned();
    text.push_str(LESSER);
    for (target, name, licence) in LINKED {
        if platform.target.contains(target) {
            writeln!(text, "{name}: {licence}")?;
        }
    }
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in crates.values() {
        let name = format!("{} {}", package.name, package.version);
        let licence = package.license.as_deref().unwrap_or("see below");
        let home = package.repository.as_deref().unwrap_or_default();
        writeln!(text, "{name}: {licence}  {home}")?;
        for licence in texts_of(package)? {
            texts.entry(licence).or_default().insert(name.clone());
        }
    }
    for (licence, names) in texts {
        let names: Vec<_> = names.into_iter().collect();
        write!(text, "\n{}\n{}\n\n{licence}\n", "-".repeat(79), names.join(", "))?;
    }
    Ok(text)
}

/// What is linked into `root`: no tests' and no build scripts' dependencies, and
/// not this workspace's own crates.
fn dependencies(metadata: &Metadata, root: &str) -> Result<Vec<Package>> {
    let resolve = metadata.resolve.as_ref().context("cargo resolved nothing")?;
    let nodes: HashMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let is_root = |id: &&PackageId| metadata[*id].name.as_str() == root;
    let root = metadata.workspace_members.iter().find(is_root);
    let mut waiting = vec![root.context("the crate is no member of the workspace")?];
    let mut seen = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if !seen.insert(id) {
            continue;
        }
        let node = nodes.get(id).context("cargo named a crate that it did not resolve")?;
        let linked = node.deps.iter().filter(|dependency| {
            dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
        });
        waiting.extend(linked.map(|dependency| &dependency.pkg));
    }
    let foreign = seen.into_iter().filter(|id| !metadata.workspace_members.contains(id));
    Ok(foreign.map(|id| metadata[id].clone()).collect())
}

/// The licence files of a crate, or the texts of its licences if it has none.
fn texts_of(package: &Package) -> Result<Vec<String>> {
    let folder = package.manifest_path.parent().context("a manifest is in a folder")?;
    let mut texts = BTreeSet::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if path.is_file() && FILES.iter().any(|begin| name.starts_with(begin)) {
            texts.insert(read(&path)?);
        }
    }
    if let Some(file) = &package.license_file {
        texts.insert(read(folder.join(file).as_std_path())?);
    }
    if texts.is_empty() {
        let Some(licence) = &package.license else {
            bail!("{} says nothing of its licence", package.name);
        };
        let authors = package.authors.join(", ");
        texts.insert(standard_texts(licence, &authors).with_context(|| package.name.to_string())?);
    }
    Ok(texts.into_iter().collect())
}

fn standard_texts(licence: &str, authors: &str) -> Result<String> {
    // LAX: older crates write `MIT/Apache-2.0`.
    let expression = Expression::parse_mode(licence, ParseMode::LAX)?;
    let mut text = match authors {
        "" => String::new(),
        authors => format!("By {authors}.\n\n"),
    };
    for required in expression.requirements() {
        let Some(id) = required.req.license.id() else {
            bail!("{licence} is no licence that there is a text for");
        };
        writeln!(text, "{}\n", normal(id.text()))?;
    }
    Ok(text)
}

fn read(path: &Path) -> Result<String> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(normal(&String::from_utf8_lossy(&text)))
}

/// With the line ends of Unix and nothing at their ends, so that equal texts are
/// printed once.
fn normal(text: &str) -> String {
    let lines: Vec<_> = text.trim().lines().map(str::trim_end).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linked_is_named_and_what_only_tests_use_is_not() {
        let platform = Platform::of_target("x86_64-pc-windows-gnu").unwrap();
        let text = of_program(platform).unwrap();
        for name in ["tokio 1.", "wasm-bindgen 0.", "SQLite", "mingw-w64", "windows-sys 0."] {
            assert!(text.contains(name), "{name}");
        }
        // Both, since the lesser one is additional permissions to the other.
        for name in ["malachite-base 0.", "GNU LESSER GENERAL PUBLIC", "GNU GENERAL PUBLIC"] {
            assert!(text.contains(name), "{name}");
        }
        for name in ["fantoccini", "proptest", "musl libc", "tcp-classroom 0."] {
            assert!(!text.contains(&format!("\n{name}")), "{name}");
        }
    }

    #[test]
    fn a_crate_without_a_file_gets_the_texts_of_its_licences() {
        let texts = standard_texts("MIT/Apache-2.0", "A. Nobody").unwrap();
        for part in ["By A. Nobody", "Permission is hereby granted", "Apache License"] {
            assert!(texts.contains(part), "{part}");
        }
        assert!(standard_texts("LicenseRef-secret", "").is_err());
    }
}
