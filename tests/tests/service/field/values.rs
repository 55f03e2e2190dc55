//! S13: what is trimmed, and what the messages about wrong values say.

use serde_json::Value;

use super::config_check::{check, check_with, run};
use tempfile::TempDir;

/// The effective settings.
async fn shown(settings: &[(&str, &str)]) -> Value {
    let (code, text) = run(&["config", "show", "--json"], settings).await;
    assert_eq!(code, Some(0), "{text}");
    serde_json::from_str(&text).expect("one JSON value")
}

#[tokio::test]
async fn s13_white_space_goes_at_both_ends_of_scalars_and_items() {
    let settings = [
        ("STRIPE_WEBHOOK_SECRET", "whsec_a\n"),
        ("STRIPE_SECRET_KEY", "\r\n rk_live_a\t"),
        ("LISTEN", " 127.0.0.1:8081\n"),
        ("TRUSTED_PROXIES", " 10.0.0.0/8 ,\n192.168.1.1 "),
        ("STRIPE_API_BASE", "\thttps://api.stripe.com\n"),
        ("STRIPE_PORTAL_HOSTS", " billing.stripe.com\n"),
        ("ENVIRONMENT", "production\r\n"),
        ("LOG_FORMAT", " text "),
        ("MAX_IN_FLIGHT", " 7\n"),
        ("LOG", " debug\n"),
    ];
    check(&settings)
        .await
        .assert_clean("white space is not meant");
    let shown = shown(&settings).await;
    assert_eq!(shown["listen"], "127.0.0.1:8081");
    assert_eq!(shown["log"], "debug");
    assert_eq!(shown["max_in_flight"], 7);

    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("portal.toml");
    let toml = "stripe_api_base = \" https://api.stripe.com\\n\"\nstripe_portal_hosts = [\" pay.example.com \"]";
    std::fs::write(&file, toml).expect("a writable file");
    let file = file.to_str().expect("a readable path");
    let report = check_with(&["--config", file], &[]).await;
    report.assert_clean("in the file too");
}

#[tokio::test]
async fn s13_white_space_in_the_allow_list_stays_and_is_refused() {
    for entry in [
        " https://a.example",
        "https://a.example\n",
        "\thttps://a.example",
    ] {
        let report = check(&[("RETURN_URL_ALLOW_LIST", entry)]).await;
        let problem = report.problem("return_url_allow_list");
        assert!(problem.contains("white space"), "{problem}");
    }
}

#[tokio::test]
async fn s13_an_address_without_a_mask_is_a_network_of_one() {
    #[rustfmt::skip]
    let rows = [
        ("10.0.0.1", "10.0.0.1/32"),
        ("fd00::1", "fd00::1/128"),
        ("192.168.0.0/16", "192.168.0.0/16"),
        ("::ffff:10.0.0.1", "10.0.0.1/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
    ];
    for (written, network) in rows {
        let shown = shown(&[("TRUSTED_PROXIES", written)]).await;
        assert_eq!(shown["trusted_proxies"], serde_json::json!([network]));
    }
}

#[tokio::test]
async fn s13_each_message_says_what_was_expected_with_an_example() {
    #[rustfmt::skip]
    let rows = [
        ("LISTEN", ":8080", "must be an address and a port, such as 127.0.0.1:8080 or [::1]:8080, not \":8080\""),
        ("OPERATIONS_LISTEN", "9090", "must be an address and a port, such as 127.0.0.1:9090 or [::1]:9090, not \"9090\""),
        ("MAX_IN_FLIGHT", "many", "must be a whole number from 1 to 4294967295, such as 256, not \"many\""),
        ("MAX_CONNECTIONS", "-1", "must be a whole number from 1 to 4294967295, such as 1024, not \"-1\""),
        ("PORTAL_URL_TTL_SECONDS", "5m", "must be a whole number from 60 to 3600, such as 300, not \"5m\""),
        ("PORTAL_URL_TTL_SECONDS", "59", "must be a whole number from 60 to 3600, such as 300, not \"59\""),
        ("BODY_TIMEOUT_SECONDS", "0", "must be a whole number from 1 to 4294967295, such as 10, not \"0\""),
        ("ENVIRONMENT", "prod", "must be production or development, not \"prod\""),
        ("LOG_FORMAT", "yaml", "must be json or text, not \"yaml\""),
        ("TRUSTED_PROXIES", "10.0.0.0/8,proxy.internal",
            "must be a network or an address of proxies, such as 10.0.0.0/8, 192.168.1.1 or fd00::/8, not \"proxy.internal\""),
        ("TRUSTED_PROXIES", "am_live_unseen",
            "must be a network or an address of proxies, such as 10.0.0.0/8, 192.168.1.1 or fd00::/8, not \"[redacted]\""),
        ("STRIPE_PORTAL_CONFIGURATION", "pc_1", "must be the id of a portal configuration, such as bpc_1MAhNDLkdIwHu7ix, not \"pc_1\""),
        ("STRIPE_ACCOUNT", "1032D", "must be the id of a Stripe account, such as acct_1032D82eZvKYlo2C, not \"1032D\""),
        ("STRIPE_PORTAL_HOSTS", "https://billing.stripe.com",
            "must be a host name, such as billing.stripe.com, not \"https://billing.stripe.com\""),
        ("STRIPE_SECRET_KEY", "pk_live_unseen",
            "must be a secret key of Stripe that begins with sk_live_, rk_live_, sk_test_ or rk_test_, such as rk_live_…"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_a,unseen",
            "each must be a secret of a webhook endpoint that begins with whsec_ and has no white space, such as whsec_…"),
    ];
    for (name, value, expected) in rows {
        let report = check(&[(name, value)]).await;
        assert_eq!(report.problem(&name.to_lowercase()), expected);
    }
}

#[tokio::test]
async fn s13_quotes_are_named_when_they_are_the_cause() {
    let rows = [
        ("STRIPE_SECRET_KEY", "\"sk_test_x\""),
        ("STRIPE_WEBHOOK_SECRET", "'whsec_unseen'"),
        ("LISTEN", "\"127.0.0.1:8080\""),
        ("RETURN_URL_ALLOW_LIST", "\"https://app.example.com\""),
        ("TRUSTED_PROXIES", "10.0.0.1,\"10.0.0.2\""),
        ("STRIPE_API_BASE", "“https://api.stripe.com”"),
        ("MAX_IN_FLIGHT", "'7'"),
        ("DATABASE_URL", "\"sqlite://x.db\""),
        ("LOG", "\"info\""),
        ("ENVIRONMENT", "\"development\""),
    ];
    for (name, value) in rows {
        let report = check(&[(name, value)]).await;
        let problem = report.problem(&name.to_lowercase());
        assert!(problem.contains("remove the quotes"), "{problem}");
        let is_secret = name.contains("SECRET");
        assert!(
            !is_secret || !problem.contains(value.trim_matches(['"', '\''])),
            "{problem}"
        );
    }
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("portal.toml");
    std::fs::write(&file, "max_in_flight = \"256\"").expect("a writable file");
    let file = file.to_str().expect("a readable path");
    let report = check_with(&["--config", file], &[]).await;
    let problem = report.problem("max_in_flight");
    assert!(
        problem.ends_with("not \"256\"; write it without quotes"),
        "{problem}"
    );
    let report = check(&[("LISTEN", ":8080")]).await;
    assert!(
        !report.problem("listen").contains("quotes"),
        "they are not the cause"
    );
}
