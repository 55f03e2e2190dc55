//! The real binary under load while something around it breaks: no wrong response, no secret in its output, recovery
//! without help, and nothing lost.
//!
//! Each fault comes once; `FAULT_ROUNDS=20` makes it come twenty times in a row (`tests/scripts/faults 20`).

mod clock_and_resolver;
mod database;
mod disk;
mod load;
mod network;
mod process;
mod running;
mod scene;
mod stripe;

/// How often each fault comes.
fn rounds() -> usize {
    let rounds = std::env::var("FAULT_ROUNDS").ok();
    rounds.map_or(1, |rounds| {
        rounds.parse().expect("FAULT_ROUNDS is a number")
    })
}
