//! Which cases of a corpus a test runs.

use std::env;

/// How many ids the message about an unknown case shows.
const SHOWN: usize = 8;

/// All cases, or those that the variable `CASE` names: one id, or several separated by commas.
///
/// # Panics
/// If `CASE` names a case that the corpus does not have: a test that checks nothing must not pass.
pub fn selected<T>(cases: Vec<T>, id: impl Fn(&T) -> &str) -> Vec<T> {
    match env::var("CASE") {
        Ok(names) if !names.trim().is_empty() => named(cases, id, names.trim()),
        _ => cases,
    }
}

fn named<T>(mut cases: Vec<T>, id: impl Fn(&T) -> &str, names: &str) -> Vec<T> {
    // An id may itself have a comma.
    let names: Vec<&str> = if cases.iter().any(|case| id(case) == names) {
        vec![names]
    } else {
        names.split(',').map(str::trim).collect()
    };
    for name in &names {
        if !cases.iter().any(|case| id(case) == *name) {
            let beginning = name.trim_end_matches(|char: char| char.is_ascii_digit());
            let near = |case: &&T| id(case).starts_with(beginning);
            let far = |case: &&T| !near(case);
            let ids = cases.iter().filter(near).chain(cases.iter().filter(far));
            let ids: Vec<&str> = ids.map(&id).take(SHOWN).collect();
            panic!(
                "CASE: no case is called {name:?} in this corpus of {}; it has {} …",
                cases.len(),
                ids.join(", ")
            );
        }
    }
    cases.retain(|case| names.contains(&id(case)));
    cases
}

#[cfg(test)]
mod tests {
    use super::named;

    const IDS: [&str; 4] = ["limit-07", "limit-08", "valid, mapped", "valid"];

    fn select(names: &str) -> Vec<&'static str> {
        named(IDS.to_vec(), |id| id, names)
    }

    #[test]
    fn one_or_several_cases_are_selected_by_their_ids() {
        assert_eq!(select("limit-08"), ["limit-08"]);
        assert_eq!(select("valid, limit-07"), ["limit-07", "valid"]);
        assert_eq!(select("valid, mapped"), ["valid, mapped"]);
    }

    #[test]
    #[should_panic(
        expected = "CASE: no case is called \"limit-99\" in this corpus of 4; it has limit-07, limit-08, valid, mapped, valid …"
    )]
    fn an_unknown_case_is_an_error_that_names_the_nearest() {
        select("limit-07,limit-99");
    }
}
