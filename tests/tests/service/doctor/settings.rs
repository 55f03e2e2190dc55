//! What `doctor` says of wrong settings and of a broken database, and that it still looks at everything else.

use std::fs;

use super::fixture::{CHECKS, Fixture};

#[tokio::test]
async fn a_wrong_setting_fails_its_own_check_and_skips_only_the_checks_that_need_it() {
    let stripe = &CHECKS[5..11];
    #[rustfmt::skip]
    let rows: [(&str, &str, &str, &[&str]); 9] = [
        ("RETURN_URL_ALLOW_LIST", "https://b.example/x", "return_url_allow_list", &[]),
        ("RETURN_URL_ALLOW_LIST", "", "return_url_allow_list", &[]),
        ("STRIPE_SECRET_KEY", "pk_live_UNSEEN", "stripe_secret", stripe),
        ("STRIPE_SECRET_KEY", "", "stripe_secret", stripe),
        ("STRIPE_WEBHOOK_SECRET", "UNSEEN", "webhook_secret", &[]),
        ("DATABASE_URL", "mysql://me:UNSEEN@db/x", "database", &CHECKS[11..]),
        ("STRIPE_API_BASE", "http://api.stripe.example", "configuration", stripe),
        ("STRIPE_MAX_IN_FLIGHT", "many", "configuration", stripe),
        ("MAX_IN_FLIHGT", "1", "configuration", &[]),
    ];
    for (name, value, failing, waiting) in rows {
        let fixture = Fixture::new().await.set(name, value);
        for (check, found) in fixture.checks().await {
            // The first check reports every problem of the settings, too.
            let fails = check == failing || check == "configuration";
            let waits = waiting.contains(&check.as_str());
            assert_eq!(
                found["ok"],
                !(fails || waits),
                "{found} with {name}={value}"
            );
            assert_eq!(found["fix"].is_string(), fails || waits, "{found}");
            if fails {
                let detail = found["detail"].as_str().unwrap_or_default();
                assert!(
                    detail.contains(&name.to_lowercase()) || detail.contains(name),
                    "{detail}"
                );
            }
            if waits {
                let expected = format!("skipped: {failing} failed");
                assert_eq!(found["detail"], expected, "{name}={value}");
            }
        }
        let requested = fixture.stripe.calls();
        assert_eq!(
            requested == 0,
            waiting == stripe,
            "{name}={value}: {requested} calls"
        );
    }
}

#[tokio::test]
async fn an_empty_allow_list_fails_the_check_in_development_too() {
    let fixture = Fixture::new().await;
    let fixture = fixture
        .set("ENVIRONMENT", "development")
        .set("RETURN_URL_ALLOW_LIST", "");
    let detail = "the list is empty: every return URL is refused";
    let fix = "list the origins of your own pages in return_url_allow_list, such as https://app.example.com";
    fixture
        .assert_failure("return_url_allow_list", detail, fix, &[])
        .await;
}

#[tokio::test]
async fn an_unusable_database_fails_only_its_own_check() {
    let fixture = Fixture::new().await;
    let text = "no database at all, but long enough to be looked at";
    fs::write(fixture.path("text.db"), text).expect("a file");
    let text = format!("sqlite://{}", fixture.path("text.db"));
    let fixture = fixture.set("DATABASE_URL", &text);
    let broken = fixture.checks().await;
    let fixture = Fixture::new().await;
    let nowhere = format!("sqlite://{}", fixture.path("no/such/folder/x.db"));
    let fixture = fixture.set("DATABASE_URL", &nowhere);
    let absent = fixture.checks().await;
    for checks in [broken, absent] {
        for (name, check) in checks {
            assert_eq!(
                check["ok"],
                ![
                    "database",
                    "customer_conflicts",
                    "mapping_times",
                    "portal_profiles"
                ]
                .contains(&name.as_str()),
                "{check}"
            );
        }
    }
}
