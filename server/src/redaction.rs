//! Replaces secrets in text that is about to be logged or printed.
//!
//! No code shows a secret on purpose, save a new key once. This is the last line of defence, for the day on which some
//! code does, and for people who put a secret where it does not belong: in a path, an id, another setting.

mod keys;
mod spelling;

use std::borrow::Cow;

use self::{keys::is_key_at, spelling::Text};

/// What takes the place of a secret. The secret's prefix is replaced too, so that secret scanners do not match it.
const REDACTED: &str = "[redacted]";

/// How the secret of a webhook endpoint begins.
const WEBHOOK_PREFIX: &[u8] = b"whsec_";
/// What every portal URL has in its path. The whole URL is a secret, also what stands before this.
const PORTAL_PATH: &[u8] = b"/p/session/";

/// The text without secrets, whether they are written plainly, in other letter case or percent-encoded.
///
/// One pass: each byte is looked at a bounded number of times.
pub(crate) fn redact(text: &str) -> Cow<'_, str> {
    redact_if_needed(text, false)
}

/// The same for the beginning of a longer text, in which the end of a secret may be missing.
pub(crate) fn redact_beginning(text: &str) -> Cow<'_, str> {
    redact_if_needed(text, true)
}

fn redact_if_needed(text: &str, is_cut: bool) -> Cow<'_, str> {
    if may_contain_secret(text.as_bytes()) {
        search(text, is_cut)
    } else {
        Cow::Borrowed(text)
    }
}

/// Apart, because the look at the values that need no search is faster without its code.
#[inline(never)]
fn search(text: &str, is_cut: bool) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let searched = Text::new(bytes, is_cut);
    let mut redacted: Option<String> = None;
    // `text[copied..]` is not in `redacted` yet; `word` is where the current word began.
    let (mut copied, mut word, mut at) = (0, 0, 0);
    while at < bytes.len() {
        let Some((from, to)) = secret_at(&searched, word, at) else {
            if is_boundary(bytes[at]) {
                word = at + 1;
            }
            at += 1;
            continue;
        };
        let output = redacted.get_or_insert_default();
        output.push_str(&text[copied..from]);
        output.push_str(REDACTED);
        (copied, word, at) = (to, to, to);
    }
    match redacted {
        None => Cow::Borrowed(text),
        Some(mut output) => {
            output.push_str(&text[copied..]);
            Cow::Owned(output)
        }
    }
}

/// Whether the search is worth its cost, which is ten times that of this look. Most values of a log line have no part of
/// a secret in them: no escape, no `_` after the last letter of a prefix, and no `/p/`.
fn may_contain_secret(bytes: &[u8]) -> bool {
    // Byte by byte: most texts are short, and have several of these signs, so that a vectorized search costs three times
    // as much.
    let mut before = [0; 2];
    bytes.iter().any(|byte| {
        let is_part = match byte {
            b'%' => true,
            b'_' => matches!(before[1], b'm' | b'k' | b'c' | b'M' | b'K' | b'C'),
            b'/' => before == *b"/p" || before == *b"/P",
            _ => false,
        };
        before = [before[1], *byte];
        is_part
    })
}

/// Whether the text contains a secret, in any of the spellings that [`redact`] knows.
pub(crate) fn contains_secret(text: &str) -> bool {
    matches!(redact(text), Cow::Owned(_))
}

/// The secret that is recognized at `at`, as a range of bytes. Both ends are next to ASCII, so they are character
/// boundaries.
fn secret_at(text: &Text<'_>, word: usize, at: usize) -> Option<(usize, usize)> {
    let bytes = text.bytes;
    // Most bytes begin no secret; this look is all that they cost.
    if !matches!(
        bytes[at].to_ascii_lowercase(),
        b'a' | b's' | b'r' | b'e' | b'w' | b'/' | b'%'
    ) {
        return None;
    }
    if is_key_at(text, at) {
        return Some((at, end_of(bytes, at, is_key_byte)));
    }
    let is_word_byte = |byte| !is_boundary(byte);
    let is_secret = |rest: usize| bytes.get(rest).is_some_and(u8::is_ascii_graphic);
    if text.after(at, WEBHOOK_PREFIX).is_some_and(is_secret) {
        return Some((at, end_of(bytes, at, is_word_byte)));
    }
    text.after(at, PORTAL_PATH)
        .map(|_| (word, end_of(bytes, at, is_word_byte)))
}

fn end_of(bytes: &[u8], at: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let length = bytes[at..].iter().position(|byte| !belongs(*byte));
    length.map_or(bytes.len(), |length| at + length)
}

/// What separates a URL or a webhook secret from its surroundings.
fn is_boundary(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == b'"'
}

/// What a key can consist of, also percent-encoded, and the asterisks with which Stripe abbreviates one.
fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'*' | b'%')
}

#[cfg(test)]
mod tests {
    use std::{hint::black_box, time::Duration};

    use proptest::prelude::*;

    use super::*;
    use crate::clock::Clock;

    #[test]
    fn c1_secrets_are_replaced_with_their_prefix_and_the_rest_stays() {
        #[rustfmt::skip]
        let rows = [
            ("sk_live_abc123", "[redacted]", "Stripe's secret"),
            ("key=am_test_0aZ;next", "key=[redacted];next", "an API key inside text"),
            ("RK_LIVE_ABC rest", "[redacted] rest", "letter case does not matter"),
            ("sk_org_live_51Habc rest", "[redacted] rest", "an organization's key"),
            ("/rk_org_51Habc/x", "/[redacted]/x", "an organization's key without a mode"),
            ("ek%5Ftest%5f51Habc", "[redacted]", "an ephemeral key"),
            ("sk_sandbox_51HabcdefghijklmNOPQRSTU", "[redacted]", "a key with a word that is not known yet"),
            ("sk_live_****1234", "[redacted]", "as Stripe abbreviates a key"),
            ("a whsec_x+/=y z", "a [redacted] z", "a webhook secret ends at white space"),
            ("to HTTPS://billing.stripe.com/p/session/live_x ok", "to [redacted] ok", "a whole portal URL"),
            ("/am%5Flive%5Fabc/x", "/[redacted]/x", "percent-encoded"),
            ("%61m_live_abc", "[redacted]", "any byte percent-encoded"),
            ("am%255flive%25255fabc", "[redacted]", "percent-encoded several times"),
            ("/am%25%35%46test%25%35%46abc x", "/[redacted] x", "with encoded digits"),
            ("%%36%31m%5%46live%%35Fabc x", "[redacted] x", "with one encoded digit"),
            ("whsec%25%32%35%35%46abc x", "[redacted] x", "encoded three times with encoded digits"),
            ("a%25%33%44sk%5Flive%25%35%46x", "a%25%33%44[redacted]", "after a character with encoded digits"),
            ("x/p%25%32%46session/secret y", "[redacted] y", "a portal URL with encoded digits"),
            ("x/p%2Fsession/secret y", "[redacted] y", "a portal URL percent-encoded"),
            ("am_live_a am_live_b", "[redacted] [redacted]", "several"),
            ("ü am_live_a ü", "ü [redacted] ü", "beside other characters"),
            ("spam_lively sky_test whsec /p/sessions", "spam_lively sky_test whsec /p/sessions", "what only resembles a secret stays"),
            ("network_live_1 team_test_eu", "network_live_1 team_test_eu", "an operator's own names stay"),
            ("sky_test task_org_chart desk_live_chat week_test_1", "sky_test task_org_chart desk_live_chat week_test_1", "more of them"),
            ("acct_1032D82eZvKYlo2C cus_NffrFeUfNV2Hib bps_1MrHNcLkdIwHu7ix req_Ivdf0BDxSVVmCp", "acct_1032D82eZvKYlo2C cus_NffrFeUfNV2Hib bps_1MrHNcLkdIwHu7ix req_Ivdf0BDxSVVmCp", "Stripe's ids stay"),
            ("pk_live_TYooMQauvdEDq54NiTphI7jx", "pk_live_TYooMQauvdEDq54NiTphI7jx", "a publishable key is public"),
            ("task_org_live_0123456789abcdef y", "ta[redacted] y", "a whole key of an organization inside of a word"),
            ("xsk_live_0123456789abcdef y", "x[redacted] y", "a whole secret inside of a word"),
            ("a%3Dam_live_x", "a%3D[redacted]", "after an encoded character"),
            ("sk_live_, whsec_ and am_test_…", "sk_live_, whsec_ and am_test_…", "a prefix alone is not a secret"),
            ("", "", "nothing"),
        ];
        for (text, expected, why) in rows {
            assert_eq!(redact(text), expected, "{why}");
        }
    }

    #[test]
    fn c1_a_secret_that_a_cut_has_shortened_is_replaced() {
        #[rustfmt::skip]
        let rows = [
            ("xam_test_0123 ", "xam_test_0123 ", "a name before the cut"),
            ("xam_test_0", "x[redacted]", "inside of a word"),
            ("xrk_org_live_51H", "x[redacted]", "an organization's key"),
            ("xam%5Ftest%5F01%3", "x[redacted]", "within an escape"),
            ("xam%25%35%46test_01%25%3", "x[redacted]", "within an escape of an escape"),
            ("sk_sandbox_5", "[redacted]", "after a word that is not known yet"),
            ("sk_sandbox_a", "[redacted]", "before its first digit"),
            ("xam_te", "xam_te", "within the prefix"),
            ("network", "network", "what is no prefix"),
        ];
        for (text, expected, why) in rows {
            assert_eq!(redact_beginning(text), expected, "{why}");
        }
    }

    /// Doubling the input may double the cost, not quadruple it. The fastest of several runs leaves out what else the
    /// machine was doing.
    #[test]
    fn c1_redaction_is_linear() {
        let inputs = [
            "am_live_-",
            "whsec_ ",
            "/p/session/",
            "/p/session",
            "%25",
            "a%25",
            "%25%32%35",
            "%25%35%46",
            "%",
            "%%35",
            "%2525252525252525",
            "%5%46am_",
            "am_live",
            "sk_org_live_",
            "sk_abcdefgh_",
        ];
        for input in inputs {
            let (once, twice) = (input.repeat(1_000), input.repeat(2_000));
            let ratio = fastest(&twice).as_secs_f64() / fastest(&once).as_secs_f64();
            assert!(ratio < 3.0, "{input}: {ratio}");
        }
    }

    fn fastest(text: &str) -> Duration {
        let clock = Clock::system();
        let run = |_| {
            let began = clock.instant();
            black_box(redact(black_box(text)));
            clock.instant().duration_since(began)
        };
        (0..50).map(run).min().expect("several runs")
    }

    /// The quick look must never leave out a secret that the search would find.
    #[test]
    fn c1_the_quick_look_passes_every_prefix_in_any_spelling() {
        let keys = keys::OUR_PREFIXES.into_iter().chain(keys::STRIPE_KINDS);
        for prefix in keys.chain([WEBHOOK_PREFIX, PORTAL_PATH]) {
            let prefix = String::from_utf8_lossy(prefix);
            let encoded = prefix.replace('_', "%5F").replace('/', "%2f");
            for spelled in [prefix.to_string(), prefix.to_uppercase(), encoded] {
                assert!(may_contain_secret(spelled.as_bytes()), "{spelled}");
            }
        }
    }

    proptest! {
        #[test]
        fn c1_no_secret_survives_wherever_it_stands(
            before in ".{0,40}",
            prefix in "(am|sk|rk)_(live|test)_|whsec_",
            secret in "[0-9A-Za-z]{20}",
            after in "([^0-9A-Za-z_*%].{0,40})?",
        ) {
            let text = format!("{before}{prefix}{secret}{after}");
            prop_assert!(!redact(&text).contains(&secret));
        }

        #[test]
        fn c1_redacting_twice_changes_nothing(text in ".{0,200}") {
            let once = redact(&text).into_owned();
            prop_assert_eq!(redact(&once).into_owned(), once);
        }
    }
}
