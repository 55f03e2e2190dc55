//! The system's limit on open files: raised at start as far as it can be, and never used up by connections.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::harness::busy_connection::BusyConnection;
use crate::harness::log;
use crate::harness::process::Process;
use crate::harness::service::Service;
use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

fn soft_limit(process: &Process) -> u32 {
    let limits = process.proc("limits");
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next());
    soft.expect("a limit").parse().expect("a number")
}

#[tokio::test]
async fn h5_the_soft_limit_is_raised_to_what_the_settings_need() {
    let service = Service::start().await;
    for (soft, hard, max_connections) in [
        (64, 4096, "1024"),
        (256, 2048, "500"),
        (1024, 4096, "1024"),
        (2000, 2000, "1024"),
    ] {
        let process = Process::with_open_files(
            &service,
            (soft, hard),
            &[("MAX_CONNECTIONS", max_connections)],
        )
        .await;
        let needed: u32 = max_connections.parse().expect("a number");
        let raised = soft_limit(&process);
        assert!(
            raised > needed && raised >= soft,
            "{soft} was raised to {raised}"
        );
        process.terminate().await;
        let (_, text) = process.end().await;
        assert!(!text.contains("open_file_limit"), "{text}");
    }
}

#[tokio::test]
async fn h5_connections_are_bounded_by_what_the_hard_limit_leaves() {
    let service = Service::start().await;
    for (hard, connections) in [(64, 32), (256, 128), (512, 336)] {
        let settings = [("MAX_IN_FLIGHT", "1000"), ("BODY_TIMEOUT_SECONDS", "600")];
        let process = Process::with_open_files(&service, (64, hard), &settings).await;
        let mut taken = Vec::new();
        // From enough peers that none has more than its share.
        for number in 0..connections {
            let source = Ipv4Addr::new(127, 0, 1, u8::try_from(number % 8).unwrap_or(0));
            let busy = BusyConnection::open(process.api, source.into(), service.key());
            taken.push(busy.await);
        }
        assert_eq!(
            process.readiness().await.json()["ready"],
            true,
            "the reserve is kept"
        );
        let waiting = TestRequest::portal(service.key(), RETURN_URL);
        let mut one_more = ClientConnection::open(process.api)
            .await
            .expect("it is queued");
        one_more
            .send(&waiting.to_bytes())
            .await
            .expect("it is queued");
        let early = one_more.response("POST", Duration::from_millis(300)).await;
        assert!(early.is_none(), "all are taken");
        taken.pop();
        let answer = one_more.response("POST", Duration::from_secs(30)).await;
        assert_eq!(
            answer.expect("an answer").status,
            200,
            "Stripe and the database have their descriptors"
        );
        drop(taken);
        process.terminate().await;
        let (_, text) = process.end().await;
        let lines = log::lines(&text);
        let warning = lines.iter().find(|line| line["event"] == "open_file_limit");
        let warning = warning.expect("the settings ask for more");
        assert_eq!(
            (&warning["connections"], &warning["limit"]),
            (&connections.into(), &hard.into())
        );
    }
}
