//! CPU time of the current thread, in blocks.

use rustix::time::{ClockId, clock_gettime};

const BLOCKS: u32 = 300;
pub(crate) const ITERATIONS: u32 = 2_000;

fn thread_cpu_ns() -> i64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// Prints the least and the median cost of one of the `parts` of an iteration of `work`.
#[allow(dead_code, reason = "not every bench has no need to tidy up")]
pub(crate) fn measure(name: &str, parts: u32, work: impl FnMut()) {
    measure_tidily(name, parts, work, || {});
}

/// [`measure`] with something to be done after each block of [`ITERATIONS`], which does not
/// count. Returns the least.
pub(crate) fn measure_tidily(name: &str, parts: u32, mut work: impl FnMut(), mut tidy: impl FnMut()) -> f64 {
    let mut blocks: Vec<f64> = (0..BLOCKS)
        .map(|_| {
            let before = thread_cpu_ns();
            for _ in 0..ITERATIONS {
                work();
            }
            #[expect(clippy::cast_precision_loss, reason = "a block takes milliseconds")]
            let spent = (thread_cpu_ns() - before) as f64;
            tidy();
            spent / f64::from(ITERATIONS) / f64::from(parts)
        })
        .collect();
    blocks.sort_by(f64::total_cmp);
    let median = blocks[blocks.len() / 2];
    println!("{name:<44} {:>9.1} ns least {median:>9.1} ns median", blocks[0]);
    blocks[0]
}

/// Whether this is `cargo bench`, and not a test run that only wants to know that benches build.
pub(crate) fn asked() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}
