//! The SDK in a build where other crates have turned on every feature of reqwest. See `tests/`.
