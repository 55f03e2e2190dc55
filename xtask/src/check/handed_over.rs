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
            Proof::Test("unknown_fields_are_refused_by_name"),
        ],
    ),
    (
        "examples of requests and responses",
        &[
            Proof::Check("EX-SCHEMA"),
            Proof::Check("POL-MESSAGE"),
            Proof::Test("every_error_example_is_what_the_server_answers"),
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
            "the_session_call_is_exactly_as_stripe_documents_it",
        )],
    ),
    (
        "what the SDK makes of each error",
        &[Proof::Test("every_documented_error_is_a_case_of_its_own")],
    ),
    (
        "the document that /openapi.yaml serves",
        &[Proof::Test("the_served_contract_is_the_committed_one")],
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
