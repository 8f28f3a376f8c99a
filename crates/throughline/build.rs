//! Builds the web UI into the program, where Node is there.
//!
//! `THROUGHLINE_UI=skip` leaves it out; `THROUGHLINE_UI=DIR` takes a built one.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=THROUGHLINE_UI");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join("ui");
    let ui = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui");
    for watched in ["src", "public", "index.html", "package.json", "package-lock.json", "vite.config.ts"] {
        println!("cargo::rerun-if-changed={}", ui.join(watched).display());
    }
    let asked = std::env::var("THROUGHLINE_UI").unwrap_or_default();
    let built = match asked.as_str() {
        "skip" => Err("left out by THROUGHLINE_UI=skip".to_owned()),
        "" => build(&ui, &out),
        folder => copy(Path::new(folder), &out).map_err(|error| format!("{folder}: {error}")),
    };
    if let Err(reason) = built {
        println!("cargo::warning=the web UI is not in this program: {reason}");
        notice(&out, &reason);
    }
}

fn build(ui: &Path, out: &Path) -> Result<(), String> {
    let npm = |arguments: &[&str]| {
        let done = Command::new("npm").args(arguments).current_dir(ui).output();
        match done {
            Err(error) => Err(format!("npm cannot be started ({error}); install Node.js 20 or later")),
            Ok(done) if done.status.success() => Ok(()),
            Ok(done) => {
                let said = String::from_utf8_lossy(&done.stderr);
                let last: Vec<&str> = said.lines().rev().take(5).collect();
                Err(format!("npm {} failed: {}", arguments.join(" "), last.join(" | ")))
            }
        }
    };
    if !is_installed(ui) {
        npm(&["ci", "--no-audit", "--no-fund"])?;
    }
    let out = out.display().to_string();
    npm(&["run", "build", "--", "--outDir", &out, "--emptyOutDir"])
}

/// Whether `node_modules` is of this lock file.
fn is_installed(ui: &Path) -> bool {
    let modified = |path: &str| ui.join(path).metadata().and_then(|data| data.modified()).ok();
    match (modified("node_modules/.package-lock.json"), modified("package-lock.json")) {
        (Some(installed), Some(locked)) => installed >= locked,
        _ => false,
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn notice(out: &Path, reason: &str) {
    let page = format!(
        "<!doctype html><meta charset=utf-8><title>throughline</title>\
         <body style=\"font:16px system-ui;max-width:40em;margin:4em auto\">\
         <h1>The web UI is not in this program</h1><p>{reason}</p>\
         <p>Build it again with Node.js 20 or later on the path. Everything else works: the OTLP receivers, \
         the Tempo and Jaeger APIs, and <code>throughline search</code> and <code>throughline trace</code>.</p>"
    );
    let written = std::fs::create_dir_all(out).and_then(|()| std::fs::write(out.join("index.html"), page));
    if let Err(error) = written {
        println!("cargo::error=the notice in place of the web UI cannot be written: {error}");
    }
}
