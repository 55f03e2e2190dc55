//! Secrets in any file of the repository.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use regex::Regex;

use super::finding::Findings;

/// The form of our keys and of Stripe's secrets.
static SECRET: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(am_(?:live|test)_)([0-9A-Za-z]{36})\b|\b((?:sk|rk|ek)_(?:live_|test_|org_|org_live_|org_test_)|whsec_)([0-9A-Za-z]{16,})")
        .expect("a pattern")
});

/// How secrets begin; a file without any of these is not searched.
const BEGINNINGS: [&str; 6] = [
    "am_live_", "am_test_", "k_live_", "k_test_", "k_org_", "whsec_",
];

/// Random text has more different characters than this; made-up samples repeat a few, or count (`0123…`). In 16 random
/// characters of 62, fewer than 12 different ones are rarer than one in a thousand.
const FEW_CHARACTERS: usize = 11;

/// Adds a finding for each line that holds what looks like a real secret.
pub(crate) fn check(files: &BTreeMap<String, String>, found: &mut Findings<'_>) {
    let may_hold_one = |text: &str| BEGINNINGS.iter().any(|one| text.contains(one));
    for (file, text) in files.iter().filter(|(_, text)| may_hold_one(text)) {
        for (text, line) in text.lines().zip(1..) {
            if let Some(secret) = secret_in(text) {
                found.in_file("EX-SECRET", file, line).says("file", secret);
            }
        }
    }
}

/// The beginning of a secret in `text`, enough to find it and too little to use it.
fn secret_in(text: &str) -> Option<String> {
    let looks_real = |random: &str| {
        let pairs = random.as_bytes().windows(2);
        let counted = pairs.filter(|pair| pair[0].abs_diff(pair[1]) == 1).count();
        let different = random.chars().collect::<BTreeSet<_>>();
        different.len() > FEW_CHARACTERS && counted < random.len() / 2
    };
    SECRET.captures_iter(text).find_map(|secret| {
        let part = |ours, stripes| secret.get(ours).or(secret.get(stripes));
        let (prefix, random) = (part(1, 3)?.as_str(), part(2, 4)?.as_str());
        looks_real(random).then(|| format!("{prefix}{}…", &random[..2]))
    })
}
