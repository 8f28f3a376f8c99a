//! What the tests need beyond Rust and Node: installed when it is not there.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::command::{command, run, target};

/// Chromium, for the browser test. Debian's package where apt is; a path in `CHROMIUM` otherwise.
pub(crate) fn chromium() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("CHROMIUM") {
        return Ok(path.into());
    }
    let path = Path::new("/usr/bin/chromium");
    if !path.exists() {
        let hint = "the browser test needs Chromium: install it, or say where it is in CHROMIUM";
        let mut update = command("apt-get", &["update", "-qq"]);
        let mut install =
            command("apt-get", &["install", "-y", "-qq", "--no-install-recommends", "chromium"]);
        install.env("DEBIAN_FRONTEND", "noninteractive");
        run(&mut update).and_then(|()| run(&mut install)).context(hint)?;
        if !path.exists() {
            bail!("{hint}");
        }
    }
    Ok(path.to_path_buf())
}

/// A Python environment with the packages of `scripts/requirements.txt`; its interpreter.
pub(crate) fn python() -> anyhow::Result<PathBuf> {
    let folder = target().join("xtask/python");
    let interpreter = folder.join("bin/python");
    let wanted = std::fs::read_to_string(crate::command::root().join("scripts/requirements.txt"))?;
    let stamp = folder.join("requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(interpreter);
    }
    let shown = folder.display().to_string();
    run(&mut command("python3", &["-m", "venv", &shown]))?;
    let pip = folder.join("bin/pip").display().to_string();
    run(&mut command(
        &pip,
        &["install", "--quiet", "--disable-pip-version-check", "-r", "scripts/requirements.txt"],
    ))?;
    std::fs::write(stamp, wanted)?;
    Ok(interpreter)
}

/// The UI's packages, as its lock file says.
pub(crate) fn ui_packages() -> anyhow::Result<()> {
    run(&mut command("npm", &["ci", "--prefix", "ui", "--no-audit", "--no-fund"]))
}
