//! How much one caller, one address and all together may ask for.

use std::time::Duration;

use conformance::stripe::{Endpoint, Reply};
use tokio::time::sleep;

use crate::harness::service::Service;
use conformance::http_client::ClientConnection;
use conformance::http_message::{RETURN_URL, TestRequest};

#[tokio::test]
async fn a_key_over_its_rate_limit_is_refused_and_others_are_not() {
    let service = Service::builder()
        .set("RATE_LIMIT_PER_KEY", "6")
        .start()
        .await;
    let other = service.new_key("acme", &["billing:write"]).await;
    for _ in 0..2 {
        assert_eq!(
            service.create_portal_session(RETURN_URL).await.status,
            200,
            "a third of 6 at once"
        );
    }
    let refused = service.create_portal_session(RETURN_URL).await;
    refused
        .assert_error("RATE_LIMITED")
        .assert_retry_after(9..=10);
    let good = TestRequest::portal(service.key(), RETURN_URL);
    let untyped = good.clone().without_header("Content-Type");
    service.ask(&untyped).await.assert_error("RATE_LIMITED");
    assert_eq!(service.ask(&good.with_bearer(&other)).await.status, 200);
    assert_eq!(service.sessions().len(), 3);
}

#[tokio::test]
async fn a_key_without_the_scope_gets_403_however_often_it_is_used() {
    let service = Service::builder()
        .set("RATE_LIMIT_PER_KEY", "3")
        .start()
        .await;
    let reader = service.new_key("acme", &["billing:read"]).await;
    for _ in 0..3 {
        let answer = service.ask(&TestRequest::portal(&reader, RETURN_URL)).await;
        answer.assert_error("FORBIDDEN");
    }
}

#[tokio::test]
async fn an_address_with_many_bad_keys_is_limited_and_its_good_keys_are_not() {
    let service = Service::builder()
        .set("RATE_LIMIT_FAILED_AUTH", "3")
        .start()
        .await;
    let bad = TestRequest::portal("nonsense", RETURN_URL);
    for _ in 0..3 {
        service.ask(&bad).await.assert_error("UNAUTHORIZED");
    }
    service
        .ask(&bad)
        .await
        .assert_error("RATE_LIMITED")
        .assert_retry_after(19..=20);
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_address_is_the_last_one_that_no_proxy_reported() {
    let bad = |forwarded: &str| {
        TestRequest::portal("nonsense", RETURN_URL).with_header("X-Forwarded-For", forwarded)
    };
    let trusting = Service::builder()
        .set("RATE_LIMIT_FAILED_AUTH", "1")
        .set("TRUSTED_PROXIES", "127.0.0.0/8,10.0.0.0/8")
        .start()
        .await;
    #[rustfmt::skip]
    let rows = [
        ("203.0.113.1", "UNAUTHORIZED", "the first failure of this address"),
        ("203.0.113.2", "UNAUTHORIZED", "another address behind the same proxy"),
        ("203.0.113.1", "RATE_LIMITED", "the second failure"),
        ("203.0.113.1, 10.0.0.7", "RATE_LIMITED", "behind a second proxy of ours"),
        ("203.0.113.3, 203.0.113.1", "RATE_LIMITED", "what the caller made up does not count"),
        ("203.0.113.1, 203.0.113.4", "UNAUTHORIZED", "only what our proxy saw counts"),
        ("2001:db8:0:1::1", "UNAUTHORIZED", "an address of version 6"),
        ("2001:db8:0:1::2", "RATE_LIMITED", "its neighbour in the same /64"),
    ];
    for (forwarded, code, why) in rows {
        println!("{why}");
        trusting.ask(&bad(forwarded)).await.assert_error(code);
    }
    let mut two_headers = bad("203.0.113.5");
    let second = ("X-Forwarded-For".to_owned(), "203.0.113.1".to_owned());
    two_headers.headers.push(second);
    trusting
        .ask(&two_headers)
        .await
        .assert_error("RATE_LIMITED");

    // The proxy added its line to one that is no text: what stands before it is the caller's invention.
    for invented in ["203.0.113.6", "203.0.113.7"] {
        let mut unreadable = bad(invented);
        let line = ("X-Forwarded-For".to_owned(), "é, 10.0.0.7".to_owned());
        unreadable.headers.push(line);
        let answer = trusting.ask(&unreadable).await;
        let expected = if invented.ends_with('6') {
            "UNAUTHORIZED"
        } else {
            "RATE_LIMITED"
        };
        answer.assert_error(expected);
    }

    let direct = Service::builder()
        .set("RATE_LIMIT_FAILED_AUTH", "1")
        .start()
        .await;
    direct
        .ask(&bad("203.0.113.1"))
        .await
        .assert_error("UNAUTHORIZED");
    direct
        .ask(&bad("203.0.113.2"))
        .await
        .assert_error("RATE_LIMITED");
}

#[tokio::test]
async fn a_service_at_its_request_limit_answers_503_at_once() {
    let service = Service::builder().set("MAX_IN_FLIGHT", "1").start().await;
    let slow = Reply::status(400).after(Duration::from_millis(500));
    service.stripe.answer_next(Endpoint::Sessions, [slow]);
    let (first, second) = tokio::join!(service.create_portal_session(RETURN_URL), async {
        while service.sessions().is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
        // Before anything is asked of the store: who it is does not matter.
        service
            .ask(&TestRequest::portal("nonsense", RETURN_URL))
            .await
    });
    first.assert_error("BILLING_PORTAL_UNAVAILABLE");
    second.assert_error("SERVICE_UNAVAILABLE");
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
}

#[tokio::test]
async fn a_connection_over_the_limit_waits_until_one_closes() {
    let service = Service::builder().set("MAX_CONNECTIONS", "1").start().await;
    let ask = TestRequest::portal(service.key(), RETURN_URL);
    let mut first = ClientConnection::open(service.api())
        .await
        .expect("it listens");
    first.send(&ask.head()[..20]).await.expect("it reads");
    sleep(Duration::from_millis(50)).await;
    let mut second = ClientConnection::open(service.api())
        .await
        .expect("the system queues it");
    second
        .send(&[ask.head(), ask.body.clone()].concat())
        .await
        .expect("the system queues it");
    assert!(
        second
            .response("POST", Duration::from_millis(300))
            .await
            .is_none(),
        "it waits"
    );
    drop(first);
    let answer = second
        .response("POST", Duration::from_secs(3))
        .await
        .expect("its turn");
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn an_idle_connection_may_last_longer_than_a_request() {
    let service = Service::builder()
        .set("HEADER_TIMEOUT_SECONDS", "1")
        .set("IDLE_TIMEOUT_SECONDS", "10")
        .start()
        .await;
    let ask = TestRequest::portal(service.key(), RETURN_URL);
    let whole = [ask.head(), ask.body.clone()].concat();
    let mut connection = ClientConnection::open(service.api())
        .await
        .expect("it listens");
    for _ in 0..2 {
        connection.send(&whole).await.expect("it reads");
        let answer = connection
            .response("POST", Duration::from_secs(3))
            .await
            .expect("it answers");
        assert_eq!(answer.status, 200);
        sleep(Duration::from_millis(1500)).await;
    }
    connection
        .send(&whole[..20])
        .await
        .expect("it is still open");
    assert!(
        connection.is_closed(Duration::from_secs(3)).await,
        "half a request may not rest"
    );
}

#[tokio::test]
async fn a_client_that_does_not_read_responses_is_disconnected() {
    let service = Service::builder()
        .set("MAX_CONNECTIONS", "1")
        .set("IDLE_TIMEOUT_SECONDS", "1")
        .start()
        .await;
    let mut deaf = ClientConnection::open(service.api())
        .await
        .expect("it listens");
    // More than the system takes off the service's hands.
    let bundle = TestRequest::get("/docs/swagger-ui-bundle.js").head();
    deaf.send(&bundle.repeat(40)).await.expect("it reads");
    let waiting = TestRequest::portal(service.key(), RETURN_URL);
    assert_eq!(service.ask(&waiting).await.status, 200);
}
