//! The rules of the house that no compiler checks: which crate may use which, sizes and names of
//! files, what must not be written in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::command::{command, output, root};

/// What each of our packages may depend on, of ours and, where it matters, of others.
const EDGES: &[(&str, &[&str])] = &[
    ("throughline-model", &[]),
    ("throughline-wire", &["model"]),
    ("throughline-lang", &[]),
    ("throughline-pipeline", &["model"]),
    ("throughline-transport", &["wire", "pipeline", "model"]),
    ("throughline-store", &["model"]),
    ("throughline-query", &["lang", "store", "model"]),
    ("throughline-api", &["query", "lang", "wire", "model"]),
    ("throughline-toolkit", &[]),
    (
        "throughline",
        &[
            "model",
            "wire",
            "lang",
            "pipeline",
            "transport",
            "store",
            "query",
            "api",
            "toolkit",
            "gateway",
            "ledger",
        ],
    ),
    ("gateway", &["toolkit"]),
    ("ledger", &["toolkit"]),
    ("throughline-testkit", &["model"]),
    ("throughline-services", &[]),
    ("toolkit-cost", &["toolkit"]),
    ("xtask", &["services"]),
];

/// Crates that must not know HTTP or gRPC servers.
const NO_SERVER: &[&str] = &["model", "wire", "lang", "pipeline", "store", "query"];

/// Most lines of code in a file, without tests, comments and blank lines.
const LINES_MAX: usize = 600;

const FORBIDDEN_STEMS: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc", "manager", "mod"];

/// Checks all rules and lists every breach.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut breaches = edges()?;
    for file in sources()? {
        check_file(&file, &mut breaches)?;
    }
    if breaches.is_empty() {
        println!("tidy: no breach");
        return Ok(());
    }
    breaches.sort();
    for breach in &breaches {
        println!("{breach}");
    }
    bail!("{} breaches of the house rules", breaches.len())
}

fn edges() -> anyhow::Result<Vec<String>> {
    let text =
        output(&mut command("cargo", &["metadata", "--format-version", "1", "--no-deps", "--offline"]))
            .or_else(|_| {
                output(&mut command("cargo", &["metadata", "--format-version", "1", "--no-deps"]))
            })?;
    let metadata: Value = serde_json::from_str(&text)?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let allowed: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let mut breaches = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(may) = allowed.get(name) else {
            breaches.push(format!("package {name}: not in the list of edges in xtask/src/tidy.rs"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let used = dependency["name"].as_str().unwrap_or_default();
            if dependency["kind"].as_str() == Some("dev") {
                continue;
            }
            let short = used.strip_prefix("throughline-").unwrap_or(used);
            if allowed.contains_key(used) && !may.contains(&short) {
                breaches.push(format!("package {name}: may not use {used}"));
            }
            let own = name.strip_prefix("throughline-").unwrap_or(name);
            if NO_SERVER.contains(&own) && ["axum", "tonic", "hyper", "reqwest"].contains(&used) {
                breaches.push(format!("package {name}: may not use {used}"));
            }
            if used.starts_with("datafusion") && own != "cluster" {
                breaches.push(format!("package {name}: only cluster may use {used}"));
            }
        }
    }
    Ok(breaches)
}

fn sources() -> anyhow::Result<Vec<PathBuf>> {
    let listed = output(&mut command("git", &["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    let kept = |path: &&str| {
        let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("rs" | "ts" | "tsx"))
    };
    Ok(listed.lines().filter(kept).map(PathBuf::from).collect())
}

fn check_file(path: &Path, breaches: &mut Vec<String>) -> anyhow::Result<()> {
    let shown = path.display();
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if FORBIDDEN_STEMS.contains(&stem) {
        breaches.push(format!("{shown}: no file is called {stem:?}: name what it holds"));
    }
    let Ok(text) = std::fs::read_to_string(root().join(path)) else { return Ok(()) };
    let is_test = path.components().any(|part| {
        matches!(part.as_os_str().to_str(), Some("tests" | "benches" | "e2e" | "examples" | "dev"))
    }) || stem == "tests"
        || stem.ends_with(".test");
    if !is_test {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = code.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
        let lines = lines.count();
        if lines > LINES_MAX {
            breaches.push(format!("{shown}: {lines} lines of code, at most {LINES_MAX}: is it one idea?"));
        }
    }
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        if line.trim_start().starts_with("#[ignore") {
            breaches.push(format!("{shown}:{number}: no ignored tests"));
        }
        if line.contains("unbounded_channel(") && !shown.to_string().starts_with("xtask") {
            breaches.push(format!("{shown}:{number}: every queue has a bound"));
        }
        if is_test
            && path.extension().is_some_and(|e| e == "rs")
            && line.contains("thread::sleep(")
            && !line.contains("// sleeps:")
        {
            breaches.push(format!(
                "{shown}:{number}: wait for a condition instead of sleeping (or say why: `// sleeps: reason`)"
            ));
        }
    }
    Ok(())
}
