//! What the SDK sends: the documented request and nothing else.

use billing_portal_client::Flow;
use billing_portal_client::http::HeaderMap;

use super::replies::{json, opened, refusal, serve, session};
use super::{KEY, RETURN_URL, client_of};

/// Every header that may be sent, with its value. The contract names `Authorization`; HTTP needs the others.
#[tokio::test]
async fn nothing_undocumented_leaves() {
    let server = serve([opened()]).await;
    let client = client_of(&server).build().expect("valid settings");
    client
        .create_portal_session(RETURN_URL)
        .await
        .expect("a session");

    let [request] = server.requests().try_into().expect("one request");
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/v1/billing/portal")
    );
    let mut headers: Vec<_> = request
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    headers.sort();
    let host = server.base_url().replace("http://", "");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        headers,
        [
            "accept: application/json".to_owned(),
            format!("authorization: Bearer {KEY}"),
            format!("content-length: {}", request.body.len()),
            "content-type: application/json".to_owned(),
            format!("host: {host}"),
            format!("user-agent: billing-portal-client/{version}"),
        ]
    );
    assert_eq!(
        request.text(),
        format!(r#"{{"return_url":"{RETURN_URL}"}}"#)
    );
}

#[tokio::test]
async fn flow_and_locale_are_sent_as_the_contract_names_them() {
    let server = serve([opened()]).await;
    let client = client_of(&server).build().expect("valid settings");
    let flows = [
        (Flow::PaymentMethodUpdate, "payment_method_update", "de"),
        (Flow::CustomerUpdate, "customer_update", "pt-BR"),
    ];
    for (flow, _, locale) in flows {
        let call = client.create_portal_session(RETURN_URL);
        call.flow(flow).locale(locale).await.expect("a session");
    }
    let call = client.create_portal_session(RETURN_URL);
    call.locale("auto").await.expect("a session");
    let bodies: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.text().to_owned())
        .collect();
    let expected = flows.map(|(_, flow, locale)| {
        format!(r#"{{"flow":"{flow}","locale":"{locale}","return_url":"{RETURN_URL}"}}"#)
    });
    assert_eq!(bodies[..2], expected);
    let only_locale = format!(r#"{{"locale":"auto","return_url":"{RETURN_URL}"}}"#);
    assert_eq!(bodies[2], only_locale);
}

#[tokio::test]
async fn locale_that_the_contract_does_not_list_is_not_sent() {
    let server = serve([opened()]).await;
    let client = client_of(&server).build().expect("valid settings");
    for locale in ["xx", "de_DE", "DE", ""] {
        let call = client.create_portal_session(RETURN_URL).locale(locale);
        let error = call.await.expect_err("refused");
        let problem = "is not auto or a language tag of the documented list, such as de or pt-BR";
        assert_eq!(error.field("locale"), Some(problem), "{locale}");
        assert!(!error.is_retryable());
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn idempotency_key_is_sent_on_each_try_and_a_replay_is_reported() {
    let body = session("https://billing.stripe.com/p/session/live_1");
    let replay = json(200, "Idempotent-Replayed: true\r\n", &body);
    let unavailable = refusal(503, "SERVICE_UNAVAILABLE", "");
    let server = serve([unavailable, replay, opened()]).await;
    let client = client_of(&server).build().expect("valid settings");
    let call = || client.create_portal_session(RETURN_URL);
    let replayed = call()
        .idempotency_key("page-view-1")
        .await
        .expect("a session");
    let first = call().await.expect("a session");
    assert_eq!((replayed.is_replayed(), first.is_replayed()), (true, false));
    let requests = server.requests();
    let keys: Vec<_> = requests
        .iter()
        .map(|request| request.header("idempotency-key"))
        .collect();
    assert_eq!(keys, [Some("page-view-1"), Some("page-view-1"), None]);
}

#[tokio::test]
async fn idempotency_key_that_the_contract_does_not_allow_is_not_sent() {
    let server = serve([opened()]).await;
    let client = client_of(&server).build().expect("valid settings");
    let too_long = "k".repeat(256);
    for key in ["", "two words", "line\nbreak", "schön", &too_long] {
        let call = client
            .create_portal_session(RETURN_URL)
            .idempotency_key(key);
        let error = call.await.expect_err("refused");
        let problem = "is not 1 to 255 visible ASCII characters";
        assert_eq!(error.field("Idempotency-Key"), Some(problem), "{key}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_base_url_may_have_a_path() {
    let server = serve([opened()]).await;
    for path in ["/billing", "/billing/"] {
        let client = client_of(&server)
            .base_url(server.base_url() + path)
            .build()
            .expect("valid settings");
        client
            .create_portal_session(RETURN_URL)
            .await
            .expect("a session");
    }
    for request in server.requests() {
        assert_eq!(request.path, "/billing/v1/billing/portal");
    }
}

#[tokio::test]
async fn the_programs_user_agent_precedes_the_sdks() {
    let server = serve([opened()]).await;
    let client = client_of(&server)
        .user_agent("shop/2.1")
        .build()
        .expect("valid settings");
    client
        .create_portal_session(RETURN_URL)
        .await
        .expect("a session");
    let expected = concat!("shop/2.1 billing-portal-client/", env!("CARGO_PKG_VERSION"));
    assert_eq!(server.requests()[0].header("user-agent"), Some(expected));
}

#[tokio::test]
async fn the_integrators_http_client_is_used() {
    let server = serve([opened()]).await;
    let theirs: HeaderMap = [(
        "x-theirs".parse().expect("a name"),
        "1".parse().expect("a value"),
    )]
    .into_iter()
    .collect();
    let http = reqwest::Client::builder()
        .default_headers(theirs)
        .build()
        .expect("a client");
    let client = client_of(&server)
        .http_client(http)
        .build()
        .expect("valid settings");
    client
        .create_portal_session(RETURN_URL)
        .await
        .expect("a session");
    assert_eq!(server.requests()[0].header("x-theirs"), Some("1"));
}
