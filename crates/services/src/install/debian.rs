//! Debian's packages, without the services that they would start.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::run;
use crate::process::are_root;

/// Asked by each package that is being installed whether its service may be started.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Installs packages; their services stay stopped.
pub(super) fn install(packages: &[&str]) -> anyhow::Result<()> {
    let packages_shown = packages.join(" ");
    ensure!(are_root()?, "only root can install it: `apt-get install {packages_shown}`");
    let hint = || format!("tried to install Debian's {packages_shown}");
    let _policy = NoServices::decree().with_context(hint)?;
    run(Command::new("apt-get").args(["update", "-qq"])).with_context(hint)?;
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages);
    run(install.env("DEBIAN_FRONTEND", "noninteractive")).with_context(hint)
}

/// While this is there no package starts its service.
struct NoServices {
    ours: bool,
}

impl NoServices {
    fn decree() -> anyhow::Result<Self> {
        if Path::new(POLICY).exists() {
            return Ok(Self { ours: false });
        }
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o755).open(POLICY);
        let mut file = file.with_context(|| format!("{POLICY} cannot be written"))?;
        file.write_all(b"#!/bin/sh\nexit 101\n")?;
        Ok(Self { ours: true })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours {
            // Nothing can be done about a failure here, and the file is harmless to the tests.
            std::fs::remove_file(POLICY).ok();
        }
    }
}
