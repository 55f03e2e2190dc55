//! What fuzzing calls: a function for each kind of input that others write. A function panics if the code under it
//! does, or if what must hold for every input does not hold.
//!
//! They are compiled only with the feature `fuzzing`, which no release has.

pub use crate::{
    auth::fuzz_target::target as authorization,
    portal::fuzz_target::target as json_body,
    return_url::fuzz_target::{accepted as accepted_return_url, target as return_url},
    stripe::fuzz_target::target as stripe_response,
    webhooks::fuzz_target::target as webhook,
};

/// The name of a target, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target. `fuzz/seeds` has a folder for each name.
pub const ALL: [Target; 5] = [
    ("return_url", return_url),
    ("json_body", json_body),
    ("authorization", authorization),
    ("webhook", webhook),
    ("stripe_response", stripe_response),
];
