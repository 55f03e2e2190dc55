//! A body that nobody has read is never taken for the next request: neither when the service answers before the body has
//! come, nor when the body comes late, nor after a timeout.

use std::time::Duration;

use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use tokio::time::sleep;

use crate::harness::service::Service;

/// What an attacker wants to be taken for a request.
const SMUGGLED: &[u8] = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
/// Longer than hyper's buffers are kept for a connection that rests.
const LONG: Duration = Duration::from_millis(150);
const SHORT: Duration = Duration::from_millis(20);
/// The connection is closed when the service has given up the body.
const CLOSE_LIMIT: Duration = Duration::from_secs(30);

/// A request that is answered before its body was read, and the status of the answer.
struct Early {
    name: &'static str,
    request: TestRequest,
    status: u16,
}

fn early(name: &'static str, request: TestRequest, status: u16) -> Early {
    Early {
        name,
        request,
        status,
    }
}

/// The head of such a request, with the length of the body or in chunks, and its body.
fn messages(request: &TestRequest) -> [(Vec<u8>, Vec<u8>); 2] {
    let whole = request.clone().with_body(SMUGGLED);
    let chunked = request.clone().with_header("Transfer-Encoding", "chunked");
    let chunk = format!("{:x}\r\n", SMUGGLED.len()).into_bytes();
    let chunks = [&chunk, SMUGGLED, b"\r\n0\r\n\r\n"].concat();
    [(whole.head(), SMUGGLED.to_vec()), (chunked.head(), chunks)]
}

/// Sends the parts with pauses; the statuses of all answers until the connection is closed.
async fn statuses(service: &Service, parts: &[(&[u8], Duration)]) -> Vec<u16> {
    let connection = ClientConnection::open(service.api()).await;
    let mut connection = connection.expect("it listens");
    for (bytes, pause) in parts {
        // It may have been closed meanwhile.
        _ = connection.send(bytes).await;
        sleep(*pause).await;
    }
    let mut statuses = Vec::new();
    while let Some(answer) = connection.response("POST", CLOSE_LIMIT).await {
        statuses.push(answer.status);
    }
    statuses
}

#[tokio::test]
async fn an_unread_body_is_never_the_next_request() {
    let service = Service::builder()
        .set("IDLE_TIMEOUT_SECONDS", "5")
        .start()
        .await;
    let portal = TestRequest::portal(service.key(), RETURN_URL).with_body("");
    let refused = portal.clone().with_bearer("am_test_wrong");
    let untyped = portal.clone().without_header("Content-Type");
    let requests = [
        early("401", refused.clone(), 401),
        early("404", refused.clone().with_path("/nowhere"), 404),
        early("405", refused.with_path("/docs/"), 405),
        early("415", untyped, 415),
        early("read", TestRequest::get("/docs/"), 200),
    ];
    for Early {
        name,
        request,
        status,
    } in requests
    {
        for (head, body) in messages(&request) {
            let (first, rest) = head.split_at(1);
            let (cut, late) = body.split_at(body.len() / 2);
            let slow_head = (first, LONG);
            let orders: [&[(&[u8], Duration)]; 4] = [
                &[slow_head, (rest, SHORT), (&body, SHORT)],
                &[slow_head, (rest, LONG), (cut, SHORT), (late, SHORT)],
                &[(&head, LONG), (&body, SHORT)],
                &[slow_head, (&[rest, cut].concat(), SHORT), (late, SHORT)],
            ];
            for (order, parts) in orders.iter().enumerate() {
                let statuses = statuses(&service, parts).await;
                let head = String::from_utf8_lossy(&head);
                assert_eq!(statuses, [status], "{name}, order {order}: {head}");
            }
        }
    }
}

/// The answer says that the connection is closed; a timeout comes long after the service has begun to wait.
#[tokio::test]
async fn a_connection_is_closed_after_a_body_that_came_too_slowly() {
    let service = Service::builder()
        .set("BODY_TIMEOUT_SECONDS", "1")
        .start()
        .await;
    let portal = TestRequest::portal(service.key(), RETURN_URL).with_body("");
    for (head, body) in messages(&portal) {
        let (early, late) = body.split_at(4);
        let parts: [(&[u8], Duration); 3] = [
            (&head, LONG),
            (early, Duration::from_millis(1_500)),
            (late, SHORT),
        ];
        let head = String::from_utf8_lossy(&head);
        assert_eq!(statuses(&service, &parts).await, [408], "{head}");
    }
}
