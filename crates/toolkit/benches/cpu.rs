//! CPU time of the current thread, in blocks.

use rustix::time::{ClockId, clock_gettime};

const BLOCKS: u32 = 300;
const ITERATIONS: u32 = 2_000;

/// How often work is done in one measurement.
#[allow(dead_code, reason = "not every bench counts what came of it")]
pub(crate) const ITERATIONS_IN_ALL: u64 = BLOCKS as u64 * ITERATIONS as u64;

fn thread_cpu_ns() -> i64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// Prints the least and the median cost of one of the `parts` of an iteration of `work`.
#[allow(dead_code, reason = "not every bench has work that leaves nothing behind")]
pub(crate) fn measure(name: &str, parts: u32, work: impl FnMut()) {
    blocks(name, parts, ITERATIONS, work, || {});
}

/// [`measure`] of work that leaves something behind: what `tidy` does after every `run` iterations,
/// and before the first, does not count. Returns the least cost.
#[allow(dead_code, reason = "not every bench has work that leaves something behind")]
pub(crate) fn measure_tidily(
    name: &str,
    parts: u32,
    run: u32,
    work: impl FnMut(),
    tidy: impl FnMut(),
) -> f64 {
    blocks(name, parts, run, work, tidy)
}

fn blocks(name: &str, parts: u32, run: u32, mut work: impl FnMut(), mut tidy: impl FnMut()) -> f64 {
    tidy();
    let mut block = || {
        let mut spent = 0;
        for _ in 0..ITERATIONS / run {
            let before = thread_cpu_ns();
            for _ in 0..run {
                work();
            }
            spent += thread_cpu_ns() - before;
            tidy();
        }
        #[expect(clippy::cast_precision_loss, reason = "a block takes milliseconds")]
        let spent = spent as f64;
        spent / f64::from(ITERATIONS) / f64::from(parts)
    };
    let mut blocks: Vec<f64> = (0..BLOCKS).map(|_| block()).collect();
    blocks.sort_by(f64::total_cmp);
    let median = blocks[blocks.len() / 2];
    println!("{name:<44} {:>9.1} ns least {median:>9.1} ns median", blocks[0]);
    blocks[0]
}

/// Whether this is `cargo bench`, and not a test run that only wants to know that benches build.
pub(crate) fn asked() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}
