//! Lines of other programs that know a request's id.

use billing_portal_tests::http_message::RETURN_URL;
use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::json;

use super::explain;
use crate::harness::log::logged;
use crate::harness::service::Service;

/// Other programs log the request's id too, with fields of the same names.
#[test]
fn lines_of_other_programs_say_nothing_about_a_request() {
    let (log, id) = logged(async || {
        let service = Service::start().await;
        let refused = Reply::status(404).header("Request-Id", "req_ours");
        service.stripe.answer_always(Endpoint::Sessions, refused);
        let answer = service.create_portal_session(RETURN_URL).await;
        answer.request_id().to_owned()
    });
    let own = explain(&log, &[&id, "--json"]);
    assert_eq!(own.code, 0, "{}", own.stderr);
    let span = json!({ "request_id": id, "org_id": "shop-eu", "method": "GET", "path": "/shop" });
    #[rustfmt::skip]
    let others = [
        json!({"request_id": id, "org_id": "shop-eu", "reason": "card declined", "stripe_request_id": "req_OTHER"}),
        json!({"event": "answered", "request_id": id, "status": 500, "code": "VALIDATION_FAILED", "elapsed_us": 1}),
        json!({"timestamp": "2026-11-28T12:00:00Z", "level": "INFO", "event": "client_gone", "span": span}),
        json!({"timestamp": "2026-11-28T12:00:00Z", "level": "INFO", "target": "shop::orders", "event": "answered", "status": 200, "span": span}),
        json!({"timestamp": "2026-11-28T12:00:00Z", "level": "info", "target": "audit", "event": "login", "request_id": id, "session": "s"}),
        json!({"time": 1, "level": 30, "msg": "webhook", "event": "webhook", "outcome": "ok", "request_id": id}),
        json!({"log": json!({"request_id": id, "org_id": "shop-eu", "trace_id": "t"}).to_string()}),
    ];
    for other in others {
        for mixed in [format!("{other}\n{log}"), format!("{log}\n{other}\n")] {
            let explained = explain(&mixed, &[&id, "--json"]);
            assert_eq!(explained.stdout, own.stdout, "{other}");
        }
        let alone = explain(&other.to_string(), &[&id]);
        assert_eq!((alone.code, alone.stdout.as_str()), (1, ""), "{other}");
        assert!(
            alone.stderr.contains("none is a line of the service"),
            "{}",
            alone.stderr
        );
    }
}
