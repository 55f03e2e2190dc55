//! What begins like an API key or a secret key of Stripe.

use super::spelling::Text;

/// How a secret key of Stripe begins, in lower case: a secret, a restricted and an ephemeral key. `pk_` is public.
pub(super) const STRIPE_KINDS: [&[u8]; 3] = [b"sk_", b"rk_", b"ek_"];
/// The words between the kind and the secret of Stripe's keys. An organization's keys begin with `sk_org_`, alone or before
/// a mode.
const STRIPE_WORDS: [&[u8]; 3] = [b"live_", b"test_", b"org_"];
/// Stripe's keys have at most so many words after the kind.
const MAX_WORDS: usize = 2;
/// How an API key of the service begins.
pub(super) const OUR_PREFIXES: [&[u8]; 2] = [b"am_live_", b"am_test_"];
/// So many letters and digits after a prefix are a secret even inside of a word: Stripe's shortest secrets have 24.
/// Fewer may be a name of the operator's, such as `network_live_1`.
const MIN_SECRET_INSIDE_WORD: usize = 16;
/// So many letters and digits, with a digit, are a secret also after words of Stripe's that are not known here: its
/// shortest secrets have as many. Fewer, or letters only, may be a name, such as `sk_team_bratislava`.
const MIN_SECRET_AFTER_UNKNOWN_WORDS: usize = 24;
/// The length of such a word. The modes and `sandbox` are within it.
const UNKNOWN_WORD_LENGTHS: std::ops::RangeInclusive<usize> = 2..=8;

/// Whether a key begins at `at`.
pub(super) fn is_key_at(text: &Text<'_>, at: usize) -> bool {
    let ours = OUR_PREFIXES.iter().find_map(|it| text.after(at, it));
    if let Some(rest) = ours {
        return has_secret(text, at, rest);
    }
    let stripes = STRIPE_KINDS.iter().find_map(|kind| text.after(at, kind));
    let Some(rest) = stripes else {
        return false;
    };
    let known_word = |at| STRIPE_WORDS.iter().find_map(|word| text.after(at, word));
    let after_words = after_words(rest, known_word);
    if after_words != rest {
        return has_secret(text, at, after_words);
    }
    !text.is_inside_word(at) && has_secret_after_unknown_words(text, rest)
}

/// Whether what stands at `rest`, after the known prefix at `at`, is a secret.
fn has_secret(text: &Text<'_>, at: usize, rest: usize) -> bool {
    let needed = if text.is_inside_word(at) {
        MIN_SECRET_INSIDE_WORD
    } else {
        1
    };
    text.secret_bytes(rest).take(needed).count() == needed
}

fn has_secret_after_unknown_words(text: &Text<'_>, at: usize) -> bool {
    let rest = after_words(at, |at| after_unknown_word(text, at));
    let secret = || text.secret_bytes(rest).take(MIN_SECRET_AFTER_UNKNOWN_WORDS);
    rest != at
        && secret().count() == MIN_SECRET_AFTER_UNKNOWN_WORDS
        && secret().any(|byte| byte.is_ascii_digit() || byte == b'*')
}

/// Where the text continues after up to [`MAX_WORDS`] words.
fn after_words(mut at: usize, after_word: impl Fn(usize) -> Option<usize>) -> usize {
    for _ in 0..MAX_WORDS {
        let Some(next) = after_word(at) else { break };
        at = next;
    }
    at
}

/// Where the text continues after a short word of letters and `_`.
fn after_unknown_word(text: &Text<'_>, mut at: usize) -> Option<usize> {
    for length in 0..=*UNKNOWN_WORD_LENGTHS.end() {
        let (byte, next) = text.decoded(at)?;
        if byte == b'_' {
            return UNKNOWN_WORD_LENGTHS.contains(&length).then_some(next);
        }
        if !byte.is_ascii_alphabetic() {
            return None;
        }
        at = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_key(text: &str, at: usize) -> bool {
        is_key_at(&Text::new(text.as_bytes(), false), at)
    }

    #[test]
    fn l5_every_kind_of_key_that_stripe_makes_is_a_secret() {
        let kinds = ["sk_", "rk_", "ek_", "SK_", "r%6B_"];
        let words = [
            "live_",
            "test_",
            "org_",
            "org_live_",
            "org_test_",
            "ORG_Live%5F",
        ];
        for prefix in kinds
            .iter()
            .flat_map(|kind| words.map(|words| format!("{kind}{words}")))
        {
            assert!(is_key(&format!("{prefix}5"), 0), "{prefix}");
            assert!(is_key(&format!("{prefix}****12"), 0), "{prefix}");
            assert!(!is_key(&prefix, 0), "{prefix} alone");
            let body = "51Habcdefghijklm";
            assert!(is_key(&format!("x{prefix}{body}"), 1), "{prefix} in a word");
            assert!(
                !is_key(&format!("x{prefix}{}", &body[1..]), 1),
                "{prefix} in a word"
            );
        }
    }

    #[test]
    fn l5_long_random_text_after_unknown_words_is_a_secret() {
        const BODY: &str = "51HabcdefghijklmNOPQRSTU";
        for prefix in ["sk_sandbox_", "rk_acct_live_", "ek_eu_", "sk_live_acct_"] {
            assert!(is_key(&format!("{prefix}{BODY}"), 0), "{prefix}");
        }
        #[rustfmt::skip]
        let rows = [
            (format!("sk_sandbox_{}", &BODY[1..]), "too short"),
            ("sk_team_bratislavaranapredmestie".to_owned(), "no digit"),
            (format!("sk_a_{BODY}"), "a letter is no word"),
            (format!("sk_extraordinary_{BODY}"), "a long word"),
            (format!("sk_1_{BODY}"), "not a word"),
            (format!("pk_sandbox_{BODY}"), "public"),
            (format!("pk_live_{BODY}"), "public"),
            (format!("am_org_{BODY}"), "not a prefix of ours"),
        ];
        for (text, why) in rows {
            assert!(!is_key(&text, 0), "{text}: {why}");
        }
        assert!(!is_key(&format!("desk_list_{BODY}"), 2), "inside of a word");
    }
}
