//! The dependencies against `deny.toml`: no package below a floor, none from
//! anywhere but the one registry, and, where cargo-deny is installed, everything else
//! that file asks for.
//!
//! The floors and the sources are checked here as well as by cargo-deny, because
//! this needs no network and no installation: it is what always runs. What only
//! cargo-deny knows is the advisory database and the licences.

use anyhow::{Context as _, Result, bail};
use semver::{Version, VersionReq};
use toml::de::{DeTable, DeValue};
use xshell::{Shell, cmd};

use crate::lockfile::{self, Package};

/// Checks the dependencies, as far as this machine can.
pub fn run(shell: &Shell) -> Result<()> {
    let packages = lockfile::read(shell)?;
    let floors = floors(&shell.read_file("deny.toml")?)?;
    let members = lockfile::members(shell)?;
    let found = findings(&packages, &floors, &members);
    if !found.is_empty() {
        bail!("the dependencies are not fit to ship:\n  {}", found.join("\n  "));
    }
    eprintln!(
        "{} packages against {} floors, and all from one registry or this repository: fine",
        packages.len(),
        floors.len()
    );
    cargo_deny(shell)
}

/// What cargo-deny can check here. Each part that cannot run is said.
fn cargo_deny(shell: &Shell) -> Result<()> {
    if cmd!(shell, "cargo deny --version").quiet().ignore_stdout().ignore_stderr().run().is_err() {
        eprintln!(
            "cargo-deny is not installed: advisories and licences not checked \
             (`cargo install cargo-deny` adds them)"
        );
        return Ok(());
    }
    cmd!(shell, "cargo deny check bans licenses sources").run()?;
    // By itself, so that «the database is out of reach» and «an advisory
    // applies» are two different failures.
    if cmd!(shell, "cargo deny fetch db").run().is_err() {
        eprintln!("the advisory database is out of reach: advisories not checked");
        return Ok(());
    }
    cmd!(shell, "cargo deny check advisories").run()?;
    Ok(())
}

/// An entry of `bans.deny` in `deny.toml`: the versions of a package that we do
/// not ship.
struct Floor {
    package: String,
    refused: VersionReq,
    reason: String,
}

impl Floor {
    /// A pre-release is as old as what it leads to; `semver` by itself would let
    /// `1.0.0-beta` pass below a floor of 1.1.
    fn refuses(&self, package: &Package) -> bool {
        let Version { major, minor, patch, .. } = package.version;
        self.package == package.name && self.refused.matches(&Version::new(major, minor, patch))
    }
}

/// The floors in the text of `deny.toml`, in each form that cargo-deny has for
/// them. One that cannot be read is an error: it must not drop out in silence.
fn floors(deny: &str) -> Result<Vec<Floor>> {
    let deny = DeTable::parse(deny).context("deny.toml is not TOML")?;
    let entries = deny
        .get_ref()
        .get("bans")
        .and_then(|bans| bans.get_ref().get("deny"))
        .and_then(|entries| entries.get_ref().as_array())
        .context("deny.toml has no list `deny` in [bans]")?;
    entries.iter().map(|entry| floor(entry.get_ref())).collect()
}

fn floor(entry: &DeValue<'_>) -> Result<Floor> {
    let field = |key| entry.get(key).and_then(|value| value.get_ref().as_str());
    let spec = entry
        .as_str()
        .or_else(|| field("crate"))
        .context("an entry of bans.deny in deny.toml names no `crate`")?;
    let (package, refused) = if let Some((package, refused)) = spec.split_once(':') {
        (package, refused.to_owned())
    } else if let Some((package, exact)) = spec.split_once('@') {
        (package, format!("={exact}"))
    } else {
        (spec, "*".to_owned())
    };
    Ok(Floor {
        package: package.to_owned(),
        refused: VersionReq::parse(&refused)
            .with_context(|| format!("`{spec}` in bans.deny of deny.toml"))?,
        reason: field("reason").unwrap_or_default().to_owned(),
    })
}

/// One line for each package that must not be shipped.
fn findings(packages: &[Package], floors: &[Floor], members: &[String]) -> Vec<String> {
    let below = packages.iter().flat_map(|package| {
        floors.iter().filter(|floor| floor.refuses(package)).map(move |floor| {
            let Package { name, version, .. } = package;
            format!(
                "{name} {version} is refused by deny.toml ({name} {}): {}; `cargo update -p {name}`",
                floor.refused, floor.reason
            )
        })
    });
    // Which registry that is cargo-deny says. Here it is enough that nothing
    // comes from a second one, or straight from a repository.
    let is_registry = |source: &&str| source.starts_with("registry+");
    let registry =
        packages.iter().filter_map(|package| package.source.as_deref()).find(is_registry);
    let foreign = packages.iter().filter_map(move |package| {
        let Package { name, version, source } = package;
        match source.as_deref() {
            Some(source) if Some(source) == registry => None,
            Some(source) => Some(format!("{name} {version} comes from {source}, not the registry")),
            None if members.contains(name) => None,
            None => Some(format!(
                "{name} {version} comes from a folder that is no member of this workspace"
            )),
        }
    });
    below.chain(foreign).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str = r#"
        [bans]
        deny = [
            { crate = "h2:<0.4.16", reason = "a flood" },
            { crate = "openssl" },
            "old@1.0.0",
        ]
    "#;

    fn check(lock: &str, expected: &[&str]) {
        let packages = lockfile::packages(lock).unwrap();
        let found = findings(&packages, &floors(DENY).unwrap(), &["web".to_owned()]);
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (finding, expected) in found.iter().zip(expected) {
            assert!(finding.contains(expected), "{finding} does not say: {expected}");
        }
    }

    fn package(name: &str, version: &str, source: &str) -> String {
        format!("[[package]]\nname = '{name}'\nversion = '{version}'\n{source}\n")
    }

    fn registry() -> String {
        "source = 'registry+https://example.com/index'".to_owned()
    }

    #[test]
    fn a_package_below_a_floor_is_refused_by_name_and_with_the_reason() {
        check(&package("h2", "0.4.15", &registry()), &["h2 0.4.15 is refused"]);
        check(&package("h2", "0.4.15", &registry()), &["a flood"]);
        check(&package("h2", "0.4.15-rc.1", &registry()), &["h2 0.4.15-rc.1"]);
        check(&package("h2", "0.4.16", &registry()), &[]);
        check(&package("h2", "1.0.0", &registry()), &[]);
    }

    #[test]
    fn of_two_versions_the_old_one_is_refused() {
        let lock = package("h2", "0.3.0", &registry()) + &package("h2", "0.4.20", &registry());
        check(&lock, &["h2 0.3.0"]);
    }

    #[test]
    fn a_package_may_be_refused_altogether_or_in_one_version() {
        check(&package("openssl", "9.9.9", &registry()), &["openssl 9.9.9"]);
        check(&package("old", "1.0.0", &registry()), &["old 1.0.0"]);
        check(&package("old", "1.0.1", &registry()), &[]);
    }

    #[test]
    fn only_one_registry_and_this_workspace_are_sources() {
        check(&package("web", "0.1.0", ""), &[]);
        check(&package("h2", "0.4.16", &registry()), &[]);
        check(&package("h2", "0.4.16", "source = 'git+https://example.com/h2#1'"), &["git+https"]);
        let second = package("tokio", "1.54.1", "source = 'registry+https://example.org/'");
        check(&(package("h2", "0.4.16", &registry()) + &second), &["tokio 1.54.1 comes from"]);
        check(&package("neighbour", "0.1.0", ""), &["neighbour 0.1.0 comes from a folder"]);
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_not_a_pass() {
        assert!(floors("[bans]\ndeny = [{ krate = 'h2:<1' }]").is_err());
        assert!(floors("[bans]\ndeny = ['h2:<one']").is_err());
        assert!(floors("[bans]").is_err());
        assert!(lockfile::packages("version = 4").is_err());
        assert!(lockfile::packages("[[package]]\nname = 'h2'").is_err());
    }

    #[test]
    fn the_floors_of_this_repository_can_be_read() {
        let floors = floors(include_str!("../../deny.toml")).unwrap();
        for package in ["tungstenite", "h2", "bytes", "tokio", "tracing-subscriber"] {
            assert!(floors.iter().any(|floor| floor.package == package), "no floor for {package}");
        }
    }
}
