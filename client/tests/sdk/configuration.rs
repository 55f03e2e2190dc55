//! The settings of a client, and the error for each mistake in them.

use std::time::Duration;

use billing_portal_client::{ApiKey, Client, ClientBuilder, Error, Mode};

use super::KEY;

const LIVE_KEY: &str = "am_live_9aZ9aZ9aZ9aZ9aZ9aZ9aZ9aZ9aZ9aZ23ZQb0";

fn problem(builder: ClientBuilder) -> String {
    match builder.build() {
        Err(Error::Configuration {
            setting, problem, ..
        }) => format!("{setting} {problem}"),
        other => panic!("was {other:?}"),
    }
}

#[test]
fn a_key_is_checked_without_a_request() {
    assert_eq!(
        KEY.parse::<ApiKey>().expect("a valid key").mode(),
        Mode::Test
    );
    assert_eq!(
        LIVE_KEY.parse::<ApiKey>().expect("a valid key").mode(),
        Mode::Live
    );
    let cases = [
        ("", "must begin with am_live_ or am_test_"),
        (
            "am_prod_0000000000000000000000000000001EuB8u",
            "must begin with am_live_ or am_test_",
        ),
        (
            " am_test_0000000000000000000000000000001EuB8u",
            "must begin with am_live_ or am_test_",
        ),
        (
            "am_test_000000000000000000000000000000",
            "must have 36 letters and digits after its prefix; is it cut off?",
        ),
        (
            "am_test_0000000000000000000000000000001EuB8u\n",
            "must have 36 letters and digits after its prefix; is it cut off?",
        ),
        (
            "am_test_00000000000000000000000000000-1EuB8u",
            "must have 36 letters and digits after its prefix; is it cut off?",
        ),
        (
            "am_test_0000000000000000000000000000011EuB8u",
            "does not match its checksum; a character is wrong",
        ),
        (
            "am_live_0000000000000000000000000000001EuB8u",
            "does not match its checksum; a character is wrong",
        ),
    ];
    for (key, expected) in cases {
        let said = problem(
            Client::builder()
                .api_key(key)
                .base_url("https://billing.example.com"),
        );
        assert_eq!(said, format!("api_key {expected}"), "{key:?}");
    }
}

#[test]
fn an_invalid_base_url_is_named() {
    let cases = [
        ("billing.example.com", "is not an absolute URL"),
        ("ftp://billing.example.com", "must be an https URL"),
        (
            "https://user:secret@billing.example.com",
            "must not have credentials",
        ),
        (
            "https://billing.example.com/?x=1",
            "must not have a query or a fragment",
        ),
        (
            "https://billing.example.com/#x",
            "must not have a query or a fragment",
        ),
    ];
    for (url, expected) in cases {
        for builder in [Client::builder(), Client::builder().allow_plain_http()] {
            let builder = builder.api_key(KEY).base_url(url);
            assert_eq!(problem(builder), format!("base_url {expected}"), "{url}");
        }
    }
}

#[test]
fn missing_and_conflicting_settings_are_named() {
    assert_eq!(
        problem(Client::builder().base_url("https://billing.example.com")),
        "api_key is not set"
    );
    assert_eq!(
        problem(Client::builder().api_key(KEY)),
        "base_url is not set"
    );
    let whole = || {
        Client::builder()
            .api_key(KEY)
            .base_url("https://billing.example.com")
    };
    assert_eq!(
        problem(whole().user_agent("a\nb")),
        "user_agent has a character that no header may have"
    );
    let both = whole()
        .http_client(reqwest::Client::new())
        .connect_timeout(Duration::from_secs(1));
    assert_eq!(
        problem(both),
        "connect_timeout must be set in your http_client instead"
    );
}

/// A key is accepted as borrowed text, as owned text, and as an `ApiKey`.
#[test]
fn a_key_may_be_text_or_an_api_key() {
    for builder in [
        Client::builder().api_key(KEY),
        Client::builder().api_key(KEY.to_owned()),
        Client::builder().api_key(KEY.parse::<ApiKey>().expect("a valid key")),
    ] {
        builder
            .base_url("https://billing.example.com")
            .build()
            .expect("valid settings");
    }
}
