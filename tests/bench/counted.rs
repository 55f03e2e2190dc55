//! Counts of instructions, what they depend on, and where results are kept.

use std::{collections::BTreeMap, path::PathBuf};

/// What a counted server is run with, so that the same work is the same instructions: one worker thread, so that no work
/// is stolen, and the C library's functions for every x86-64.
pub(crate) const ENVIRONMENT: [(&str, &str); 2] = [
    ("TOKIO_WORKER_THREADS", "1"),
    (
        "GLIBC_TUNABLES",
        "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX2,-AVX,-ERMS,-FSRM,-BMI1,-BMI2,-LZCNT,-MOVBE,-RTM,-SSE4_2,-SSSE3",
    ),
];

/// Instructions of a request, by its name.
pub(crate) type Counts = BTreeMap<String, f64>;

/// Where the results are kept.
pub(crate) fn folder() -> PathBuf {
    billing_portal_tests::workspace::root().join("tests/bench")
}
