//! Many senders announce large webhooks and send little of them, or send them slowly: every signed webhook gets in.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use crate::harness::service::{Service, send};
use crate::harness::webhook::{SECRET, customer, event, signed, unix_time, unsigned};
use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::TestRequest;

const MIB: usize = 1024 * 1024;
/// What happens at once may take so long on a busy machine.
const RESPONSE_LIMIT: Duration = Duration::from_secs(30);
/// Bodies of 64 KiB in the 2 MiB that one address has for small bodies.
const FIT: usize = 32;

/// An attack: so many connections of so many addresses, each sending these bytes after a head that announces more.
struct Attack {
    why: &'static str,
    connections: usize,
    addresses: usize,
    sent: usize,
    chunked: bool,
}

async fn service() -> Service {
    Service::builder()
        .set("STRIPE_WEBHOOK_SECRET", SECRET)
        .set("TRUSTED_PROXIES", "127.0.0.0/8")
        .start()
        .await
}

impl Attack {
    async fn begin(&self, service: &Service) -> Vec<ClientConnection> {
        let mut connections = Vec::new();
        for number in 0..self.connections {
            connections.push(self.connect(service, number).await);
        }
        sleep(Duration::from_millis(200)).await;
        connections
    }

    /// Opens one connection, and sends what it sends.
    async fn connect(&self, service: &Service, number: usize) -> ClientConnection {
        let mut connection = ClientConnection::open(service.api())
            .await
            .expect("it listens");
        let address = format!("203.0.113.{}", number % self.addresses);
        let time = unix_time();
        let request = unsigned(Vec::new())
            .with_header("X-Forwarded-For", address)
            .with_header(
                "Stripe-Signature",
                format!("t={time},v1={}", "0".repeat(64)),
            );
        let (request, body) = if self.chunked {
            let chunk = format!("{:x}\r\n{}\r\n", self.sent, "x".repeat(self.sent));
            (request.with_header("Transfer-Encoding", "chunked"), chunk)
        } else {
            (
                request.with_header("Content-Length", MIB.to_string()),
                "x".repeat(self.sent),
            )
        };
        let request = request.with_header("Expect", "100-continue");
        connection.send(&request.head()).await.expect("it reads");
        // Now the body has begun, before that of the next connection.
        let interim = connection.response("POST", RESPONSE_LIMIT).await;
        assert_eq!(interim.expect("an interim response").status, 100);
        connection.send(body.as_bytes()).await.expect("it reads");
        connection
    }
}

/// A signed webhook with a body of about this size.
fn good(number: usize, bytes: usize) -> TestRequest {
    let mut object = customer(&format!("cus_{number}"), "acme");
    object["description"] = json!("x".repeat(bytes));
    let event = event(
        &format!("evt_{number}"),
        "customer.updated",
        unix_time(),
        &object,
    );
    signed(&event).with_header("X-Forwarded-For", format!("198.51.100.{}", number % 12))
}

#[tokio::test]
async fn h7_every_signed_webhook_gets_in_while_an_attack_lasts() {
    #[rustfmt::skip]
    let attacks = [
        Attack { why: "a mebibyte is announced, one byte is sent", connections: 40, addresses: 10, sent: 1, chunked: false },
        Attack { why: "nothing is sent", connections: 60, addresses: 3, sent: 0, chunked: false },
        Attack { why: "all memory for small bodies is taken", connections: 200, addresses: 50, sent: 64 * 1024, chunked: false },
        Attack { why: "all memory for large bodies is taken", connections: 40, addresses: 20, sent: 500_000, chunked: false },
        Attack { why: "the length is not announced", connections: 60, addresses: 20, sent: 300_000, chunked: true },
        Attack { why: "one address takes its share of both", connections: 60, addresses: 1, sent: 200_000, chunked: false },
    ];
    for attack in attacks {
        let service = service().await;
        let connections = attack.begin(&service).await;
        for (number, bytes) in [0, 100, 10_000, 60_000, 1_000, 50_000]
            .into_iter()
            .enumerate()
        {
            let answer = send(service.api(), &good(number, bytes)).await;
            assert_eq!(answer.status, 200, "{}: {bytes} bytes", attack.why);
        }
        drop(connections);
    }
}

#[tokio::test]
async fn h7_the_body_that_arrives_for_the_longest_time_gives_way() {
    let service = service().await;
    let attack = Attack {
        why: "",
        connections: 70,
        addresses: 1,
        sent: 64 * 1024,
        chunked: false,
    };
    // On a busy machine the time of the first body may be over before there are enough of them.
    let mut arriving = None;
    while arriving.is_none() {
        arriving = those_that_stay(&attack, &service).await;
    }
    for mut last in arriving.unwrap_or_default() {
        let answer = last.response("POST", RESPONSE_LIMIT).await;
        let answer = answer.expect("an answer");
        answer.assert_error("REQUEST_TIMEOUT");
        assert_eq!(answer.header("connection"), Some("close"));
    }
}

/// Opens the connections, and checks that each that is one too many takes the place of the first. `None` if that had no
/// more time.
async fn those_that_stay(attack: &Attack, service: &Service) -> Option<VecDeque<ClientConnection>> {
    let mut arriving = VecDeque::new();
    for number in 0..attack.connections {
        arriving.push_back(attack.connect(service, number).await);
        if arriving.len() > FIT {
            let mut first = arriving.pop_front().expect("it is there");
            let answer = first.response("POST", RESPONSE_LIMIT).await;
            let answer = answer.expect("it gives way");
            if answer.status == 408 {
                return None;
            }
            answer
                .assert_error("SERVICE_UNAVAILABLE")
                .assert_retry_after(1..=1);
            assert_eq!(answer.header("connection"), Some("close"));
        }
    }
    Some(arriving)
}

#[tokio::test]
async fn h7_memory_is_returned_when_a_body_ends_in_any_way() {
    let service = service().await;
    let attack = Attack {
        why: "",
        connections: 100,
        addresses: 4,
        sent: 200_000,
        chunked: false,
    };
    for _ in 0..3 {
        // Its senders disconnect at once.
        drop(attack.begin(&service).await);
    }
    sleep(Duration::from_millis(1_500)).await;
    let large = 1_000_000;
    for number in 0..10 {
        let answer = send(service.api(), &good(number, large)).await;
        assert_eq!(answer.status, 200, "a large webhook");
    }
    let answer = send(service.api(), &good(1, 2 * MIB)).await;
    answer.assert_error("PAYLOAD_TOO_LARGE");
}
