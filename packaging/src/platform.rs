//! The systems there are packages for.

/// What a system's packages are called, and how they are packed.
#[derive(Debug)]
pub struct Platform {
    /// What Rust calls it.
    pub target: &'static str,
    /// What the archive's name calls it.
    pub name: &'static str,
    /// What Python calls it, the last part of a wheel's name. A wheel for both
    /// kinds of Linux has both names: the program is static and needs neither C
    /// library.
    pub wheel_tag: &'static str,
    pub format: Format,
}

/// What people on a system can unpack by a double click.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Keeps the permission to execute.
    TarGz,
    Zip,
}

/// `manylinux_2_17` is the oldest name that every pip in use knows, as
/// `manylinux2014`.
const PLATFORMS: &[Platform] = &[
    Platform {
        target: "x86_64-unknown-linux-musl",
        name: "linux-x86_64",
        wheel_tag: "manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64",
        format: Format::TarGz,
    },
    Platform {
        target: "aarch64-unknown-linux-musl",
        name: "linux-aarch64",
        wheel_tag: "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
        format: Format::TarGz,
    },
    Platform {
        target: "x86_64-pc-windows-gnu",
        name: "windows-x86_64",
        wheel_tag: "win_amd64",
        format: Format::Zip,
    },
    Platform {
        target: "x86_64-pc-windows-msvc",
        name: "windows-x86_64",
        wheel_tag: "win_amd64",
        format: Format::Zip,
    },
    Platform {
        target: "aarch64-apple-darwin",
        name: "macos-arm64",
        wheel_tag: "macosx_11_0_arm64",
        format: Format::TarGz,
    },
    Platform {
        target: "x86_64-apple-darwin",
        name: "macos-x86_64",
        wheel_tag: "macosx_11_0_x86_64",
        format: Format::TarGz,
    },
];

impl Platform {
    /// The platform that Rust calls `target`.
    pub fn of_target(target: &str) -> Option<&'static Platform> {
        PLATFORMS.iter().find(|platform| platform.target == target)
    }

    /// The name of the program's file.
    pub fn program(&self) -> &'static str {
        if self.is_windows() { "tcp-classroom.exe" } else { "tcp-classroom" }
    }

    pub fn is_windows(&self) -> bool {
        self.target.contains("windows")
    }
}
