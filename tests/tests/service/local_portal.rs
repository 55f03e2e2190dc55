//! A portal on the developer's own computer: its URL may be http in development alone, and only on a listed host.

use billing_portal_tests::http_message::RETURN_URL;
use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::json;

use crate::harness::service::Service;

#[tokio::test]
async fn a_portal_may_be_http_in_development_on_a_listed_host_that_is_this_computer() {
    const HOSTS: &str = "billing.stripe.com,localhost,127.0.0.1,pay.example.com";
    #[rustfmt::skip]
    let rows = [
        ("development", HOSTS, "http://localhost:4000/p/session/test_1", 200, "a simulated portal"),
        ("development", HOSTS, "http://127.0.0.1:4000/p/session/test_1", 200, "by its address"),
        ("development", HOSTS, "https://billing.stripe.com/p/session/test_1", 200, "Stripe's own"),
        ("development", "billing.stripe.com", "http://localhost:4000/p/session/test_1", 502, "not listed"),
        ("development", HOSTS, "http://[::1]:4000/p/session/test_1", 502, "another name of this computer"),
        ("development", HOSTS, "http://pay.example.com/p/session/test_1", 502, "another computer"),
        ("development", HOSTS, "http://u:p@localhost:4000/p/session/test_1", 502, "credentials"),
        ("development", HOSTS, "https://billing.stripe.com:444/p/session/test_1", 502, "a port"),
        ("development", HOSTS, "ftp://localhost/p/session/test_1", 502, "another scheme"),
        ("production", HOSTS, "http://localhost:4000/p/session/test_1", 502, "production"),
        ("production", HOSTS, "http://127.0.0.1:4000/p/session/test_1", 502, "production, by its address"),
    ];
    for (environment, hosts, url, status, why) in rows {
        let builder = Service::builder().environment(environment);
        let service = builder.set("STRIPE_PORTAL_HOSTS", hosts).start().await;
        service.create_portal_session(RETURN_URL).await;
        let mut session = service.stripe.last_session().expect("a session");
        session["url"] = json!(url);
        let reply = Reply::json(200, &session);
        service.stripe.answer_next(Endpoint::Sessions, [reply]);
        let answer = service.create_portal_session(RETURN_URL).await;
        assert_eq!(answer.status, status, "{why}");
        if status == 200 {
            assert_eq!(answer.json()["data"]["portal_url"], url, "{why}");
        }
    }
}
