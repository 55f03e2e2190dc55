//! The fuzz targets, on the same inputs in each run. `tests/scripts/fuzz` runs them on others, and on many more.

use std::path::PathBuf;

use billing_portal_fuzz::{ALL, Limit, run, seeds};
use billing_portal_tests::workspace;

use crate::return_url;

/// Takes seconds without optimization.
const INPUTS: u64 = 50_000;

fn folder() -> PathBuf {
    workspace::root().join("fuzz")
}

fn run_named(name: &str, more: impl IntoIterator<Item = String>) {
    let target = ALL.into_iter().find(|(known, _)| *known == name);
    let target = target.expect("a target");
    let mut seeds = seeds(&folder(), name).expect("a folder of seeds");
    seeds.extend(more.into_iter().map(String::into_bytes));
    let inputs = run(target, &seeds, 1, Limit::Inputs(INPUTS));
    assert!(inputs > INPUTS, "the seeds, too");
}

#[test]
fn return_urls_are_accepted_only_on_a_listed_origin() {
    run_named("return_url", return_url::all());
}

#[test]
fn bodies_are_read_as_serde_reads_them_or_refused() {
    run_named("json_body", []);
}

#[test]
fn authorization_headers_hold_a_whole_key_or_none() {
    run_named("authorization", []);
}

#[test]
fn webhooks_are_followed_only_if_signed_and_with_valid_ids() {
    run_named("webhook", []);
}

#[test]
fn only_the_requested_session_is_accepted_whatever_stripe_responds() {
    run_named("stripe_response", []);
}

/// `cargo fuzz` is not run here, so that at least the lists agree.
#[test]
fn each_target_runs_under_libfuzzer_too() {
    let manifest = std::fs::read_to_string(folder().join("Cargo.toml")).expect("the manifest");
    for (name, _) in ALL {
        let file = format!("fuzz_targets/{name}.rs");
        let binary =
            format!("name = \"{name}\"\npath = \"{file}\"\nrequired-features = [\"libfuzzer\"]\n");
        assert!(manifest.contains(&binary), "{binary}");
        let text = std::fs::read_to_string(folder().join(&file)).expect("the file");
        let call = format!("fuzz_target!(|data: &[u8]| fuzz_targets::{name}(data));");
        assert!(text.contains(&call), "{file}");
    }
}
