//! The settings of a client, and the error for each mistake in them.

use std::time::Duration;

use billing_portal_client::{ApiKey, Client, ClientBuilder, Error, Mode};

use super::replies::{opened, serve};
use super::{KEY, RETURN_URL, client_of};

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
            "am_test_000000000000000000000000000000",
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
fn k5_white_space_around_a_key_is_removed() {
    let spaces = [
        ("", "\n"),
        ("", "\r\n"),
        (" ", " "),
        ("\t", ""),
        ("\u{feff}", "\n\n"),
        ("\u{a0}", "\u{2003}"),
        ("", "\u{200b}"),
        ("\0", "\0"),
    ];
    for (before, after) in spaces {
        let text = format!("{before}{KEY}{after}");
        assert!(text.parse::<ApiKey>().is_ok(), "{text:?}");
        assert!(ApiKey::try_from(text.clone()).is_ok(), "{text:?}");
        let builder = Client::builder().api_key(text.as_str());
        let built = builder.base_url("https://billing.example.com").build();
        assert!(built.is_ok(), "{text:?}: {built:?}");
    }
}

/// The key that is sent has no white space either.
#[tokio::test]
async fn k5_the_key_is_sent_without_white_space() {
    let server = serve([opened()]).await;
    let builder = client_of(&server).api_key(format!(" {KEY}\r\n"));
    let client = builder.build().expect("valid settings");
    let call = client.create_portal_session(RETURN_URL);
    call.await.expect("a session");
    let sent = &server.requests()[0];
    assert_eq!(
        sent.header("authorization"),
        Some(&*format!("Bearer {KEY}"))
    );
}

#[test]
fn k5_quotes_and_inner_white_space_are_named() {
    for (open, close) in [
        ("\"", "\""),
        ("'", "'"),
        ("`", "`"),
        ("“", "”"),
        (" \"", "\"\n"),
        ("\" ", " \""),
        ("\"", ""),
        ("", "'"),
    ] {
        let said = problem(Client::builder().api_key(format!("{open}{KEY}{close}")));
        assert_eq!(said, "api_key must not be in quotes", "{open}{close}");
        let url = format!("{open}https://billing.example.com{close}");
        let said = problem(Client::builder().api_key(KEY).base_url(url));
        assert_eq!(said, "base_url must not be in quotes", "{open}{close}");
    }
    for space in [" ", "\n", "\t", "\u{a0}", "\u{200b}", "\0"] {
        for at in [3, 8, 20] {
            let (start, end) = KEY.split_at(at);
            let said = problem(Client::builder().api_key(format!("{start}{space}{end}")));
            assert_eq!(
                said, "api_key must not have white space inside",
                "{space:?}"
            );
        }
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
