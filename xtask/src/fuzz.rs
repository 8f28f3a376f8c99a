//! Seeded fuzzing of what reads bytes from outside.

use anyhow::bail;

use crate::command::cargo;

/// Runs one target.
pub(crate) fn run(target: &str, seed: u64, iterations: u64) -> anyhow::Result<()> {
    let (package, example) = match target {
        "otlp" => ("throughline-wire", "fuzz_decode"),
        "traceql" => ("throughline-lang", "fuzz_parse"),
        _ => bail!("no fuzz target {target:?}; there are: otlp, traceql"),
    };
    let (seed, iterations) = (seed.to_string(), iterations.to_string());
    cargo(&["run", "-p", package, "--example", example, "--", "--seed", &seed, "--iterations", &iterations])
}

/// A short run of every target, and of each one's canary, which must be caught.
pub(crate) fn smoke() -> anyhow::Result<()> {
    cargo(&["run", "--quiet", "-p", "throughline-wire", "--example", "fuzz_decode", "--", "--smoke"])
}
