//! Whatever a setting is set to, it is accepted, or named with what is wrong, and no secret is shown.

use billing_portal_server::config::Config;
use proptest::prelude::*;
use serde_json::Value;

/// In each secret, and in none of the settings' names or messages.
const MARK: &str = "Zk3v9TqLmX7RbY2NcW5d";

/// Good settings; the secrets have the mark.
fn good() -> Vec<(String, String)> {
    let settings = [
        ("ENVIRONMENT", "production".to_owned()),
        ("DATABASE_URL", "sqlite://x.db".to_owned()),
        ("STRIPE_SECRET_KEY", format!("sk_live_{MARK}0000")),
        ("STRIPE_WEBHOOK_SECRET", format!("whsec_{MARK}0000")),
        (
            "STRIPE_PROXY",
            format!("http://user:{MARK}@proxy.example.com:3128"),
        ),
        (
            "OTLP_ENDPOINT",
            format!("https://user:{MARK}@otlp.example.com"),
        ),
        (
            "RETURN_URL_ALLOW_LIST",
            "https://app.example.com".to_owned(),
        ),
    ];
    let prefixed = |(name, value)| (format!("BILLING_PORTAL_{name}"), value);
    settings.map(prefixed).to_vec()
}

/// The names of all settings, and of those that are secrets.
fn names() -> (Vec<String>, Vec<String>) {
    let schema = Config::schema();
    let properties = schema["properties"].as_object().expect("settings");
    let is_secret = |setting: &Value| setting.to_string().contains("writeOnly");
    let secrets = properties.iter().filter(|(_, setting)| is_secret(setting));
    let secrets = secrets.map(|(name, _)| name.clone()).collect();
    (properties.keys().cloned().collect(), secrets)
}

#[rustfmt::skip]
const VALUES: &[&str] = &[
    "", " ", "0", "1", "-1", "+5", "1e3", "0x10", "65536", "4294967296", "99999999999999999999", "true", "null", "\"x\"", "'x'",
    "production", "Production", "development", "json", "text", "info", "warning", "off,x=debug", ":8080", "127.0.0.1", "0.0.0.0:0",
    "[::1]:80", "localhost:80", "https://", "http://localhost", "https://api.stripe.com/", "https://a.example,https://b.example",
    "https://*.example.com", "sqlite::memory:", "sqlite://", "postgres://u:p@h/d", "10.0.0.0/8", "10.0.0.0/33", "::/0", "*", "bpc_1",
    "acct_1", "cus_1", ",", ",,", "\n", "\r\n", "\t", "\u{feff}", "\u{202e}", "\0", "é",
];

fn values() -> impl Strategy<Value = String> {
    let known = || prop::sample::select(VALUES).prop_map(str::to_owned);
    let two = (known(), known()).prop_map(|(one, other)| one + &other);
    prop_oneof![3 => known(), 2 => two, 1 => any::<String>()]
}

/// What it says does not depend on the machine, and shows no secret.
fn check(name: &str, value: &str) -> Result<(), TestCaseError> {
    let mut variables = good();
    let variable = format!("BILLING_PORTAL_{}", name.to_uppercase());
    variables.retain(|(known, _)| *known != variable);
    variables.push((variable, value.to_owned()));
    let read = |variables: &[(String, String)]| match Config::load(None, variables.to_vec()) {
        Ok(config) => format!("{config:?}"),
        Err(problems) => problems.to_string(),
    };
    let said = read(&variables);
    let serving = Config::load_for_serving(None, variables.clone());
    let served = serving.map_or_else(
        |problems| problems.to_string(),
        |serving| format!("{serving:?}"),
    );
    for text in [&said, &served] {
        prop_assert!(!text.contains(MARK), "{name}: {text}");
    }
    prop_assert_eq!(said, read(&variables), "it is said again");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn whatever_is_set_is_accepted_or_named_and_no_secret_is_shown(
        at in any::<prop::sample::Index>(),
        value in values(),
    ) {
        let (names, secrets) = names();
        let name = at.get(&names);
        // The URL of an SQLite file has no place for a password, and is shown.
        let is_file = value.trim().starts_with("sqlite:");
        let mark = if secrets.contains(name) && !is_file { MARK } else { "" };
        check(name, &(value + mark))?;
    }
}
