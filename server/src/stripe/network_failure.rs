//! What went wrong below HTTP, between this host and Stripe or the proxy.

use std::{error::Error, io};

use super::{attempt_error::AttemptError, cause::UpstreamCause};

/// What went wrong below HTTP. reqwest reports only the layer, so the chain of sources is searched.
pub(super) fn cause_of(error: &reqwest::Error) -> UpstreamCause {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>().map(innermost) {
            if io
                .get_ref()
                .is_some_and(|tls| tls.downcast_ref::<rustls::Error>().is_some())
            {
                return UpstreamCause::Tls;
            }
            let is_reset = matches!(
                io.kind(),
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
            );
            // Without a connection nothing had been sent.
            if is_reset && !error.is_connect() {
                return UpstreamCause::Reset;
            }
        }
        if inner.to_string() == "dns error" {
            return UpstreamCause::Dns;
        }
        source = inner.source();
    }
    match error {
        error if error.is_timeout() && error.is_connect() => UpstreamCause::ConnectTimeout,
        error if error.is_timeout() => UpstreamCause::Timeout,
        error if error.is_connect() => UpstreamCause::Connect,
        error if format!("{error:?}").contains("IncompleteMessage") => UpstreamCause::Closed,
        _ => UpstreamCause::Protocol,
    }
}

/// An I/O error may contain another that its chain of sources leaves out, as the TLS layer's does.
fn innermost(error: &io::Error) -> &io::Error {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<io::Error>());
    inner.map_or(error, innermost)
}

/// The same where calls go through a proxy. Then names are looked up and connections are made only for the proxy.
pub(super) fn failure_through_proxy(error: &reqwest::Error) -> AttemptError {
    let cause = cause_of(error);
    let tunnel = tunnel_error(error);
    if tunnel.as_deref() == Some("proxy authorization required") {
        return UpstreamCause::ProxyCredentialsRefused.into();
    }
    let reason = match cause {
        UpstreamCause::Dns | UpstreamCause::Connect | UpstreamCause::ConnectTimeout
            if tunnel.as_deref() == Some("unsuccessful") =>
        {
            "tunnel_refused"
        }
        UpstreamCause::Dns | UpstreamCause::Connect | UpstreamCause::ConnectTimeout => {
            cause.as_str()
        }
        _ if tunnel.is_some() => "tunnel_failed",
        _ => return cause.into(),
    };
    AttemptError {
        reason: reason.to_owned(),
        ..UpstreamCause::ProxyUnavailable.into()
    }
}

/// What went wrong when the proxy was asked for a tunnel to Stripe. The type is not public, only its text.
fn tunnel_error(error: &reqwest::Error) -> Option<String> {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(problem) = inner.to_string().strip_prefix("tunnel error: ") {
            return Some(problem.to_owned());
        }
        source = inner.source();
    }
    None
}
