//! The simulated Stripe refuses what Stripe refuses; the other tests rest on that.

mod configurations;

use std::time::Duration;

use billing_portal_tests::stripe::{Endpoint, Reply, SECRET, SimulatedStripe};
use serde_json::json;

use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::TestResponse;

const SESSIONS: &str = "/v1/billing_portal/sessions";
const CONFIGURATIONS: &str = "/v1/billing_portal/configurations";

/// A call as the service should make it; each test spoils it in one way.
struct Call<'a> {
    method: &'a str,
    path: String,
    secret: &'a str,
    version: &'a str,
    idempotency_key: &'a str,
    form: String,
}

fn session(configuration: &str) -> Call<'static> {
    let form = format!(
        "customer=cus_1&configuration={configuration}&return_url=https%3A%2F%2Fapp.example.com%2F"
    );
    Call {
        method: "POST",
        path: SESSIONS.to_owned(),
        secret: SECRET,
        version: "2026-10-28.endive",
        idempotency_key: "",
        form,
    }
}

async fn stripe() -> (SimulatedStripe, String) {
    let stripe = SimulatedStripe::builder().customer("cus_1").start().await;
    let stripe = stripe.expect("a loopback port is free");
    let configuration = stripe.add_configuration(&json!({}));
    (stripe, configuration)
}

async fn send(stripe: &SimulatedStripe, call: &Call<'_>) -> TestResponse {
    let optional = |name: &str, value: &str| match value {
        "" => String::new(),
        value => format!("{name}: {value}\r\n"),
    };
    let request = format!(
        "{} {} HTTP/1.1\r\nHost: stripe\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n{}{}{}\r\n{}",
        call.method,
        call.path,
        call.form.len(),
        optional("Authorization", &format!("Bearer {}", call.secret)),
        optional("Stripe-Version", call.version),
        optional("Idempotency-Key", call.idempotency_key),
        call.form,
    );
    let address = stripe
        .api_base()
        .replace("http://", "")
        .parse()
        .expect("an address");
    let mut connection = ClientConnection::open(address).await.expect("it listens");
    connection.send(request.as_bytes()).await.expect("it reads");
    connection
        .response(call.method, Duration::from_secs(2))
        .await
        .expect("it answers")
}

/// `status type code param`, without what is absent.
fn refusal(answer: &TestResponse) -> String {
    assert!(
        answer
            .header("request-id")
            .is_some_and(|id| id.starts_with("req_"))
    );
    let error = &answer.json()["error"];
    let parts = ["type", "code", "param"].map(|name| error[name].as_str());
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    format!("{} {}", answer.status, parts.join(" "))
}

#[tokio::test]
async fn stripe_opens_a_session_for_a_customer_with_a_configuration() {
    let (stripe, configuration) = stripe().await;
    let answer = send(&stripe, &session(&configuration)).await;
    let opened = answer.json();
    assert_eq!(answer.status, 200);
    assert_eq!(opened["object"], "billing_portal.session");
    assert_eq!(
        (&opened["customer"], &opened["livemode"]),
        (&json!("cus_1"), &json!(true))
    );
    assert_eq!(
        (&opened["configuration"], &opened["return_url"]),
        (&json!(configuration), &json!("https://app.example.com/"))
    );
    let url = opened["url"].as_str().expect("a URL");
    assert!(
        url.starts_with("https://billing.stripe.com/p/session/live_"),
        "{url}"
    );

    let calls = stripe.received_at(Endpoint::Sessions);
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].field("customer"), Some("cus_1"));
    assert_eq!(calls[0].header("stripe-version"), Some("2026-10-28.endive"));
}

#[tokio::test]
async fn stripe_refuses_with_its_own_bodies() {
    let (stripe, configuration) = stripe().await;
    let inactive = stripe.add_configuration(&json!({"active": false}));
    stripe.delete_customer("cus_gone");
    let good = || session(&configuration);
    let with = |from: &str, to: &str| Call {
        form: good().form.replace(from, to),
        ..good()
    };
    let get = |path: &str| Call {
        method: "GET",
        path: path.to_owned(),
        ..good()
    };
    #[rustfmt::skip]
    let rows = [
        (Call { secret: "sk_live_wrong", ..good() }, "401 invalid_request_error", "a wrong secret"),
        (Call { version: "", ..good() }, "400 invalid_request_error", "no version"),
        (with("cus_1", "cus_2"), "400 invalid_request_error resource_missing customer", "unknown"),
        (with("cus_1", "cus_gone"), "400 invalid_request_error resource_missing customer", "deleted"),
        (with(&configuration, "bpc_0"), "400 invalid_request_error resource_missing configuration", "unknown"),
        (with(&configuration, &inactive), "400 invalid_request_error configuration", "inactive"),
        (with("customer=", "cust="), "400 invalid_request_error parameter_unknown cust", "undocumented"),
        (with("customer=cus_1", "locale=de"), "400 invalid_request_error parameter_missing customer", "none"),
        (with("https%3A%2F%2F", ""), "400 invalid_request_error url_invalid return_url", "no scheme"),
        (with("customer=", "locale=xx&customer="), "400 invalid_request_error locale", "no locale"),
        (with("customer=", "flow_data[type]=x&customer="), "400 invalid_request_error flow_data[type]", "no flow"),
        (with("customer=", "flow_data[type]=customer_update&customer="), "400 invalid_request_error flow_data[type]", "off"),
        (with("customer=", "flow_data[type]=subscription_cancel&customer="), "400 invalid_request_error parameter_missing flow_data[subscription_cancel][subscription]", "of which?"),
        (get(SESSIONS), "404 invalid_request_error", "sessions cannot be listed"),
        (get("/v1/billing_portal/configurations/bpc_0"), "404 invalid_request_error resource_missing id", "by path"),
    ];
    for (call, expected, why) in rows {
        assert_eq!(refusal(&send(&stripe, &call).await), expected, "{why}");
    }
}

#[tokio::test]
async fn the_simulated_stripe_gives_scripted_replies() {
    let (stripe, configuration) = stripe().await;
    stripe.answer_next(
        Endpoint::Sessions,
        [Reply::status(500).body("oops"), Reply::status(429)],
    );
    stripe.answer_always(
        Endpoint::Sessions,
        Reply::status(503).header("Retry-After", "7"),
    );
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(send(&stripe, &session(&configuration)).await.status);
    }
    stripe.recover();
    statuses.push(send(&stripe, &session(&configuration)).await.status);
    assert_eq!(statuses, [500, 429, 503, 503, 200]);
    assert_eq!(stripe.calls(), 5);
}
