//! L10: settings that are valid and surely not meant.

use crate::field::config_check::{check, run};

#[tokio::test]
async fn l10_portal_hosts_that_no_portal_can_have_are_refused() {
    #[rustfmt::skip]
    let rows = [
        ("*", "\"*\" has a wildcard; list each host; it must be a host name, such as billing.stripe.com"),
        ("*.stripe.com", "\"*.stripe.com\" has a wildcard; list each host; it must be a host name, such as billing.stripe.com"),
        ("billing.stripe.com,*", "\"*\" has a wildcard; list each host; it must be a host name, such as billing.stripe.com"),
        ("billing.stripe.com.", "must be a host name, such as billing.stripe.com, not \"billing.stripe.com.\""),
        ("billing.stripe.com:443", "must be a host name, such as billing.stripe.com, not \"billing.stripe.com:443\""),
        ("billing.stripe.com/p", "must be a host name, such as billing.stripe.com, not \"billing.stripe.com/p\""),
        ("billing..stripe.com",
            "\"billing..stripe.com\" has a part that is empty or longer than 63 characters; \
             it must be a host name, such as billing.stripe.com"),
        ("0.0.0.0", "\"0.0.0.0\" is not the address of a computer; it must be a host name, such as billing.stripe.com"),
        ("pay.invalid", "\"pay.invalid\" ends with .invalid, which no host has (RFC 2606); it must be a host name, such as billing.stripe.com"),
        ("pay$.example.com", "\"pay$.example.com\" has a character that no host name has; it must be a host name, such as billing.stripe.com"),
    ];
    for (hosts, expected) in rows {
        let report = check(&[("STRIPE_PORTAL_HOSTS", hosts)]).await;
        assert_eq!(report.problem("stripe_portal_hosts"), expected);
    }
}

#[tokio::test]
async fn l10_allow_list_names_that_no_page_can_have_are_refused() {
    let long_label = format!("https://{}.example.com", "a".repeat(64));
    let long_name = format!("https://{}example.com", "abcdefghi.".repeat(25));
    #[rustfmt::skip]
    let rows = [
        ("https://0.0.0.0", "is not the address of a computer"),
        ("https://[::]", "is not the address of a computer"),
        ("https://224.0.0.1", "is not the address of a computer"),
        ("https://255.255.255.255:8443", "is not the address of a computer"),
        ("https://[ff02::1]", "is not the address of a computer"),
        ("https://app.invalid", "ends with .invalid, which no host has"),
        ("https://a..example.com", "has a part that is empty"),
        ("https://.example.com", "has a part that is empty"),
        ("https://a$b.example.com", "has a character that no host name has"),
        (&long_label, "longer than 63 characters"),
        (&long_name, "is longer than 253 characters"),
    ];
    for (entry, expected) in rows {
        let report = check(&[("RETURN_URL_ALLOW_LIST", entry)]).await;
        let problem = report.problem("return_url_allow_list");
        assert!(problem.contains(expected), "{problem}");
    }
}

#[tokio::test]
async fn l10_names_that_are_probably_not_meant_are_a_warning() {
    #[rustfmt::skip]
    let rows = [
        // The first letter is Cyrillic.
        ("https://\u{430}pp.example.com", "mixes the letters of several scripts"),
        ("https://xn--pp-6kc.example.com", "mixes the letters of several scripts"),
        // A Greek omicron.
        ("https://app.g\u{3bf}\u{3bf}gle.com", "mixes the letters of several scripts"),
        ("https://intranet", "has no dot"),
        ("https://com", "has no dot"),
        ("https://localhost", "is the computer of the person who uses the browser"),
        ("https://127.0.0.1:8443", "is the computer of the person who uses the browser"),
        ("https://app.test", "ends with .test, which is reserved for tests and documentation"),
        ("https://shop.example", "ends with .example, which is reserved"),
        ("https://my_app.example.com", "for which no certificate is issued"),
        ("https://-app.example.com", "for which no certificate is issued"),
        ("https://app.example.com,https://APP.example.com:443", "is listed twice"),
    ];
    for (entries, expected) in rows {
        let report = check(&[("RETURN_URL_ALLOW_LIST", entries)]).await;
        let warning = report.warning("return_url_allow_list");
        assert!(warning.contains(expected), "{warning}");
    }
    for host in ["billing", "\u{440}ay.example.com", "pay.test", "127.0.0.1"] {
        let ascii = url::Url::parse(&format!("https://{host}/")).expect("a host");
        let ascii = ascii.host_str().expect("a host");
        let report = check(&[("STRIPE_PORTAL_HOSTS", ascii)]).await;
        assert!(!report.warning("stripe_portal_hosts").is_empty());
    }
    for entries in [
        "https://app.example.com",
        "https://b\u{fc}cher.shop",
        "https://\u{442}\u{435}\u{441}\u{442}.\u{440}\u{444}",
        "https://\u{6771}\u{4eac}\u{30bf}\u{30ef}\u{30fc}.jp",
        "https://192.0.2.7",
    ] {
        let report = check(&[("RETURN_URL_ALLOW_LIST", entries)]).await;
        report.assert_clean(entries);
    }
}

#[tokio::test]
async fn l10_networks_that_contain_computers_of_others_are_a_warning() {
    for networks in [
        "0.0.0.0/0",
        "::/0",
        "0.0.0.0/1",
        "10.0.0.0/7",
        "2000::/3",
        "::ffff:0.0.0.0/96",
    ] {
        let report = check(&[("TRUSTED_PROXIES", networks)]).await;
        let warning = report.warning("trusted_proxies");
        assert!(
            warning.contains("contains computers of others"),
            "{warning}"
        );
    }
    let private =
        "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7,fd00::/8,2001:db8::/32,127.0.0.1";
    let report = check(&[("TRUSTED_PROXIES", private)]).await;
    report.assert_clean("an operator may own all of these");
    for nobody in ["0.0.0.0", "::", "255.255.255.255", "224.0.0.1", "ff02::/16"] {
        let report = check(&[("TRUSTED_PROXIES", nobody)]).await;
        let problem = report.problem("trusted_proxies");
        assert!(
            problem.contains("must be a network or an address of proxies"),
            "{problem}"
        );
    }
}

#[tokio::test]
async fn l10_ports_that_overlap_are_refused_and_endless_timeouts_are_a_warning() {
    for (api, operations) in [
        ("127.0.0.1:8080", "127.0.0.1:8080"),
        ("0.0.0.0:8080", "127.0.0.1:8080"),
        ("127.0.0.1:8080", "0.0.0.0:8080"),
        ("[::]:8080", "127.0.0.1:8080"),
    ] {
        let report = check(&[("LISTEN", api), ("OPERATIONS_LISTEN", operations)]).await;
        assert!(!report.problem("operations_listen").is_empty(), "{api}");
    }
    for setting in [
        "HEADER_TIMEOUT_SECONDS",
        "BODY_TIMEOUT_SECONDS",
        "IDLE_TIMEOUT_SECONDS",
    ] {
        let report = check(&[(setting, "4294967295")]).await;
        assert!(
            report
                .warning(&setting.to_lowercase())
                .contains("more than an hour")
        );
    }
}

#[tokio::test]
async fn l10_the_warnings_are_reported_by_doctor() {
    let settings = [
        ("TRUSTED_PROXIES", "0.0.0.0/0"),
        ("STRIPE_API_BASE", "http://127.0.0.1:9"),
    ];
    let (_, doctor) = run(&["doctor"], &settings).await;
    let expected =
        "every setting is valid, but: trusted_proxies: 0.0.0.0/0 contains computers of others; ";
    assert!(doctor.contains(expected), "{doctor}");
}
