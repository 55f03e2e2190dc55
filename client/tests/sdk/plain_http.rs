//! Plain http: accepted for this machine, and for other hosts if the program says so.

use billing_portal_client::{Client, ClientBuilder, Error};

use super::replies::{opened, serve};
use super::{KEY, RETURN_URL};

fn builder(base_url: &str) -> ClientBuilder {
    Client::builder().api_key(KEY).base_url(base_url)
}

const ELSEWHERE: [&str; 9] = [
    "http://billing-portal:8080",
    "http://billing.example.com",
    "http://10.0.0.1",
    "http://192.168.1.7:8080",
    "http://[fd00::1]:8080",
    "http://localhost.evil.test",
    "http://127.0.0.1.evil.test",
    "http://notlocalhost",
    "http://0.0.0.0",
];

#[test]
fn k4_plain_http_elsewhere_is_refused_unless_it_is_allowed() {
    for url in ELSEWHERE {
        let Err(Error::Configuration {
            setting, problem, ..
        }) = builder(url).build()
        else {
            panic!("{url} was accepted")
        };
        assert_eq!(setting, "base_url");
        assert_eq!(
            problem,
            "must be https: the API key would be sent in the clear. If the network is trusted, call allow_plain_http",
            "{url}"
        );
        let allowed = builder(url).allow_plain_http().build();
        assert!(allowed.is_ok(), "{url}: {allowed:?}");
    }
}

#[test]
fn k4_every_spelling_of_loopback_is_accepted() {
    for url in [
        "http://localhost:8080/x",
        "http://LOCALHOST",
        "http://localhost.:8080",
        "http://app.localhost:3000",
        "http://a.b.localhost.",
        "http://127.0.0.1:8080",
        "http://127.9.9.9",
        "http://127.1",
        "http://[::1]:8080",
        "http://[::ffff:127.0.0.1]:8080",
        "http://[::ffff:127.255.0.9]",
    ] {
        let built = builder(url).build();
        assert!(built.is_ok(), "{url}: {built:?}");
    }
}

/// No resolver is asked, so the key stays on this machine.
#[tokio::test]
async fn k4_a_name_of_loopback_leads_to_this_machine() {
    let server = serve([opened()]).await;
    let (_, port) = server
        .base_url()
        .rsplit_once(':')
        .map(|(host, port)| (host.to_owned(), port.to_owned()))
        .expect("a port");
    let hosts = [
        "localhost",
        "app.localhost",
        "localhost.",
        "no-such-name.localhost.",
    ];
    for host in hosts {
        let client = builder(&format!("http://{host}:{port}"))
            .build()
            .expect("loopback");
        let opened = client.create_portal_session(RETURN_URL).await;
        assert!(opened.is_ok(), "{host}: {opened:?}");
    }
    assert_eq!(server.requests().len(), hosts.len());
}

/// A program's own HTTP client does not change what is accepted.
#[test]
fn k4_an_own_http_client_needs_the_permission_too() {
    let http = billing_portal_client::reqwest::Client::new();
    let refused = builder(ELSEWHERE[0]).http_client(http.clone()).build();
    assert!(refused.is_err());
    let allowed = builder(ELSEWHERE[0])
        .http_client(http)
        .allow_plain_http()
        .build();
    assert!(allowed.is_ok());
}
