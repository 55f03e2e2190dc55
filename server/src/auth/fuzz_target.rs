//! Any bytes as the header `Authorization`, twice if there is a line break.

use poem::http::{HeaderMap, HeaderValue, header};

use super::bearer_key;

/// What is accepted is the scheme and a key with its checksum, in one header; the key does not print itself.
///
/// # Panics
/// If that does not hold.
pub fn target(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        // hyper refuses what this refuses.
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(header::AUTHORIZATION, value);
        }
    }
    let Some(key) = bearer_key(&headers) else {
        return;
    };
    assert_eq!(headers.len(), 1, "one header");
    let written = headers[header::AUTHORIZATION].to_str().expect("text");
    let (scheme, rest) = written.split_once(' ').expect("a scheme");
    assert!(scheme.eq_ignore_ascii_case("bearer"), "{scheme}");
    assert_eq!(rest.trim_start_matches(' '), key.expose());
    assert_eq!(key.expose().len(), 44);
    assert!(!format!("{key:?}").contains(&key.expose()[8..]));
}
