//! Every case of `corpora/stripe_faults.json`: what Stripe, or the network to it, can do, and what the service then
//! answers, tries again, logs and counts.
//!
//! Each case has a service, a faulty Stripe and a log of its own, on a thread of its own.

mod allowance;
mod case;
mod judge;
mod scene;
mod special;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

use tokio::runtime;

use crate::harness::log::{self, Log};
use case::{Case, Corpus};
use scene::Scene;

/// Cases at a time. Most of them wait.
const AT_ONCE: usize = 16;

#[test]
fn every_fault_of_the_corpus_is_met_as_it_says() {
    let corpus: Corpus =
        serde_json::from_str(include_str!("../../corpora/stripe_faults.json")).expect("the corpus");
    let count = corpus.cases.len();
    let mut waiting = corpus.cases;
    // The last is taken first.
    waiting.sort_by_key(Case::duration);
    let waiting = Mutex::new(waiting);
    let failures = Mutex::new(Vec::new());
    thread::scope(|threads| {
        for _ in 0..AT_ONCE {
            threads.spawn(|| {
                let next = || waiting.lock().expect("nobody panics with it").pop();
                while let Some(case) = next() {
                    let label = format!("{}, {} ({})", case.id, case.name, case.why);
                    if let Err(problem) = hold(case) {
                        let failure = format!("{label}: {problem}");
                        failures
                            .lock()
                            .expect("nobody panics with it")
                            .push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("nobody panics with it");
    println!("{} of {count} fault cases hold", count - failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Plays the case; a claim that does not hold is the error.
fn hold(case: Case) -> Result<(), String> {
    for case in case.variants() {
        let log = Log::default();
        let play = || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime");
            log.record(|| runtime.block_on(play(&case, &log)));
        };
        catch_unwind(AssertUnwindSafe(play)).map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                .unwrap_or_else(|| "a panic without words".to_owned())
        })?;
    }
    Ok(())
}

async fn play(case: &Case, log: &Log) {
    if special::play(case, log).await {
        return;
    }
    assert!(case.is_ordinary(), "nothing plays what the case says");
    ordinary(case, log).await;
}

/// One caller asks once.
async fn ordinary(case: &Case, log: &Log) {
    let mut scene = Scene::set(case, log).await;
    if case.reuses_a_connection() {
        assert_eq!(scene.ask().await.0.status, 200);
    }
    scene.faulty.play(&case.upstream).await;
    let (answer, elapsed) = scene.ask().await;
    judge::answer(case, &answer, elapsed);

    let (attempts, calls) = (scene.faulty.attempts(), scene.faulty.calls());
    let expected = case.expect.attempts().expect("the case is ordinary");
    assert!(expected.contains(&attempts), "{attempts} tries");
    let first = calls.first();
    assert!(!case.reuses_a_connection() || first.is_some_and(|call| call.is_reused));
    let key = judge::tries(&calls, &scene.faulty.simulated.secret());
    let strangers = scene.faulty.hosts().into_iter();
    let strangers: Vec<_> = strangers.filter(|host| host != "localhost").collect();
    assert!(strangers.is_empty(), "{strangers:?} were looked up");
    assert_ne!(case.expect.evil_host_contacted, Some(true));

    let unavailable = scene.unavailable().await;
    let text = scene.end().await;
    judge::log(case, &text);
    let mut lines = log::lines(&text);
    lines.retain(|line| line["span"]["request_id"] == answer.request_id());
    judge::tries_in_the_log(&lines, attempts, key.as_deref());
    if answer.status == 502 {
        judge::cause(case, &lines, &calls, &unavailable);
    } else {
        assert!(unavailable.is_empty(), "{unavailable:?}");
    }
}
