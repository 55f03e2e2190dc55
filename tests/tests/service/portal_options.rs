//! `flow` and `locale`: what Stripe is sent for each, what is refused before Stripe is asked, and that no flow that changes
//! plans can be reached.

use billing_portal_tests::http_message::{RETURN_URL, TestRequest, TestResponse};
use billing_portal_tests::stripe::{Endpoint, Received, Reply};
use serde_json::{Value, json};

use crate::harness::contract;
use crate::harness::log::{self, Log};
use crate::harness::service::{Service, send};

/// The flows of the contract.
const FLOWS: [&str; 2] = ["payment_method_update", "customer_update"];

/// Opens the portal with these fields beside the return URL.
async fn open_with(service: &Service, fields: Value) -> TestResponse {
    let mut body = fields;
    body["return_url"] = RETURN_URL.into();
    let request = TestRequest::portal(service.key(), RETURN_URL).with_body(body.to_string());
    service.send(&request).await
}

/// The form of the only call that opened a session, without what every session has.
fn own_fields(calls: &[Received]) -> Vec<(&str, &str)> {
    let [call] = calls else {
        panic!("{} calls", calls.len())
    };
    let fields = call.form.iter();
    let mut own: Vec<_> = fields
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| !["customer", "configuration", "return_url"].contains(name))
        .collect();
    own.sort_unstable();
    own
}

/// The values that the contract lists for a field of the request.
fn listed(field: &str) -> Vec<&'static str> {
    let body = &contract::operation()["requestBody"]["content"]["application/json"];
    let values = body["schema"]["properties"][field]["enum"].as_array();
    let values = values.expect("a closed list").iter();
    values.map(|value| value.as_str().expect("text")).collect()
}

#[tokio::test]
async fn flow_leads_back_to_the_validated_return_url_and_nowhere_else() {
    assert_eq!(listed("flow"), FLOWS);
    let service = Service::start().await;
    for flow in FLOWS {
        service.stripe.forget_received();
        let answer = open_with(&service, json!({ "flow": flow })).await;
        assert_eq!(answer.status, 200, "{flow}");
        let calls = service.sessions();
        let expected = [
            (
                "flow_data[after_completion][redirect][return_url]",
                RETURN_URL,
            ),
            ("flow_data[after_completion][type]", "redirect"),
            ("flow_data[type]", flow),
        ];
        assert_eq!(own_fields(&calls), expected);
        assert_eq!(calls[0].field("return_url"), Some(RETURN_URL));
    }
}

#[tokio::test]
async fn every_locale_of_the_contract_is_sent_as_it_is() {
    let locales = listed("locale");
    assert_eq!((locales.len(), locales[0]), (47, "auto"));
    let service = Service::start().await;
    for locale in locales {
        service.stripe.forget_received();
        let answer = open_with(&service, json!({ "locale": locale })).await;
        assert_eq!(answer.status, 200, "{locale}");
        assert_eq!(own_fields(&service.sessions()), [("locale", locale)]);
    }
}

#[tokio::test]
async fn what_is_not_on_a_list_is_422_before_stripe_is_asked() {
    let service = Service::start().await;
    let flow = "must be one of payment_method_update, customer_update";
    let locale = "must be auto or a language tag of the documented list, such as de or pt-BR";
    let text = "must be a string";
    #[rustfmt::skip]
    let rows = [
        ("flow", json!("subscription_cancel"), flow),
        ("flow", json!("subscription_update"), flow),
        ("flow", json!("subscription_update_confirm"), flow),
        ("flow", json!("subscription_pause"), flow),
        ("flow", json!("Payment_method_update"), flow),
        ("flow", json!("payment_method_update "), flow),
        ("flow", json!(""), flow),
        ("flow", json!(null), text),
        ("flow", json!({"type": "payment_method_update"}), text),
        ("flow", json!(["payment_method_update"]), text),
        ("locale", json!("xx"), locale),
        ("locale", json!("DE"), locale),
        ("locale", json!("de_DE"), locale),
        ("locale", json!("de-AT"), locale),
        ("locale", json!(" de"), locale),
        ("locale", json!(""), locale),
        ("locale", json!(null), text),
        ("locale", json!(47), text),
        ("flow_data", json!({"type": "payment_method_update"}), "unknown field"),
        ("Flow", json!("payment_method_update"), "unknown field"),
    ];
    for (field, value, problem) in rows {
        let answer = open_with(&service, json!({ field: value })).await;
        answer.assert_invalid(field, problem);
    }
    assert!(service.sessions().is_empty());
}

/// Whatever callers send, and whatever happens to the portal configuration: these words leave only to turn the feature off.
#[tokio::test]
async fn words_of_plans_leave_the_service_only_as_features_turned_off() {
    let service = Service::start().await;
    let words = [
        "subscription_cancel",
        "subscription_update",
        "subscription_update_confirm",
        "subscription_pause",
    ];
    for word in words {
        for field in ["flow", "locale", "flow_data", word] {
            open_with(&service, json!({ field: word })).await;
        }
        let flow = json!({ "flow_data": { "type": word, word: { "subscription": "sub_1" } } });
        open_with(&service, flow).await;
        let request =
            TestRequest::portal(service.key(), RETURN_URL).with_header("Stripe-Flow", word);
        service.send(&request).await;
    }
    for flow in FLOWS {
        open_with(&service, json!({ "flow": flow })).await;
    }
    // A changed configuration is restored.
    let id = service.stripe.configurations()[0]["id"].clone();
    let id = id.as_str().expect("an id");
    let on = json!({"features": {"subscription_cancel": {"enabled": true}}});
    service.stripe.change_configuration(id, &on);
    service.run(&["portal-config", "ensure"]).await;

    let mut seen = 0;
    for call in service.stripe.received() {
        let head = format!("{} {:?} {:?}", call.path, call.query, call.headers);
        assert!(!head.contains("subscription"), "{head}");
        for (name, value) in &call.form {
            if !format!("{name}={value}").contains("subscription") {
                continue;
            }
            let feature = words
                .iter()
                .find(|word| *name == format!("features[{word}][enabled]"));
            assert!(feature.is_some() && value == "false", "{name}={value}");
            seen += 1;
        }
    }
    assert_eq!(seen, 6, "three features, at creation and when restored");
}

#[test]
fn flow_that_stripe_refuses_is_502_with_its_own_cause() {
    let log = Log::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    log.record(|| {
        runtime.block_on(async {
            // The operator's own configuration, in which billing details cannot be edited.
            let service = Service::start().await;
            let features = json!({"features": {"payment_method_update": {"enabled": true}}});
            let named = service.stripe.add_configuration(&features);
            let builder = Service::builder().stripe(&service.stripe);
            let service = builder
                .set("STRIPE_PORTAL_CONFIGURATION", &named)
                .start()
                .await;
            let answer = open_with(&service, json!({ "flow": "customer_update" })).await;
            answer.assert_error("BILLING_PORTAL_UNAVAILABLE");
            assert_eq!(answer.header("retry-after"), None);
            for fields in [json!({ "flow": "payment_method_update" }), json!({})] {
                assert_eq!(open_with(&service, fields).await.status, 200);
            }
        });
    });
    let lines = log::lines(&log.text());
    let refused: Vec<_> = lines
        .iter()
        .filter(|line| line["event"] == "stripe_flow_refused")
        .collect();
    let [refused] = refused[..] else {
        panic!("{refused:?}")
    };
    assert_eq!(
        (&refused["alert"], &refused["upstream_cause"]),
        (&json!(true), &json!("flow_refused"))
    );
}

#[tokio::test]
async fn refusal_is_about_the_flow_only_if_stripe_says_so() {
    let error = |code: Option<&str>, param: Option<&str>| {
        let error = json!({"type": "invalid_request_error", "code": code, "param": param, "message": "Stripe's own words"});
        Reply::json(400, &json!({ "error": error }))
    };
    let parameter = |name: &str| error(Some("parameter_unknown"), Some(name));
    let redirect = "flow_data[after_completion][redirect][return_url]";
    let (flow, other) = ("flow_refused", "bad_request");
    #[rustfmt::skip]
    let rows = [
        (true, parameter("flow_data[type]"), Some(flow), "the flow's parameter"),
        (true, parameter("flow_data"), Some(flow), "all of them"),
        (true, error(None, None), Some(flow), "nothing else is named"),
        (true, parameter("configuration_x"), Some(other), "another parameter"),
        (true, error(Some("account_invalid"), None), Some(other), "another reason"),
        (false, error(None, None), Some(other), "no flow was requested"),
        (true, error(Some("url_invalid"), Some(redirect)), None, "the return URL, which the caller can change"),
    ];
    for (with_flow, reply, cause, why) in rows {
        let service = Service::start().await;
        service.stripe.answer_next(Endpoint::Sessions, [reply]);
        let fields = if with_flow {
            json!({ "flow": "customer_update" })
        } else {
            json!({})
        };
        let answer = open_with(&service, fields).await;
        let Some(cause) = cause else {
            answer.assert_invalid("return_url", "was refused by the payment provider");
            continue;
        };
        answer.assert_error("BILLING_PORTAL_UNAVAILABLE");
        let counted = format!("billing_portal_unavailable_total{{upstream_cause=\"{cause}\"}} 1");
        let metrics = send(service.operations(), &TestRequest::get("/metrics")).await;
        assert!(metrics.text().contains(&counted), "{why}");
    }
}

#[tokio::test]
async fn session_with_another_flow_than_the_requested_one_is_not_accepted() {
    let service = Service::start().await;
    open_with(&service, json!({ "flow": "customer_update" })).await;
    let good = service.stripe.last_session().expect("a session");
    let with = |pointer: &str, value: Value| {
        let mut session = good.clone();
        *session.pointer_mut(pointer).expect("a field") = value;
        session
    };
    let elsewhere = json!("https://evil.example.net/");
    let there = "/flow/after_completion/redirect/return_url";
    #[rustfmt::skip]
    let rows = [
        (Some("customer_update"), good.clone(), 200, "the requested flow"),
        (Some("payment_method_update"), good.clone(), 502, "another one"),
        (Some("customer_update"), with("/flow/type", json!("subscription_cancel")), 502, "one that changes plans"),
        (Some("customer_update"), with("/flow", Value::Null), 502, "none"),
        (Some("customer_update"), with(there, elsewhere), 502, "one that leads elsewhere"),
        (Some("customer_update"), with("/flow/after_completion/type", json!("portal_homepage")), 502, "one that stays"),
        (None, good.clone(), 502, "one although none was requested"),
    ];
    for (flow, session, status, why) in rows {
        let reply = Reply::json(200, &session);
        service.stripe.answer_next(Endpoint::Sessions, [reply]);
        let fields = flow.map_or(json!({}), |flow| json!({ "flow": flow }));
        let answer = open_with(&service, fields).await;
        assert_eq!(answer.status, status, "{why}");
    }
}
