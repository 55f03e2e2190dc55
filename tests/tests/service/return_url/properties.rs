//! Return URLs that nobody thought of: what is accepted has, by another parser, exactly a listed origin.

use billing_portal_server::return_url::{AllowList, AllowedOrigin, MAX_LENGTH, ReturnUrl};
use fluent_uri::{Iri, Uri};
use proptest::prelude::*;

/// Each entry, the host of its canonical form, and its port if that is not the default.
const ORIGINS: [(&str, &str, Option<u16>); 4] = [
    ("https://app.example.com", "app.example.com", None),
    (
        "https://billing.example.org:8443",
        "billing.example.org",
        Some(8443),
    ),
    ("https://bücher.example", "xn--bcher-kva.example", None),
    ("https://192.0.2.7", "192.0.2.7", None),
];

fn allow_list() -> AllowList {
    let entry = |(entry, ..): (&str, &str, Option<u16>)| AllowedOrigin::parse(entry, false);
    let entries = ORIGINS.map(|origin| entry(origin).expect("a good entry"));
    AllowList::new(entries.to_vec(), false)
}

/// A good URL with something put in anywhere, or a text of the parts of URLs.
fn texts() -> impl Strategy<Value = String> {
    let good = prop::sample::select(super::accepted().collect::<Vec<_>>());
    let origin = prop::sample::select(ORIGINS.map(|(entry, ..)| entry.to_owned()).to_vec());
    let part = prop::sample::select(PARTS);
    let parts = prop::collection::vec(part.clone(), 0..6).prop_map(|parts| parts.concat());
    let spoiled = (
        prop_oneof![good.clone(), origin],
        parts.clone(),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(text, parts, at)| {
            let ends: Vec<usize> = text
                .char_indices()
                .map(|(at, _)| at)
                .chain([text.len()])
                .collect();
            let (before, after) = text.split_at(ends[at.index(ends.len())]);
            [before, &parts, after].concat()
        });
    let letters = (good, "\\PC{0,12}").prop_map(|(text, more)| text + &more);
    prop_oneof![8 => spoiled, 4 => letters, 2 => parts, 1 => any::<String>()]
}

#[rustfmt::skip]
const PARTS: &[&str] = &[
    "https://", "http://", "//", "/", "\\", ":", "@", "?", "#", "%", "%2e", "%40", "%00", ".", "..", "[", "]", "[::1]", "|", "^", "`",
    "{", "}", "<", ">", "\"", "'", " ", "\t", "\n", "\0", "\u{7f}", "\u{85}", "\u{a0}", "\u{ad}", "\u{34f}", "\u{61c}", "\u{115f}",
    "\u{180e}", "\u{200b}", "\u{200d}", "\u{202e}", "\u{2044}", "\u{2060}", "\u{2028}", "\u{3002}", "\u{3164}", "\u{feff}",
    "\u{ff0e}", "\u{ff0f}", "\u{ff1a}", "\u{ff20}", "\u{e0041}", "ſ", "ß", "é", "a", "A", "0", "443", ":443", ":8443", ":0443",
    "app.example.com", "APP.EXAMPLE.COM", "bücher.example", "xn--bcher-kva.example", "192.0.2.7", "0xC0.0.2.7", "192.0.519",
    "evil.test", "user", "javascript:", "xn--",
];

/// R3, written down once more.
fn is_forbidden(character: char) -> bool {
    let number = u32::from(character);
    let invisible = [
        0xad..=0xad,
        0x61c..=0x61c,
        0x180e..=0x180e,
        0x200b..=0x200f,
        0x202a..=0x202e,
        0x2060..=0x206f,
        0xfeff..=0xfeff,
        0xfff9..=0xfffb,
        0xe0000..=0xe007f,
    ];
    number < 0x20
        || (0x7f..0xa0).contains(&number)
        || character.is_whitespace()
        || character == '\\'
        || invisible.iter().any(|range| range.contains(&number))
}

/// The canonical form as RFC 3986 would have it: browsers leave some characters after the authority as they are.
fn escaped(canonical: &str) -> String {
    let authority = canonical["https://".len()..].find(['/', '?', '#']);
    let (before, after) = canonical.split_at("https://".len() + authority.unwrap_or_default());
    let (path, fragment) = after.split_once('#').unwrap_or((after, ""));
    let is_left = |character: char| "|^`{}[]<>\"#".contains(character);
    let escape = |text: &str| -> String {
        let escape = |character: char| {
            if is_left(character) {
                format!("%{:02X}", u32::from(character))
            } else {
                character.to_string()
            }
        };
        text.chars().map(escape).collect()
    };
    format!("{before}{}#{}", escape(path), escape(fragment))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn what_is_accepted_has_by_another_parser_exactly_a_listed_origin(text in texts()) {
        let list = allow_list();
        let Ok(accepted) = list.check(&text) else {
            return Ok(());
        };
        let canonical = accepted.as_str();
        prop_assert!(!text.chars().chain(canonical.chars()).any(is_forbidden), "R3: {text:?}");
        prop_assert!(canonical.is_ascii() && canonical.len() <= MAX_LENGTH);
        let again = list.check(canonical);
        prop_assert_eq!(again.as_ref().map(ReturnUrl::as_str), Ok(canonical));

        let escaped = escaped(canonical);
        let read = Uri::parse(escaped.as_str());
        let read = read.unwrap_or_else(|error| panic!("{canonical}: {error}"));
        let authority = read.authority().expect("an authority");
        let port = authority.port_to_u16().expect("a port");
        let is_listed = |(_, host, listed): &(&str, &str, Option<u16>)| authority.host() == *host && port == *listed;
        prop_assert_eq!(read.scheme().as_str(), "https");
        prop_assert!(authority.userinfo().is_none());
        prop_assert!(ORIGINS.iter().any(is_listed), "{canonical}");

        // A reader of the caller's own text, where it is strict enough to read it, finds the same.
        if let Ok(read) = Iri::parse(text.as_str()) {
            let authority = read.authority().expect("an authority");
            let host = authority.host().to_lowercase();
            let is_listed = |(entry, listed, _): &(&str, &str, Option<u16>)| host == *listed || entry.contains(&host);
            prop_assert!(authority.userinfo().is_none());
            prop_assert!(ORIGINS.iter().any(is_listed), "{text}");
        }
    }
}
