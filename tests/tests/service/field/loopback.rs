//! S14: every spelling of this computer is loopback.

use super::config_check::check;

#[tokio::test]
async fn s14_every_spelling_of_loopback_is_accepted_over_http() {
    for host in [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "stripe.localhost",
        "a.b.localhost.",
        "127.0.0.1",
        "127.1.2.3",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f12:1]",
    ] {
        let base = format!("http://{host}:12111");
        let report = check(&[("STRIPE_API_BASE", &base)]).await;
        report.assert_clean(&base);
    }
    for host in [
        "stripe",
        "localhost.example",
        "notlocalhost",
        "128.0.0.1",
        "[::2]",
        "[::ffff:10.0.0.1]",
        "0.0.0.0",
    ] {
        let base = format!("http://{host}:12111");
        let report = check(&[("STRIPE_API_BASE", &base)]).await;
        let problem = report.problem("stripe_api_base");
        assert!(
            problem.contains("http only on a loopback host or in development"),
            "{problem}"
        );
    }
}

#[tokio::test]
async fn s14_a_development_deployment_reaches_stripe_over_http_on_any_host() {
    let development = ("ENVIRONMENT", "development");
    for base in [
        "http://stripe:12111",
        "http://10.0.0.7",
        "http://mock.internal:80",
        "http://[fd00::1]:1",
    ] {
        let report = check(&[development, ("STRIPE_API_BASE", base)]).await;
        report.assert_clean(base);
    }
    for base in [
        "http://user@stripe:12111",
        "http://stripe/v1",
        "ftp://stripe",
        "stripe:12111",
    ] {
        let report = check(&[development, ("STRIPE_API_BASE", base)]).await;
        assert!(!report.problem("stripe_api_base").is_empty(), "{base}");
    }
}

#[tokio::test]
async fn s14_allow_list_entries_accept_loopback_names_but_no_final_dot_and_no_mapped_address() {
    let development = ("ENVIRONMENT", "development");
    for entry in [
        "http://localhost:3000",
        "http://app.localhost:3000",
        "http://a.b.localhost",
        "http://127.0.0.2:3000",
        "http://[::1]:3000",
    ] {
        let report = check(&[development, ("RETURN_URL_ALLOW_LIST", entry)]).await;
        report.assert_clean(entry);
        let report = check(&[("RETURN_URL_ALLOW_LIST", entry)]).await;
        let problem = report.problem("return_url_allow_list");
        assert!(
            problem.contains("http is not allowed in production"),
            "{problem}"
        );
    }
    #[rustfmt::skip]
    let rows = [
        ("http://localhost.:3000", "the host must be written plainly"),
        ("http://app.localhost.", "the host must be written plainly"),
        ("http://[::ffff:127.0.0.1]:3000", "write the IPv4 address"),
        ("https://[::ffff:7f00:1]", "write the IPv4 address"),
        ("http://app.localhost.example:3000", "http is allowed for loopback hosts only"),
    ];
    for (entry, reason) in rows {
        let report = check(&[development, ("RETURN_URL_ALLOW_LIST", entry)]).await;
        let problem = report.problem("return_url_allow_list");
        assert!(problem.contains(reason), "{entry}: {problem}");
    }
}
