//! Everything that must pass, in the order in which faults are cheapest to find.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::command::{cargo, command, root, run, target};
use crate::services::Lease;
use crate::{install, tidy};

struct Step {
    name: &'static str,
    run: fn(&mut Held) -> anyhow::Result<()>,
}

/// What one step starts and later ones use, until the end of all.
#[derive(Default)]
struct Held {
    servers: Option<Lease>,
}

const STEPS: &[Step] = &[
    Step { name: "fmt", run: |_| cargo(&["fmt", "--all", "--check"]) },
    Step { name: "tidy", run: |_| tidy::run() },
    Step { name: "ui", run: |_| ui() },
    Step { name: "clippy", run: |_| clippy() },
    Step { name: "doc", run: |_| doc() },
    Step { name: "build", run: |_| build() },
    Step { name: "services", run: services },
    Step { name: "test", run: test },
    Step { name: "fuzz", run: |_| fuzz() },
    Step { name: "duckdb", run: |_| duckdb() },
    Step { name: "browser", run: |_| browser() },
    Step { name: "conformance", run: |_| conformance() },
];

/// Runs the steps whose names contain one of the words, or all; a table of times at the end.
fn run_steps(only: &[String]) -> anyhow::Result<Vec<(&'static str, Duration)>> {
    let mut times = Vec::new();
    let mut held = Held::default();
    for step in STEPS {
        if !only.is_empty() && !only.iter().any(|word| step.name.contains(word.as_str())) {
            continue;
        }
        println!("── {} ──", step.name);
        let started = Instant::now();
        (step.run)(&mut held)
            .with_context(|| format!("step {:?} of `cargo xtask check` failed", step.name))?;
        times.push((step.name, started.elapsed()));
    }
    Ok(times)
}

/// Runs the steps and says how long each took.
pub(crate) fn check(only: &[String]) -> anyhow::Result<()> {
    let times = run_steps(only)?;
    if times.is_empty() {
        let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        bail!("no step is called so; there are: {}", names.join(", "));
    }
    println!("── all steps passed ──");
    for (name, time) in &times {
        println!("{name:>12} {:6.1} s", time.as_secs_f64());
    }
    let total: Duration = times.iter().map(|(_, time)| *time).sum();
    println!("{:>12} {:6.1} s", "in all", total.as_secs_f64());
    println!("{} passed, 0 failed", times.len());
    Ok(())
}

fn clippy() -> anyhow::Result<()> {
    cargo(&["clippy", "--workspace", "--all-features", "--all-targets", "--", "-D", "warnings"])
}

fn doc() -> anyhow::Result<()> {
    let mut doc = command("cargo", &["doc", "--workspace", "--all-features", "--no-deps", "--quiet"]);
    run(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

fn build() -> anyhow::Result<()> {
    cargo(&["build", "--workspace", "--all-features", "--bins", "--examples"])
}

/// The servers that tests talk to. Those that this starts end with the check.
fn services(held: &mut Held) -> anyhow::Result<()> {
    if held.servers.is_none() {
        held.servers = Some(Lease::take()?);
    }
    Ok(())
}

/// All of cargo's tests, with the servers they talk to and a Python that has DuckDB, so that none
/// is left out.
fn test(held: &mut Held) -> anyhow::Result<()> {
    services(held)?;
    let python = install::python()?;
    let folder = python.parent().context("the Python environment has no folder")?;
    let path = std::env::var("PATH").unwrap_or_default();
    let mut test = command("cargo", &["test", "--workspace", "--all-features", "--no-fail-fast"]);
    test.env("PATH", format!("{}:{path}", folder.display())).env("THROUGHLINE_REQUIRE_DUCKDB", "1");
    run(&mut test)
}

fn ui() -> anyhow::Result<()> {
    install::ui_packages()?;
    for script in ["typecheck", "test"] {
        run(&mut command("npm", &["run", "--prefix", "ui", script]))?;
    }
    Ok(())
}

fn fuzz() -> anyhow::Result<()> {
    crate::fuzz::smoke()
}

/// SQL over the segments in place, by DuckDB.
fn duckdb() -> anyhow::Result<()> {
    let python = install::python()?.display().to_string();
    run(&mut command(&python, &["scripts/duckdb_test.py", &target().join("debug").display().to_string()]))
}

/// The UI in a real browser, on the real server.
fn browser() -> anyhow::Result<()> {
    let chromium = install::chromium()?;
    let server = crate::server::Server::start(&target().join("debug/throughline"))?;
    let mut test = command("npm", &["run", "--prefix", "ui", "e2e"]);
    test.env("CHROMIUM", chromium)
        .env("E2E_BASE_URL", server.url("ui")?)
        .env("OTLP_URL", server.url("otlp/http")?);
    run(&mut test)
}

fn conformance() -> anyhow::Result<()> {
    match std::env::var_os("THROUGHLINE_CONFORMANCE") {
        Some(data) => crate::conformance::run("all", data.as_ref()),
        None => {
            println!("not run: THROUGHLINE_CONFORMANCE names no folder of test data (see CONTRIBUTING.md)");
            debug_assert!(root().exists());
            Ok(())
        }
    }
}
