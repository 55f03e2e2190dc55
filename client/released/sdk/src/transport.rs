//! What a failed connection means, read from the errors of the HTTP and TLS libraries.
//!
//! The libraries do not export the types of these errors, and which library makes the connection depends on the features
//! of the whole build. So their texts are compared; a text that is not in the table counts as a failure that may pass.

use std::time::Duration;

use http::StatusCode;

use crate::error::Error;

/// Failures that repeating cannot pass: a part of the library's text, and what it means. The first match counts.
const PERMANENT: &[(&str, &str)] = &[
    // rustls, by way of hyper-rustls
    ("certificate not valid for name", WRONG_NAME),
    ("NotValidForName", WRONG_NAME),
    ("invalid peer certificate", NOT_TRUSTED),
    ("peer is incompatible", NO_COMMON_TLS),
    ("fatal alert: HandshakeFailure", NO_COMMON_TLS),
    ("fatal alert: ProtocolVersion", NO_COMMON_TLS),
    ("fatal alert: InsufficientSecurity", NO_COMMON_TLS),
    ("fatal alert: UnrecognisedName", WRONG_NAME),
    ("fatal alert: CertificateRequired", CLIENT_CERTIFICATE),
    ("fatal alert: BadCertificate", CLIENT_CERTIFICATE),
    ("fatal alert: AccessDenied", CLIENT_CERTIFICATE),
    ("received corrupt message of type", NOT_TLS),
    // OpenSSL, by way of native-tls
    ("ostname mismatch", WRONG_NAME),
    ("IP address mismatch", WRONG_NAME),
    ("certificate verify failed", NOT_TRUSTED),
    ("unsupported protocol", NO_COMMON_TLS),
    ("alert handshake failure", NO_COMMON_TLS),
    ("alert protocol version", NO_COMMON_TLS),
    ("wrong version number", NOT_TLS),
    // Schannel and Secure Transport, by way of native-tls
    ("CN name does not match", WRONG_NAME),
    ("certificate chain", NOT_TRUSTED),
    ("certificate was not trusted", NOT_TRUSTED),
    // hyper-util
    ("proxy authorization required", PROXY_CREDENTIALS),
    ("scheme is not http", NO_TLS),
];

const WRONG_NAME: &str = "the certificate is for another host name";
const NOT_TRUSTED: &str = "the certificate is not trusted";
const NO_COMMON_TLS: &str = "the service supports no common version or cipher of TLS";
const CLIENT_CERTIFICATE: &str = "the service requires a client certificate";
const NOT_TLS: &str = "the address of the service does not speak TLS";
const PROXY_CREDENTIALS: &str = "the proxy requires credentials (407)";
const NO_TLS: &str = "no TLS implementation is built in; enable the feature rustls or native-tls";

/// The error that reqwest reports; `status` is the answer's, if its head had arrived, and `after` is how long the call
/// has taken.
pub(crate) fn error(error: &reqwest::Error, status: Option<StatusCode>, after: Duration) -> Error {
    if let Some(cause) = permanent_cause(error) {
        Error::ConnectionRejected { cause }
    } else if error.is_timeout() {
        Error::Timeout { after }
    } else if error.is_connect() {
        Error::Connect {
            cause: root_cause(error),
        }
    } else {
        Error::Disconnected {
            status,
            cause: root_cause(error),
        }
    }
}

/// What rules out a connection, followed by the library's own text; `None` if the failure may pass.
fn permanent_cause(error: &reqwest::Error) -> Option<String> {
    // Without the outermost text, which contains the URL.
    let causes: Vec<String> = sources(error).skip(1).map(ToString::to_string).collect();
    let (_, meaning) = PERMANENT
        .iter()
        .find(|(part, _)| causes.iter().any(|cause| cause.contains(part)))?;
    Some(format!("{meaning}: {}", causes.last()?))
}

/// The innermost of a chain of errors: the outer ones only say that something was being sent.
fn root_cause(error: &reqwest::Error) -> String {
    sources(error)
        .last()
        .map_or_else(String::new, ToString::to_string)
}

/// The error and what caused it, the innermost last.
fn sources<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}
