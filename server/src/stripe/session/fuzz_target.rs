//! Any bytes as Stripe's response: the first byte chooses the status, the rest is the body.

use std::{collections::BTreeMap, sync::LazyLock};

use hyper::header::HeaderMap;
use serde_json::{Value, json};

use super::{
    super::{
        configuration_rules::verify,
        response::{StripeResponse, loggable},
    },
    SessionRequest, accept,
};
use crate::{
    config::StripeConfig,
    ids::{CustomerId, Mode},
    portal_options::Flow,
    return_url::{AllowList, AllowedOrigin, ReturnUrl},
    traces::Steps,
};

const STATUSES: [u16; 12] = [200, 201, 302, 400, 401, 403, 404, 409, 424, 429, 500, 503];
/// From this first byte on the session was requested with a flow.
const FLOWS_FROM: u8 = 128;
const RETURN_URL: &str = "https://app.example.com/settings/billing";
const CONFIGURATION: &str = "bpc_1";
const CUSTOMER: &str = "cus_1";

static REQUESTED_URL: LazyLock<ReturnUrl> = LazyLock::new(|| {
    let entry = AllowedOrigin::parse("https://app.example.com", false);
    let list = AllowList::new(vec![entry.expect("a good entry")], false);
    list.check(RETURN_URL)
        .unwrap_or_else(|error| panic!("{error}"))
});

static CONFIG: LazyLock<StripeConfig> = LazyLock::new(|| StripeConfig {
    secret_key: serde_json::from_value(json!("sk_live_x")).expect("a text"),
    mode: Mode::Live,
    api_base: "https://api.stripe.com".to_owned(),
    proxy: None,
    portal_configuration: None,
    profiles: BTreeMap::new(),
    portal_hosts: vec!["billing.stripe.com".to_owned()],
    allows_local_portal: false,
    organization_metadata_key: "org_id".to_owned(),
    max_in_flight: 1,
    requests_per_second: 0,
});

/// A session is accepted only if it is the requested one; of a failure only words are kept; a configuration is
/// verified only if its plan features are off.
///
/// # Panics
/// If that does not hold.
pub fn target(data: &[u8]) {
    let (status, body) = data.split_first().unwrap_or((&0, &[]));
    let code = STATUSES[usize::from(*status) % STATUSES.len()];
    let response = StripeResponse::without_body(code, &HeaderMap::new()).with_body(body.to_vec());
    // Another parser also refuses escapes and numbers in parts that the service skips.
    let body: Option<Value> = serde_json::from_slice(body).ok();
    let word = response.refusal().reason;
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-[]".contains(&byte);
    assert_eq!(loggable(&word, is_word), Some(word.as_str()));
    let with_flow = (status / FLOWS_FROM > 0).then_some(Flow::ALL[0]);
    check_session(&response, body.as_ref(), with_flow);
    let body = body.unwrap_or_default();
    if verify(&body).ok {
        let features = &body["features"];
        for feature in ["cancel", "pause", "update"] {
            let enabled = &features[format!("subscription_{feature}")]["enabled"];
            assert_eq!(*enabled, Value::Bool(false), "{feature}");
        }
    }
}

fn check_session(response: &StripeResponse, body: Option<&Value>, flow: Option<Flow>) {
    let customer = CustomerId::from_stored(CUSTOMER.to_owned());
    let requested = SessionRequest {
        customer: &customer,
        return_url: &REQUESTED_URL,
        flow,
        locale: None,
        repetition: None,
        steps: &Steps::default(),
    };
    let Ok(accepted) = accept(response, &requested, CONFIGURATION, &CONFIG) else {
        return;
    };
    let url = accepted.url.expose();
    let rest = url.strip_prefix("https://billing.stripe.com");
    let rest = rest.unwrap_or_else(|| panic!("{url}"));
    assert!(
        rest.starts_with(['/', '?', '#']) || rest.is_empty(),
        "{url}"
    );
    assert!(!format!("{:?}", accepted.url).contains("stripe.com"));
    assert_eq!(accepted.configuration, CONFIGURATION);
    if let Some(body) = body {
        assert_eq!(body["customer"], CUSTOMER);
        assert_eq!(body["return_url"], RETURN_URL);
        assert_eq!(body["livemode"], true);
        assert_eq!(body["flow"]["type"].as_str(), flow.map(Flow::as_str));
    }
}
