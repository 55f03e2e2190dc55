//! From a case to the bytes on the wire.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use std::collections::BTreeMap;

use regex::{Captures, Regex};

use super::case::{Framing, Request, Text};
use super::key_damage::damage;

/// Real keys by their name in the corpus.
pub(super) type Keys = BTreeMap<&'static str, String>;

/// Head and body apart, since a client may wait between them.
pub(super) struct Bytes {
    pub(super) head: Vec<u8>,
    pub(super) body: Vec<u8>,
}

/// What the case sends. A text of the corpus stands for its Latin-1 bytes in the head, for UTF-8 in the body.
pub(super) fn bytes(request: &Request, keys: &Keys) -> Bytes {
    if let Some(raw) = &request.raw {
        let head = latin1(&text(raw, keys));
        return Bytes {
            head,
            body: Vec::new(),
        };
    }
    let body = body(request, keys);
    let length = body.as_ref().map(Vec::len);
    let body = body.unwrap_or_default();
    Bytes {
        head: latin1(&head(request, length, keys)),
        body: match request.framing {
            Some(Framing::Chunked) => chunked(&body, request.chunk),
            None => body,
        },
    }
}

/// The head; host and framing are added to what the case says.
fn head(request: &Request, length: Option<usize>, keys: &Keys) -> String {
    let mut head = format!(
        "{} {} HTTP/1.1\r\n",
        request.method,
        text(&request.target, keys)
    );
    let mut has_host = false;
    for (name, value) in &request.headers {
        let name = text(name, keys);
        has_host |= name.eq_ignore_ascii_case("host");
        head.extend([&name, ": ", &text(value, keys), "\r\n"]);
    }
    if !has_host {
        head.push_str("Host: api.example.com\r\n");
    }
    for number in 0..request.many_headers {
        head.extend(["X-", &number.to_string(), ": a\r\n"]);
    }
    match (&request.framing, length) {
        (_, None) => {}
        (Some(Framing::Chunked), _) => head.push_str("Transfer-Encoding: chunked\r\n"),
        (None, Some(length)) => head.extend(["Content-Length: ", &length.to_string(), "\r\n"]),
    }
    head + "\r\n"
}

fn body(request: &Request, keys: &Keys) -> Option<Vec<u8>> {
    if let Some(encoded) = &request.body_b64 {
        return Some(BASE64.decode(encoded).expect("base64 of the corpus"));
    }
    let body = request.body_gen.as_ref().or(request.body.as_ref())?;
    Some(text(body, keys).into_bytes())
}

/// The text with `{{NAME}}` and `{{NAME|damage}}` replaced by keys.
fn text(text: &Text, keys: &Keys) -> String {
    let text = match text {
        Text::Plain(text) => text,
        Text::Repeated {
            prefix,
            unit,
            count,
            suffix,
        } => {
            return format!("{prefix}{}{suffix}", unit.repeat(*count));
        }
    };
    let placeholder =
        Regex::new(r"\{\{([A-Z0-9]+)(?:\|([A-Za-z_]+))?\}\}").expect("a regular expression");
    let replaced = placeholder.replace_all(text, |found: &Captures<'_>| {
        let key = &keys[&found[1]];
        match found.get(2) {
            Some(how) => damage(key, how.as_str()),
            None => key.clone(),
        }
    });
    replaced.into_owned()
}

fn latin1(text: &str) -> Vec<u8> {
    let byte =
        |character| u8::try_from(character).expect("the corpus writes bytes as U+0000 to U+00FF");
    text.chars().map(byte).collect()
}

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut encoded = Vec::new();
    for chunk in body.chunks(size) {
        encoded.extend(format!("{:x}\r\n", chunk.len()).bytes());
        encoded.extend_from_slice(chunk);
        encoded.extend(b"\r\n");
    }
    encoded.extend(b"0\r\n\r\n");
    encoded
}
