//! The known name that a person probably meant by a mistyped one.

use strsim::osa_distance;

/// One letter in so many may differ, but no more than two letters: with more, names that other tools set would be near
/// to a setting, as `SERVICE_ACCOUNT` is to `STRIPE_ACCOUNT`.
const LETTERS_FOR_EACH_MISTAKE: usize = 4;
const MAX_MISTAKES: usize = 2;

/// The candidate with the fewest mistakes, if `word` is near to one, or begins it and lacks only its last words. Letter
/// case, `-` for `_` and the plural are not mistakes.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = plain(word);
    let most = (word.chars().count() / LETTERS_FOR_EACH_MISTAKE).clamp(1, MAX_MISTAKES);
    let mistakes = |candidate: &str| {
        let candidate = plain(candidate);
        let rest = candidate.strip_prefix(&word);
        if word.contains('_') && rest.is_some_and(|rest| rest.starts_with('_')) {
            return most;
        }
        osa_distance(&word, &candidate)
    };
    let candidates = candidates.into_iter();
    let near = candidates.map(|candidate| (mistakes(candidate), candidate));
    let (_, nearest) = near.filter(|(mistakes, _)| *mistakes <= most).min()?;
    Some(nearest)
}

fn plain(text: &str) -> String {
    let text = text.to_lowercase().replace('-', "_");
    let singular = |word: &str| match word.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => word.strip_suffix('s').unwrap_or(word).to_owned(),
    };
    let words: Vec<String> = text.split('_').map(singular).collect();
    words.join("_")
}
