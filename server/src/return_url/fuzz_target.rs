//! Any text as a return URL.

use std::sync::LazyLock;

use super::{AllowList, AllowedOrigin, MAX_LENGTH};

/// The allow-list of the corpora, and the authorities that an accepted URL may have in its canonical form.
const ORIGINS: [(&str, &str); 4] = [
    ("https://app.example.com", "app.example.com"),
    (
        "https://billing.example.org:8443",
        "billing.example.org:8443",
    ),
    ("https://bücher.example", "xn--bcher-kva.example"),
    ("https://192.0.2.7", "192.0.2.7"),
];

static ALLOW_LIST: LazyLock<AllowList> = LazyLock::new(|| {
    let entry = |(entry, _)| AllowedOrigin::parse(entry, false).expect("a good entry");
    AllowList::new(ORIGINS.map(entry).to_vec(), false)
});

/// The text and its canonical form, if it is accepted: for a comparison with other parsers.
pub fn accepted(data: &[u8]) -> Option<(String, String)> {
    let text = String::from_utf8_lossy(data);
    let accepted = ALLOW_LIST.check(&text).ok()?;
    Some((text.into_owned(), accepted.as_str().to_owned()))
}

/// What is accepted is plain text on a listed origin, and is accepted again unchanged.
///
/// # Panics
/// If that does not hold.
pub fn target(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(accepted) = ALLOW_LIST.check(&text) else {
        return;
    };
    let canonical = accepted.as_str();
    assert!(canonical.len() <= MAX_LENGTH);
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    assert!(canonical.bytes().all(is_plain), "{canonical}");
    // Not the parser of the policy: the text up to the first character that ends an authority.
    let rest = canonical.strip_prefix("https://").expect("https");
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_listed = ORIGINS.iter().any(|(_, listed)| *listed == authority);
    assert!(is_listed, "{canonical}");
    let again = ALLOW_LIST.check(canonical).expect("it is accepted again");
    assert_eq!(again.as_str(), canonical);
}
