//! The service's answers, as replies of a scripted server.

use billing_portal_tests::http_server::{ScriptedReply, ScriptedServer, reply};

/// The portal's URL in [`opened`].
pub(crate) const PORTAL_URL: &str = "https://billing.stripe.com/p/session/bps_test_0123456789";

/// A server that answers the requests in the order of the script; its last reply answers all later requests too.
pub(crate) async fn serve(script: impl IntoIterator<Item = ScriptedReply>) -> ScriptedServer {
    ScriptedServer::start(script).await.expect("a free port")
}

/// An answer of the service: JSON with a request id.
pub(crate) fn json(status: u16, headers: &str, body: &str) -> ScriptedReply {
    let headers = format!(
        "Content-Type: application/json\r\nX-Request-Id: 01JTBQH2FZ8K1RXC0WJ4Z9P3VM\r\n{headers}"
    );
    ScriptedReply::Whole(reply(status, &headers, body))
}

/// An error of the service.
pub(crate) fn refusal(status: u16, code: &str, headers: &str) -> ScriptedReply {
    let body = format!(
        r#"{{"success":false,"error":{{"code":"{code}","message":"no","request_id":"01JTBQH2FZ8K1RXC0WJ4Z9P3VM"}}}}"#
    );
    json(status, headers, &body)
}

/// A success: a session that expires five minutes after the answer.
pub(crate) fn opened() -> ScriptedReply {
    json(
        200,
        "Date: Fri, 22 May 2026 12:25:00 GMT\r\n",
        &session(PORTAL_URL),
    )
}

/// The body of a success.
pub(crate) fn session(portal_url: &str) -> String {
    format!(
        r#"{{"success":true,"data":{{"portal_url":"{portal_url}","expires_at":"2026-05-22T12:30:00Z"}}}}"#
    )
}
