//! Which cases of a corpus a test runs.

use std::env;

/// All cases, or those that the variable `CASE` names, separated by commas.
///
/// # Panics
/// If `CASE` names a case that the corpus does not have: a test that checks nothing must not pass.
pub(crate) fn selected<T>(cases: Vec<T>, id: impl Fn(&T) -> &str) -> Vec<T> {
    let Ok(names) = env::var("CASE") else {
        return cases;
    };
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    let selected: Vec<T> = cases
        .into_iter()
        .filter(|case| names.contains(&id(case)))
        .collect();
    assert_eq!(
        selected.len(),
        names.len(),
        "this corpus has each of {names:?}"
    );
    selected
}
