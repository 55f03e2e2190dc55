//! A header that a program adds to one call.

use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH,
    CONTENT_TYPE, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::{HeaderName, HeaderValue};

use crate::error::Error;

/// A parameter of the operation, which has its own setting.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The headers that HTTP, the contract or the client sets. A change would break the request, the answer or the key.
const RESERVED: [HeaderName; 15] = [
    ACCEPT,
    ACCEPT_ENCODING,
    AUTHORIZATION,
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    EXPECT,
    HOST,
    IDEMPOTENCY_KEY,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    USER_AGENT,
];

/// The header, if a program may add it. No error repeats the value.
pub(crate) fn parse<N, V>(name: N, value: V) -> Result<(HeaderName, HeaderValue), Error>
where
    N: TryInto<HeaderName>,
    V: TryInto<HeaderValue>,
{
    let reject = |problem: String| Error::InvalidRequest {
        field: "header",
        problem,
    };
    let name = name
        .try_into()
        .map_err(|_| reject("has a name that HTTP does not allow".to_owned()))?;
    if RESERVED.contains(&name) {
        return Err(reject(format!("{name} is set by the client")));
    }
    let value = value
        .try_into()
        .map_err(|_| reject(format!("{name} has a value that HTTP does not allow")))?;
    Ok((name, value))
}
