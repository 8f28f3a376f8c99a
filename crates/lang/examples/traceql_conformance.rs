//! Runs a YAML file of TraceQL cases through the parser and the checker, and prints what differs.
//!
//! `cargo run -p throughline-lang --example traceql_conformance -- CASES.yaml [INVENTORY.json …]`
//!
//! The YAML file has lists `valid`, `parse_fails`, `validate_fails` and `unsupported`. A valid
//! query must be accepted, and print as text that parses to the same; every other must be refused.
//! A JSON file is a list of features, `rows[].pin`, each of which must at least parse. The exit
//! code is 1 when a case fails.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

use std::process::ExitCode;

use throughline_lang::traceql::{ErrorKind, compile, parse};

#[derive(serde::Deserialize)]
struct Cases {
    #[serde(default)]
    valid: Vec<String>,
    #[serde(default)]
    parse_fails: Vec<String>,
    #[serde(default)]
    validate_fails: Vec<String>,
    #[serde(default)]
    unsupported: Vec<String>,
}

#[derive(serde::Deserialize)]
struct Inventory {
    rows: Vec<Row>,
}

#[derive(serde::Deserialize)]
struct Row {
    pin: String,
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
}

impl Tally {
    fn count(&mut self, group: &str, case: &str, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(problem) => {
                self.failed += 1;
                println!("FAIL {group}: {case}\n     {problem}");
            }
        }
    }
}

fn accepted(case: &str) -> Result<(), String> {
    let query = compile(case).map_err(|error| error.to_string())?;
    let printed = query.to_string();
    match compile(&printed) {
        Ok(again) if again.to_string() == printed => Ok(()),
        Ok(again) => Err(format!("printed as {printed}, and that as {again}")),
        Err(error) => Err(format!("printed as {printed}, which is refused: {error}")),
    }
}

fn refused(case: &str, expected: Option<ErrorKind>) -> Result<(), String> {
    match (compile(case), expected) {
        (Ok(query), _) => Err(format!("accepted as {query}")),
        (Err(error), Some(kind)) if error.kind() != kind => {
            println!("note: refused as {:?}, not {kind:?}: {case}\n     {error}", error.kind());
            Ok(())
        }
        _ => Ok(()),
    }
}

fn run() -> Result<Tally, Box<dyn std::error::Error>> {
    let mut tally = Tally::default();
    let paths: Vec<_> = std::env::args().skip(1).collect();
    if paths.is_empty() {
        return Err("give the path of a YAML file of cases".into());
    }
    for path in paths {
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        if path.ends_with(".json") {
            let inventory: Inventory = serde_json::from_str(&text)?;
            for row in inventory.rows {
                let outcome = parse(&row.pin).map(drop).map_err(|error| error.to_string());
                tally.count("inventory", &row.pin, outcome);
            }
            continue;
        }
        let cases: Cases = serde_yaml_ng::from_str(&text)?;
        for case in &cases.valid {
            tally.count("valid", case, accepted(case));
        }
        for (group, cases, kind) in [
            ("parse_fails", &cases.parse_fails, Some(ErrorKind::Syntax)),
            ("validate_fails", &cases.validate_fails, Some(ErrorKind::Invalid)),
            ("unsupported", &cases.unsupported, None),
        ] {
            for case in cases {
                tally.count(group, case, refused(case, kind));
            }
        }
    }
    Ok(tally)
}

fn main() -> ExitCode {
    match run() {
        Ok(tally) => {
            println!("{} passed, {} failed", tally.passed, tally.failed);
            ExitCode::from(u8::from(tally.failed > 0))
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
