//! The target `webhook` under libFuzzer.

#![no_main]

use billing_portal_server::fuzz_targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_targets::webhook(data));
