//! Every case of `corpora/stripe_faults.json`: a fault of Stripe or of the network to it, and what the service then
//! responds, retries, logs and counts. `CASE=limit-07 cargo nextest run faults` plays one case.
//!
//! Each case has a service, a faulty Stripe and a log of its own, on a thread of its own.

mod assertions;
mod case;
mod scenarios;
mod setup;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread;

use tokio::runtime;

use crate::harness::log::Log;
use billing_portal_tests::corpus;
use case::Case;

/// Cases that are played at the same time. Most of the time they wait.
const CASES_AT_ONCE: usize = 16;

#[test]
fn every_fault_of_the_corpus_has_its_documented_outcome() {
    let mut cases = corpus::selected(case::corpus(), |case| &case.id);
    let count = cases.len();
    // The last is taken first.
    cases.sort_by_key(Case::seconds);
    let (waiting, failures) = (Mutex::new(cases), Mutex::new(Vec::new()));
    thread::scope(|threads| {
        for _ in 0..CASES_AT_ONCE {
            threads.spawn(|| {
                // In a function of its own, so that the lock is not kept while the case is played.
                let next = || lock(&waiting).pop();
                while let Some(case) = next() {
                    if let Err(problem) = assert_case(&case) {
                        let Case { id, name, why, .. } = case;
                        lock(&failures).push(format!("{id}, {name} ({why}): {problem}"));
                    }
                }
            });
        }
    });
    let failures = lock(&failures);
    println!("{} of {count} fault cases hold", count - failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A thread that panics with the lock reports its own failure.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Plays each variant of the case; an assertion that fails is the error.
fn assert_case(case: &Case) -> Result<(), String> {
    for case in case.variants() {
        let log = Log::default();
        let play = || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime");
            log.record(|| runtime.block_on(scenarios::play(&case, &log)));
        };
        catch_unwind(AssertUnwindSafe(play)).map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                .unwrap_or_else(|| "a panic without a message".to_owned())
        })?;
    }
    Ok(())
}
