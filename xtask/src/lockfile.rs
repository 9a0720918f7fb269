//! What Cargo.lock says about the packages of the build. Judges nothing.

use anyhow::{Context as _, Result, bail};
use semver::Version;
use toml::de::DeTable;
use xshell::{Shell, cmd};

/// One `[[package]]`.
pub struct Package {
    pub name: String,
    pub version: Version,
    /// Absent when the package is a folder of this repository.
    pub source: Option<String>,
}

/// The packages of this repository's lock file.
pub fn read(shell: &Shell) -> Result<Vec<Package>> {
    packages(&shell.read_file("Cargo.lock")?)
}

/// The packages of a lock file.
///
/// # Errors
///
/// When it is not one. A package that cannot be read is never left out: the
/// audit would then be silent about it.
pub fn packages(lock: &str) -> Result<Vec<Package>> {
    let lock = DeTable::parse(lock).context("Cargo.lock is not TOML")?;
    let packages = lock
        .get_ref()
        .get("package")
        .and_then(|packages| packages.get_ref().as_array())
        .context("Cargo.lock lists no packages")?;
    packages
        .iter()
        .map(|package| {
            let field = |key| package.get_ref().get(key).and_then(|value| value.get_ref().as_str());
            let name = field("name").context("a package in Cargo.lock has no name")?;
            let version = field("version")
                .with_context(|| format!("package {name} in Cargo.lock has no version"))?;
            Ok(Package {
                name: name.to_owned(),
                version: Version::parse(version)
                    .with_context(|| format!("package {name} in Cargo.lock"))?,
                source: field("source").map(str::to_owned),
            })
        })
        .collect()
}

/// The one version of `name` in the lock file.
pub fn version_of(packages: &[Package], name: &str) -> Result<Version> {
    let mut versions =
        packages.iter().filter(|package| package.name == name).map(|package| &package.version);
    match (versions.next(), versions.next()) {
        (Some(version), None) => Ok(version.clone()),
        (None, _) => bail!("no {name} in Cargo.lock: does `web` still depend on it?"),
        (Some(_), Some(_)) => bail!("two versions of {name} in Cargo.lock: `cargo tree -d`"),
    }
}
/// The names of this repository's own packages. Asked of cargo, because folders
/// that only a dependency names are members too.
pub fn members(shell: &Shell) -> Result<Vec<String>> {
    let tree = cmd!(shell, "cargo tree --workspace --depth 0 --prefix none --format");
    let tree = tree.arg("{p}").quiet().read()?;
    // One a line, as in `protocol v0.1.0 (/folder)`.
    Ok(tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}
