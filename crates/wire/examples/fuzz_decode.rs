//! Seeded fuzzing of the OTLP decoder against the generated types.
//!
//! `fuzz_decode [--seed N] [--iterations M] [--from K] [--smoke] [--canary]`
//!
//! Each iteration makes a request from the seed and its number, damages it, and decodes it with
//! both decoders: they must take or refuse it alike, with the same content, and what was taken
//! must come back through both encoders. `--smoke` is a short run for every check; `--canary`
//! breaks the bytes that our decoder sees and fails unless the harness notices; `--from` starts
//! at an iteration that failed before.

#![allow(missing_docs, dead_code, clippy::unwrap_used, clippy::print_stdout, reason = "a test program")]

#[path = "../tests/it/generate.rs"]
mod generate;
#[path = "../tests/it/mutate.rs"]
mod mutate;
#[path = "../tests/it/oracle.rs"]
mod oracle;

use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Context as _, bail};
use generate::{Generator, Taste};
use mutate::{mutate, reshape};
use oracle::{Agreement, actual, compare, compare_to};
use prost::Message as _;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use throughline_model::Signal;
use throughline_wire::otlp::{self, Encoding};

struct Options {
    seed: u64,
    from: u64,
    iterations: u64,
    canary: bool,
}

fn options() -> anyhow::Result<Options> {
    let mut options = Options { seed: 1, from: 0, iterations: 100_000, canary: false };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || -> anyhow::Result<u64> {
            let value = arguments.next().with_context(|| format!("{argument} needs a number"))?;
            value.parse().with_context(|| format!("{argument} {value}"))
        };
        match argument.as_str() {
            "--seed" => options.seed = number()?,
            "--iterations" => options.iterations = number()?,
            "--from" => options.from = number()?,
            "--smoke" => options.iterations = 3_000,
            "--canary" => options.canary = true,
            other => bail!("unknown argument {other:?}; see the head of this program's source"),
        }
    }
    Ok(options)
}

fn main() -> anyhow::Result<()> {
    let options = options()?;
    let (mut taken, mut refused, mut excused, mut json) = (0_u64, 0_u64, 0_u64, 0_u64);
    for iteration in options.from..options.from + options.iterations {
        let mut random = StdRng::seed_from_u64(options.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ iteration);
        let outcome = catch_unwind(AssertUnwindSafe(|| run(&mut random, options.canary)));
        match outcome {
            Ok(Ok(Outcome::Protobuf(Agreement::Taken))) => taken += 1,
            Ok(Ok(Outcome::Protobuf(Agreement::Refused))) => refused += 1,
            Ok(Ok(Outcome::Protobuf(Agreement::Excused))) => excused += 1,
            Ok(Ok(Outcome::Json)) => json += 1,
            Ok(Err(_)) if options.canary => {
                println!("canary: the fault was noticed at iteration {iteration}");
                return Ok(());
            }
            Ok(Err(difference)) => bail!("--seed {} --from {iteration}: {difference}", options.seed),
            Err(_) => bail!("--seed {} --from {iteration}: panic", options.seed),
        }
    }
    if options.canary {
        bail!("canary: nothing was noticed in {} iterations", options.iterations);
    }
    println!(
        "{} iterations, seed {}: {taken} taken alike, {refused} refused alike, {excused} differ as meant \
         (groups, nesting), {json} as JSON",
        options.iterations, options.seed
    );
    if options.iterations >= 1_000 && (taken == 0 || refused == 0 || json == 0) {
        bail!("the requests are not mixed enough to prove anything");
    }
    Ok(())
}

enum Outcome {
    Protobuf(Agreement),
    Json,
}

fn run(random: &mut StdRng, canary: bool) -> Result<Outcome, String> {
    let signal = Signal::ALL[random.random_range(0..3)];
    let (mut bytes, other) = (request(signal, random.random()), request(signal, random.random()));
    match random.random_range(0..20) {
        0 => bytes = (0..random.random_range(0..200)).map(|_| random.random()).collect(),
        1 => {}
        2..=4 => return damaged_json(random, signal, &bytes).map(|()| Outcome::Json),
        5..=10 => {
            for _ in 0..random.random_range(1..6) {
                bytes = reshape(random, &bytes);
            }
        }
        _ => mutate(random, &mut bytes, &other),
    }
    if canary && !bytes.is_empty() {
        let mut misread = bytes.clone();
        let at = random.random_range(0..misread.len());
        misread[at] ^= 1 << random.random_range(0..8);
        return compare_to(signal, &misread, &bytes).map(Outcome::Protobuf);
    }
    let agreement = compare(signal, &bytes)?;
    if agreement == Agreement::Taken {
        round_trip(signal, Encoding::Protobuf, &bytes)?;
    }
    Ok(Outcome::Protobuf(agreement))
}

fn request(signal: Signal, seed: u64) -> Vec<u8> {
    let mut generator = Generator::new(seed, Taste::Anything);
    match signal {
        Signal::Traces => generator.traces().encode_to_vec(),
        Signal::Logs => generator.logs().encode_to_vec(),
        Signal::Metrics => generator.metrics().encode_to_vec(),
    }
}

/// Damaged JSON must be refused, or taken and come back; the generated types are no oracle here,
/// they refuse requests that the specification allows.
fn damaged_json(random: &mut StdRng, signal: Signal, protobuf: &[u8]) -> Result<(), String> {
    let decoded = otlp::decode(signal, Encoding::Protobuf, protobuf).map_err(|error| error.to_string())?;
    let mut json = otlp::encode(signal, &decoded.batch, Encoding::Json).map_err(|error| error.to_string())?;
    let other =
        br#"[]{}":,null,{"intValue":"1"},{"stringValue":1e400},-1,18446744073709551616,"\ud800","values":[]"#;
    mutate(random, &mut json, other);
    round_trip(signal, Encoding::Json, &json)
}

fn round_trip(signal: Signal, encoding: Encoding, request: &[u8]) -> Result<(), String> {
    let Ok(decoded) = otlp::decode(signal, encoding, request) else { return Ok(()) };
    let before = actual(signal, &decoded).sorted_without_rejected();
    for encoding in [Encoding::Protobuf, Encoding::Json] {
        let again = otlp::encode(signal, &decoded.batch, encoding).map_err(|error| format!("{error:?}"))?;
        let again = match otlp::decode(signal, encoding, &again) {
            Ok(again) => actual(signal, &again).sorted_without_rejected(),
            // JSON cannot nest as deeply as protobuf.
            Err(error) if error.to_string().contains("recursion limit") => continue,
            Err(error) => return Err(format!("{encoding:?} of ours is refused: {error}")),
        };
        if again != before {
            return Err(format!("{encoding:?} changed {before:#?}\ninto {again:#?}"));
        }
    }
    Ok(())
}
