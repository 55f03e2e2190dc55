//! What each setting expects, with an example, in the words of the messages.

use serde_json::Value as Json;

use super::{Config, credentials::without_credentials};
use crate::redaction::redact;

/// How much of a wrong value a message shows, in characters: enough to find it, not enough to fill a terminal.
const MAX_SHOWN_CHARS: usize = 80;

const QUOTES: [char; 7] = ['"', '\'', '`', '“', '”', '‘', '’'];

/// The setting must be "…, such as …". Numbers are described by their schema.
fn expected(setting: &str) -> Option<&'static str> {
    Some(match setting {
        "environment" => "production or development",
        "listen" => "an address and a port, such as 127.0.0.1:8080 or [::1]:8080",
        "operations_listen" => "an address and a port, such as 127.0.0.1:9090 or [::1]:9090",
        "database_url" => {
            "the URL of a SQLite file, such as sqlite:///var/lib/billing-portal/portal.db, or of a PostgreSQL database, \
             such as postgres://USER:PASSWORD@db.example.com/billing?sslmode=verify-full"
        }
        "return_url_allow_list" => "an origin, such as https://app.example.com",
        "trusted_proxies" => {
            "a network or an address of proxies, such as 10.0.0.0/8, 192.168.1.1 or fd00::/8"
        }
        "otlp_endpoint" => {
            "the http or https URL of a collector, to which /v1/traces is added, such as http://127.0.0.1:4318 or \
             https://user:password@otlp.example.com/otlp"
        }
        "log" => "a level, or levels for modules, such as info or info,sqlx=debug",
        "log_format" => "json or text",
        // Its default is a part of another setting, so the schema has no number for an example.
        "max_connections_per_peer" => "a whole number from 1, such as 256",
        _ if setting.ends_with("_file") => "the path of a file, such as /run/secrets/stripe.key",
        _ => return expected_of_stripe(setting),
    })
}

/// The same for the settings about Stripe.
fn expected_of_stripe(setting: &str) -> Option<&'static str> {
    Some(match setting {
        "stripe_secret_key" => {
            "a secret key of Stripe that begins with sk_live_, rk_live_, sk_test_ or rk_test_, such as rk_live_…"
        }
        "stripe_api_base" => {
            "an https URL without path or credentials (http only on a loopback host or in development), such as \
             https://api.stripe.com"
        }
        "stripe_proxy" => {
            "the http URL of a proxy without a path, such as http://proxy.example.com:3128 or \
             http://user:password@proxy.example.com:3128"
        }
        "stripe_webhook_secret" => {
            "a secret of a webhook endpoint that begins with whsec_ and has no white space, such as whsec_…"
        }
        "stripe_portal_configuration" => {
            "the id of a portal configuration, such as bpc_1MAhNDLkdIwHu7ix"
        }
        "stripe_account" => "the id of a Stripe account, such as acct_1032D82eZvKYlo2C",
        "stripe_organization_metadata_key" => {
            "a metadata key of 1 to 40 characters without [ and ], such as org_id"
        }
        "stripe_portal_hosts" => "a host name, such as billing.stripe.com",
        _ => return None,
    })
}

/// What a setting must be, for a value that is not shown because it is a secret.
pub(super) fn must_be(setting: &str, secret: &str) -> String {
    format!("{}{}", requirement(setting), quotes_hint(secret))
}

/// What a setting must be, and the wrong value.
pub(super) fn must_be_not(setting: &str, value: &str) -> String {
    let requirement = requirement(setting);
    format!("{requirement}, not {}{}", shown(value), quotes_hint(value))
}

/// The value as messages show it: cut, and without secrets that are in the wrong place.
pub(super) fn shown(value: &str) -> String {
    let value = without_credentials(value);
    let value = redact(&value);
    match value.char_indices().nth(MAX_SHOWN_CHARS) {
        None => format!("{value:?}"),
        Some((end, _)) => format!("{:?}…", &value[..end]),
    }
}

/// What to do if quotes became a part of the value.
pub(super) fn quotes_hint(value: &str) -> &'static str {
    let value = value.trim();
    if value.starts_with(QUOTES) || value.ends_with(QUOTES) {
        "; remove the quotes, which are a part of the value"
    } else {
        ""
    }
}

fn requirement(setting: &str) -> String {
    let expected = expected(setting).map(ToOwned::to_owned);
    let expected = expected.unwrap_or_else(|| number(&Config::schema()["properties"][setting]));
    format!("must be {expected}")
}

/// A whole number in the range of the schema, with the default as the example.
fn number(property: &Json) -> String {
    let min = property["minimum"].as_u64().unwrap_or(0);
    let max = property["maximum"].as_u64().unwrap_or(u32::MAX.into());
    format!(
        "a whole number from {min} to {max}, such as {}",
        property["default"]
    )
}
