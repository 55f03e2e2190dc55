//! What went wrong below HTTP, between this host and Stripe or the proxy.

use std::{error::Error, io};

use hyper_util::client::legacy::Error as ClientError;

use super::{attempt_error::AttemptError, cause::UpstreamCause, connector::ConnectTimedOut};

/// What went wrong below HTTP. The client reports only the layer, so the chain of sources is searched.
pub(super) fn cause_of(error: &ClientError) -> UpstreamCause {
    let (mut timed_out, mut closed) = (false, false);
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
            timed_out |= io.kind() == io::ErrorKind::TimedOut;
        }
        if inner.to_string() == "dns error" {
            return UpstreamCause::Dns;
        }
        timed_out |= inner.is::<ConnectTimedOut>();
        let http = inner.downcast_ref::<hyper::Error>();
        closed |= http.is_some_and(hyper::Error::is_incomplete_message);
        source = inner.source();
    }
    match error.is_connect() {
        true if timed_out => UpstreamCause::ConnectTimeout,
        true => UpstreamCause::Connect,
        false if timed_out => UpstreamCause::Timeout,
        false if closed => UpstreamCause::Closed,
        false => UpstreamCause::Protocol,
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
pub(super) fn failure_through_proxy(error: &ClientError) -> AttemptError {
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
fn tunnel_error(error: &ClientError) -> Option<String> {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(problem) = inner.to_string().strip_prefix("tunnel error: ") {
            return Some(problem.to_owned());
        }
        source = inner.source();
    }
    None
}
