//! Where log lines go: to standard error, one event a line, with a last look for secrets.

use std::{
    borrow::Cow,
    io::{self, Write},
    sync::LazyLock,
};

use regex::bytes::Regex;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter, prelude::*};

use crate::{
    audit,
    config::{LogFormat, Settings},
};

/// What never belongs in a line. Nothing writes it; this is for the day on which something does.
static SECRETS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i-u)(?:am|sk|rk)_(?:live|test)_[a-z0-9_*]*|whsec_[^\s\x22]*|[^\s\x22]*/p/session/[^\s\x22]*")
        .expect("the pattern is a constant")
});

/// A part of each of them: a line without is looked through many times faster so, and nearly every line is without.
static SUSPICIOUS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i-u)m_live_|k_live_|m_test_|k_test_|whsec_|/p/sess")
        .expect("the pattern is a constant")
});

/// Logs from here on, as the settings say. A second call changes nothing, as when tests share a process.
pub(crate) fn init(settings: &Settings) {
    let filter = EnvFilter::try_new(&settings.log).unwrap_or_else(|_| EnvFilter::new("info"));
    // Less noise must not mean less of a record.
    let audit = format!("{}=info", audit::TARGET);
    let filter = filter.add_directive(audit.parse().expect("the directive is a constant"));
    let lines = tracing_subscriber::fmt::layer().with_writer(Redacted);
    let lines = match settings.log_format {
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed(),
        LogFormat::Text => lines.with_ansi(false).boxed(),
    };
    _ = tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init();
}

/// Standard error without secrets.
struct Redacted;

impl<'a> MakeWriter<'a> for Redacted {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

impl Write for Redacted {
    /// tracing writes a whole event at a time.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(&redact(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

/// Not even the kind of a secret is left, lest a search for secrets find it.
fn redact(line: &[u8]) -> Cow<'_, [u8]> {
    if SUSPICIOUS.is_match(line) {
        SECRETS.replace_all(line, &b"[redacted]"[..])
    } else {
        Cow::Borrowed(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_after_an_escaped_line_break_is_replaced_too() {
        let line = br#"{"a":"x\nsk_live_abc"}"#;
        assert_eq!(redact(line).as_ref(), br#"{"a":"x\n[redacted]"}"#);
    }

    #[test]
    fn secrets_are_replaced_and_the_rest_of_the_line_stays() {
        let line =
            br#"{"a":"sk_live_abc123","b":"HTTPS://billing.stripe.com/p/session/live_x","c":"ok"}"#;
        let expected = br#"{"a":"[redacted]","b":"[redacted]","c":"ok"}"#;
        assert_eq!(redact(line).as_ref(), expected);
    }
}
