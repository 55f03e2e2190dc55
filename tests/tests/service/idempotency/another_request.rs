//! What is a repetition, and what is another request although its key is the same.

use std::sync::{Arc, Mutex};

use billing_portal_server::clock::Clock;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest, TestResponse};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::{is_replayed, keyed};
use crate::harness::service::Service;

fn url(answer: &TestResponse) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["data"]["portal_url"].clone()
}

/// A clock that a test moves.
#[derive(Clone)]
struct TestClock(Arc<Mutex<DateTime<Utc>>>);

impl TestClock {
    fn at(time: &str) -> Self {
        Self(Arc::new(Mutex::new(time.parse().expect("a time"))))
    }

    fn clock(&self) -> Clock {
        let Self(now) = self.clone();
        Clock::from_fn(move || *now.lock().expect("no panic"))
    }

    fn advance(&self, milliseconds: i64) {
        *self.0.lock().expect("no panic") += TimeDelta::milliseconds(milliseconds);
    }
}

#[tokio::test]
async fn repetition_within_the_minute_gets_the_same_answer() {
    let time = TestClock::at("2026-05-22T12:25:00.000Z");
    let service = Service::builder().clock(time.clock()).start().await;
    let first = service.send(&keyed(&service, "k")).await;
    time.advance(59_999);
    let last = service.send(&keyed(&service, "k")).await;
    assert_eq!(url(&first), url(&last));
    assert!(!is_replayed(&first) && is_replayed(&last));
    assert_ne!(first.request_id(), last.request_id());

    // As the contract says: a new minute is a new request, however short the time between.
    time.advance(1);
    let next = service.send(&keyed(&service, "k")).await;
    assert_ne!(url(&last), url(&next));
    assert!(!is_replayed(&next));
    assert_eq!(service.stripe.opened_sessions(), 2);
}

#[tokio::test]
async fn another_body_or_caller_is_another_request() {
    let service = Service::builder().now("2026-05-22T12:25:30Z").start().await;
    let second_key = service.new_key("acme", &["billing:write"]).await;
    let other_organization = service.organization("other", Some("cus_other")).await;
    let ask = keyed(&service, "k");
    let body = String::from_utf8(ask.body.clone()).expect("text");
    let with_body = |body: String| ask.clone().with_body(body);
    let field = |field: &str| with_body(body.replace('}', &format!(",{field}}}")));
    let by = |key: &str| TestRequest::portal(key, RETURN_URL).with_header("Idempotency-Key", "k");
    #[rustfmt::skip]
    let rows = [
        (ask.clone(), "the first"),
        (with_body(format!("{body} ")), "the same field in other bytes"),
        (with_body(body.replace("/billing", "/invoices")), "another return URL"),
        (field(r#""locale":"de""#), "another language"),
        (field(r#""flow":"customer_update""#), "another flow"),
        (keyed(&service, "K"), "another Idempotency-Key"),
        (by(&second_key), "another API key of the organization"),
        (by(&other_organization), "another organization"),
    ];
    let mut urls = Vec::new();
    for (ask, why) in &rows {
        let answer = service.send(ask).await;
        assert!(!is_replayed(&answer), "{why}");
        assert!(!urls.contains(&url(&answer)), "{why}");
        urls.push(url(&answer));
    }
    for ((ask, why), opened) in rows.iter().zip(&urls) {
        let answer = service.send(ask).await;
        assert!(is_replayed(&answer), "{why}");
        assert_eq!(url(&answer), *opened, "{why}");
    }
    assert_eq!(service.stripe.opened_sessions(), rows.len());
}

/// Stripe would refuse the key with another customer.
#[tokio::test]
async fn another_customer_is_another_request() {
    let service = Service::builder().now("2026-05-22T12:25:30Z").start().await;
    let before = service.send(&keyed(&service, "k")).await;
    service.stripe.add_customer("cus_new");
    let link = ["customer", "link", "--org", "acme", "cus_new"];
    service.run(&link).await;
    let linked = async {
        while service
            .sessions()
            .last()
            .and_then(|call| call.field("customer"))
            != Some("cus_new")
        {
            service.create_portal_session(RETURN_URL).await;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let patience = std::time::Duration::from_secs(10);
    let linked = tokio::time::timeout(patience, linked).await;
    linked.expect("the change is seen");
    let after = service.send(&keyed(&service, "k")).await;
    assert_ne!(url(&before), url(&after));
}

/// The second instance's clock is a few seconds ahead.
#[tokio::test]
async fn expiry_of_a_repetition_is_that_of_the_first_answer() {
    // Both are in the same minute, also if it is about to end.
    let second = Utc::now().timestamp().rem_euclid(60);
    let shift = TimeDelta::seconds(if second < 45 { 0 } else { -15 });
    let first = Service::builder().clock(Clock::from_fn(move || Utc::now() + shift));
    let first = first.start().await;
    let ahead = shift + TimeDelta::seconds(9);
    let builder = Service::builder().clock(Clock::from_fn(move || Utc::now() + ahead));
    let second = builder.start_beside(&first).await;
    let opened = first.send(&keyed(&first, "k")).await;
    let repeated = second.send(&keyed(&second, "k")).await;
    assert!(is_replayed(&repeated));
    assert_eq!(opened.json(), repeated.json());
}
