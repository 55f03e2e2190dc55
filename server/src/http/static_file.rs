//! Files that never change while the service runs: served compressed where the client accepts that, and not at all where it
//! has them already. Each response refers to the same bytes, however many clients read them slowly.

use bytes::Bytes;
use poem::{
    Request, Response,
    http::{HeaderMap, StatusCode, header},
};

/// A file whose name has its hash: a browser never asks for it again.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// A file of a fixed name: a browser asks each time whether it has changed.
const ASK_FIRST: &str = "no-cache";

/// Scripts run only from here, and talk only to this service.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// A file, as `build/docs.rs` has prepared it.
#[derive(Debug)]
pub(super) struct StaticFile {
    /// Its name, without a path.
    pub name: &'static str,
    pub content_type: &'static str,
    /// The hash of its content.
    pub hash: &'static str,
    pub plain: &'static [u8],
    /// Compressed. Empty if that is not smaller.
    pub gzip: &'static [u8],
}

impl StaticFile {
    /// The answer to a GET.
    pub(super) fn respond(&self, request: &Request) -> Response {
        let headers = request.headers();
        let is_gzip = !self.gzip.is_empty() && accepts_gzip(headers);
        // Each form has its own tag, because their bytes differ.
        let etag = format!("\"{}{}\"", self.hash, if is_gzip { "-gzip" } else { "" });
        let is_versioned = request.uri().query() == Some(&format!("v={}", self.hash));
        let cache = if is_versioned { FOREVER } else { ASK_FIRST };
        let response = Response::builder()
            .header(header::CACHE_CONTROL, cache)
            .header(header::VARY, "Accept-Encoding")
            .header(header::ETAG, &etag)
            .header(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
        if has_already(headers, &etag) {
            return response.status(StatusCode::NOT_MODIFIED).finish();
        }
        let response = response.content_type(self.content_type);
        if is_gzip {
            let response = response.header(header::CONTENT_ENCODING, "gzip");
            response.body(Bytes::from_static(self.gzip))
        } else {
            response.body(Bytes::from_static(self.plain))
        }
    }
}

/// The items of a header that is a list, of all its lines.
fn items<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// Whether the client accepts gzip: by its name or by `*`, with a quality other than zero (RFC 9110, 12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepts = |wanted: &str| {
        let mut codings = items(headers, &header::ACCEPT_ENCODING);
        codings.find_map(|item| {
            let (coding, quality) = item.split_once(';').unwrap_or((item, "q=1"));
            let quality = quality.trim().strip_prefix("q=").unwrap_or_default();
            let is_it = coding.trim().eq_ignore_ascii_case(wanted);
            is_it.then(|| quality.parse::<f32>().is_ok_and(|quality| quality > 0.0))
        })
    };
    accepts("gzip").or_else(|| accepts("*")).unwrap_or(false)
}

/// Whether the client has this form of the file (RFC 9110, 13.1.2).
fn has_already(headers: &HeaderMap, etag: &str) -> bool {
    items(headers, &header::IF_NONE_MATCH)
        .any(|known| known == "*" || known.trim_start_matches("W/") == etag)
}
