//! The files in `deploy/` that a tool of the system can check.

use std::path::Path;
use std::process::Command;

use crate::classroom::needs;

const UNIT: &str = "tcp-classroom.service";

#[test]
fn systemd_finds_no_fault_in_the_unit() {
    let is_here = Command::new("systemd-analyze").arg("--version").output().is_ok();
    if !needs::privilege(is_here, "systemd-analyze is not installed") {
        return;
    }
    let deployed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(UNIT);
    let unit = std::fs::read_to_string(deployed).unwrap();
    let installed = "ExecStart=/usr/local/bin/tcp-classroom ";
    assert!(unit.contains(installed), "{unit}");
    // systemd asks for a program that is there.
    let built = format!("ExecStart={} ", env!("CARGO_BIN_EXE_tcp-classroom"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(UNIT);
    for (unit, is_right) in [
        (unit.replace(installed, &built), true),
        (unit.replace("ProtectSystem=strict", "ProtectSystem=strikt"), false),
    ] {
        std::fs::write(&path, unit).unwrap();
        let mut verify = Command::new("systemd-analyze");
        let output = verify.args(["verify", "--man=no"]).arg(&path).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        // It reads the computer's other units as well.
        let is_fine = output.status.success() && !said.contains(UNIT);
        assert_eq!(is_fine, is_right, "{said}");
    }
}
