//! What poem-openapi cannot declare, and who proves it instead. Nothing is waived: a row names another check, or a test
//! by its name, and a test that is not there is a finding.

use std::collections::BTreeMap;

use super::finding::Finding;

/// Who proves what the server's document cannot say.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Proof {
    /// Findings of this id.
    Check(&'static str),
    /// A test in `tests/`, by the name of its function.
    Test(&'static str),
}

/// Each gap with its proofs.
pub(crate) const HANDED_OVER: &[(&str, &[Proof])] = &[
    (
        "additionalProperties: false (unknown fields are refused)",
        &[
            Proof::Check("DOC-CLOSED"),
            Proof::Test("all_problems_of_the_fields_are_named_at_once"),
        ],
    ),
    (
        "examples of requests and responses",
        &[
            Proof::Check("EX-SCHEMA"),
            Proof::Check("POL-MESSAGE"),
            Proof::Test("every_example_of_an_error_is_what_the_service_answers"),
        ],
    ),
    ("x-required-scopes", &[Proof::Check("POL-SCOPES")]),
    ("x-error-codes", &[Proof::Check("POL-CODES")]),
    (
        "x-extensible-enum (the open list of codes)",
        &[Proof::Check("POL-CODE-LIST")],
    ),
    (
        "root security (written at each operation)",
        &[Proof::Check("SRV-SECURITY")],
    ),
    (
        "shared headers and responses (references followed)",
        &[Proof::Check("SRV-HEADER")],
    ),
    (
        "the letter case of header names, charset=utf-8 of JSON",
        &[Proof::Check("LIVE-MEDIA-TYPE")],
    ),
    (
        "summaries, descriptions, titles",
        &[Proof::Check("VER-UNRELEASED"), Proof::Check("GEN-STALE")],
    ),
    (
        "statuses of the framework: 404 and 405",
        &[Proof::Check("POL-OUTSIDE"), Proof::Check("LIVE-UNSEEN")],
    ),
    (
        "what Stripe is sent",
        &[Proof::Test(
            "create_portal_session_sends_stripe_exactly_this",
        )],
    ),
    (
        "what the SDK makes of each error",
        &[Proof::Test("every_documented_error_is_a_case_of_its_own")],
    ),
    (
        "the document that /openapi.yaml serves",
        &[Proof::Test("the_contract_is_served_as_it_was_committed")],
    ),
];

/// A finding for each row whose test is not in `tests` (path -> source).
pub(crate) fn check(tests: &BTreeMap<String, String>) -> Vec<Finding> {
    let here = "xtask/src/check/handed_over.rs";
    let named = HANDED_OVER
        .iter()
        .flat_map(|(gap, proofs)| proofs.iter().map(move |proof| (gap, proof)));
    named
        .filter_map(|(gap, proof)| match proof {
            Proof::Test(name)
                if !tests
                    .values()
                    .any(|source| source.contains(&format!("fn {name}("))) =>
            {
                Some(
                    Finding::in_file("META-PROOF", here, 1)
                        .says("gap", *gap)
                        .says("missing test", *name),
                )
            }
            _ => None,
        })
        .collect()
}
