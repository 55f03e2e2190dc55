//! How often a test repeats what takes long: seldom in every run, often in `tests/scripts`.

/// The number of `TEST_ROUNDS`, or this one.
pub(crate) fn rounds(few: usize) -> usize {
    let many = std::env::var("TEST_ROUNDS").ok();
    many.map_or(few, |rounds| {
        rounds.parse().expect("TEST_ROUNDS is a number")
    })
}
