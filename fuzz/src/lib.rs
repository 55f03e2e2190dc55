//! Runs the fuzz targets of the server on stable Rust: seeds, changed in a few places, without regard to the code that
//! they reach. `cargo fuzz` runs the same targets under libFuzzer, which has that regard.

mod mutation;

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use billing_portal_server::fuzz_targets;
pub use billing_portal_server::fuzz_targets::{ALL, Target};

/// How long a run lasts.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// So many inputs.
    Inputs(u64),
    /// So long.
    Time(Duration),
}

/// Looks at the clock after so many inputs.
const BETWEEN_LOOKS: u64 = 256;

/// The seeds of a target: the files of its folder in `seeds` of this folder.
pub fn seeds(folder: &Path, name: &str) -> io::Result<Vec<Vec<u8>>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder.join("seeds").join(name))? {
        files.push(entry?.path());
    }
    // In the same order everywhere, so that a number means the same inputs.
    files.sort();
    files.into_iter().map(fs::read).collect()
}

/// Runs a target on the seeds and then on changed ones; `number` chooses which. Answers how many inputs it ran.
///
/// # Panics
/// As the target does, after the input is printed.
pub fn run((name, target): Target, seeds: &[Vec<u8>], number: u64, limit: Limit) -> u64 {
    assert!(!seeds.is_empty(), "{name} has no seeds");
    for seed in seeds {
        try_input(name, target, seed);
    }
    let mut mutator = mutation::Mutator::new(seeds, number);
    let began = Instant::now();
    let mut inputs = 0;
    let goes_on = |inputs: u64| match limit {
        Limit::Inputs(limit) => inputs < limit,
        Limit::Time(limit) => inputs % BETWEEN_LOOKS != 0 || began.elapsed() < limit,
    };
    while goes_on(inputs) {
        try_input(name, target, mutator.next());
        inputs += 1;
    }
    inputs + seeds.len() as u64
}

/// The return URLs that are accepted among so many inputs, each with its canonical form.
pub fn accepted_return_urls(
    seeds: &[Vec<u8>],
    number: u64,
    inputs: u64,
) -> impl Iterator<Item = (String, String)> {
    let mut mutator = mutation::Mutator::new(seeds, number);
    (0..inputs).filter_map(move |_| fuzz_targets::accepted_return_url(mutator.next()))
}

fn try_input(name: &str, target: fn(&[u8]), input: &[u8]) {
    // The target keeps nothing between two inputs.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        eprintln!("{name} fails for b\"{}\"", input.escape_ascii());
        resume_unwind(panic);
    }
}
