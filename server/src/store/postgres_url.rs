//! The URL of a PostgreSQL database, and what is wrong with one. No message quotes it: it may hold a password.

use std::{borrow::Cow, net::IpAddr, str::FromStr};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::{ParseError, Url};

use crate::nearest::nearest;

/// What a URL may say beside the address. sqlx logs others with their values, which may be secrets.
const PARAMETERS: [&str; 11] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];
const SSL_MODES: [&str; 6] = [
    "disable",
    "allow",
    "prefer",
    "require",
    "verify-ca",
    "verify-full",
];

const FORM: &str =
    "must be postgres://USER:PASSWORD@HOST/DATABASE; write what is special in the password as %XX";
const PORT: &str = "has a port that is not a number from 1 to 65535";

/// The options of a URL. The error does not quote it.
pub(super) fn options(url: &str) -> Result<PgConnectOptions, Cow<'static, str>> {
    let parsed = Url::parse(url).map_err(|error| unparsable(url, error))?;
    for (name, value) in parsed.query_pairs() {
        if is_cut(url) && !PARAMETERS.contains(&&*name) {
            return Err(FORM.into());
        }
        require_parameter(&name, &value)?;
    }
    if parsed.port() == Some(0) {
        return Err(PORT.into());
    }
    let options = PgConnectOptions::from_str(url).map_err(|_| FORM)?;
    if options.get_database().is_none_or(str::is_empty) {
        return Err(
            "names no database; write its name after the host: postgres://USER:PASSWORD@HOST/DATABASE"
                .into(),
        );
    }
    // A pooler refuses parameters of the connection that it does not know.
    Ok(options.extra_float_digits(None).statement_cache_capacity(0))
}

/// Whether a special character in the password ends what the parser takes for the address: the `@` stands behind it.
fn is_cut(url: &str) -> bool {
    let (_, rest) = url.split_once("//").unwrap_or_default();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (address, behind) = rest.split_at(end);
    behind.contains('@') && !address.contains('@')
}

/// Why the URL is none.
fn unparsable(url: &str, error: ParseError) -> &'static str {
    let is_cut = is_cut(url);
    match error {
        ParseError::InvalidPort if !is_cut => PORT,
        ParseError::EmptyHost if !is_cut => {
            "names no host; write it after the @: postgres://USER:PASSWORD@HOST/DATABASE"
        }
        _ => FORM,
    }
}

fn require_parameter(name: &str, value: &str) -> Result<(), Cow<'static, str>> {
    match name {
        "sslmode" if PgSslMode::from_str(value).is_err() => Err(unknown_ssl_mode(value)),
        "port" if !value.parse::<u16>().is_ok_and(|port| port > 0) => Err(PORT.into()),
        "hostaddr" if value.parse::<IpAddr>().is_err() => {
            Err("has a hostaddr that is not an address, such as 192.0.2.7".into())
        }
        _ if PARAMETERS.contains(&name) => Ok(()),
        _ => Err(format!(
            "has a parameter that is not known; known are {}",
            PARAMETERS.join(", ")
        )
        .into()),
    }
}

fn unknown_ssl_mode(value: &str) -> Cow<'static, str> {
    let meant = nearest(value, SSL_MODES).map(|mode| format!("did you mean {mode}? "));
    format!(
        "has an sslmode that is not known; {}known are {}",
        meant.unwrap_or_default(),
        SSL_MODES.join(", ")
    )
    .into()
}
