//! Files that never change while the service runs: served compressed where the client accepts that, and not at all where it
//! has them already. Each response refers to the same bytes, however many clients read them slowly.

use std::{io::Read as _, sync::OnceLock};

use bytes::Bytes;
use flate2::read::GzDecoder;
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
    pub content: Content,
}

/// What a file contains. Only one form is in the binary: all files together have 2 MB, and 0.6 MB compressed.
#[derive(Debug)]
pub(super) enum Content {
    Plain(&'static [u8]),
    Gzip {
        compressed: &'static [u8],
        /// For clients that do not accept gzip, made when the first of them asks.
        plain: OnceLock<Bytes>,
    },
}

impl Content {
    pub(super) const fn plain(bytes: &'static [u8]) -> Self {
        Self::Plain(bytes)
    }

    pub(super) const fn gzip(compressed: &'static [u8]) -> Self {
        let plain = OnceLock::new();
        Self::Gzip { compressed, plain }
    }

    fn to_plain(&self) -> Bytes {
        match self {
            Self::Plain(bytes) => Bytes::from_static(bytes),
            Self::Gzip { compressed, plain } => {
                plain.get_or_init(|| decompress(compressed)).clone()
            }
        }
    }

    /// The compressed form, if there is one.
    fn to_gzip(&self) -> Option<Bytes> {
        match self {
            Self::Plain(_) => None,
            Self::Gzip { compressed, .. } => Some(Bytes::from_static(compressed)),
        }
    }
}

fn decompress(compressed: &[u8]) -> Bytes {
    let mut plain = Vec::new();
    let read = GzDecoder::new(compressed).read_to_end(&mut plain);
    read.expect("the build has compressed it");
    plain.into()
}

impl StaticFile {
    /// The answer to a GET.
    pub(super) fn respond(&self, request: &Request) -> Response {
        let headers = request.headers();
        let gzip = self.content.to_gzip().filter(|_| accepts_gzip(headers));
        // Each form has its own tag, because their bytes differ.
        let form = if gzip.is_some() { "-gzip" } else { "" };
        let etag = format!("\"{}{form}\"", self.hash);
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
        match gzip {
            Some(gzip) => response.header(header::CONTENT_ENCODING, "gzip").body(gzip),
            None => response.body(self.content.to_plain()),
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
