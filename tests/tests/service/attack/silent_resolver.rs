//! M8: nothing waits without a deadline for a resolver that does not answer.

use std::future::pending;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use billing_portal_server::{Resolver, runtime};
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use tokio::time::sleep;

use crate::harness::service::{Service, send};

/// How the resolver treats each look-up.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Silent,
    FailsLate,
    AnswersLate,
    AnswersSlowly,
}

async fn look_up(manner: Manner) -> io::Result<Vec<IpAddr>> {
    let late = Duration::from_secs(3);
    match manner {
        Manner::Silent => pending().await,
        Manner::FailsLate => {
            sleep(late).await;
            Err(io::Error::other("no such host"))
        }
        Manner::AnswersLate => {
            sleep(late).await;
            Ok(vec![IpAddr::from([127, 0, 0, 1])])
        }
        Manner::AnswersSlowly => {
            sleep(Duration::from_millis(300)).await;
            Ok(vec![IpAddr::from([127, 0, 0, 1])])
        }
    }
}

/// A service that finds Stripe's address only by this resolver, and the number of look-ups.
async fn start(manner: Manner) -> (Service, Arc<AtomicUsize>) {
    let stripe = billing_portal_tests::stripe::SimulatedStripe::builder();
    let stripe = Arc::new(stripe.start().await.expect("a free port"));
    let look_ups = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&look_ups);
    let resolver = Resolver::from_fn(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        look_up(manner)
    });
    let api_base = stripe.api_base().replace("127.0.0.1", "localhost");
    let builder = Service::builder().stripe(&stripe).api_base(&api_base);
    let service = builder.resolver(resolver).start_unverified().await;
    (service, look_ups)
}

#[tokio::test]
async fn m8_a_resolver_that_does_not_answer_is_dns() {
    for manner in [Manner::Silent, Manner::FailsLate, Manner::AnswersLate] {
        let (service, look_ups) = start(manner).await;
        let failed = r#"billing_portal_stripe_retries_total{cause="dns"}"#;
        loop {
            let metrics = send(service.operations(), &TestRequest::get("/metrics")).await;
            let mut counted = metrics.text().lines().filter(|line| {
                line.starts_with("billing_portal_stripe_retries_total{") && !line.ends_with(" 0")
            });
            if let Some(line) = counted.next() {
                assert!(line.starts_with(failed), "{manner:?}: {line}");
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
        assert!(look_ups.load(Ordering::Relaxed) >= 1);
        let answer = service.create_portal_session(RETURN_URL).await;
        answer.assert_error("BILLING_PORTAL_UNAVAILABLE");
        assert_eq!(service.stripe.calls(), 0);
        // The look-up of a retry is still under way.
        service.drain().await;
    }
}

#[tokio::test]
async fn m8_a_slow_resolver_is_waited_for() {
    let (service, _) = start(Manner::AnswersSlowly).await;
    while service.create_portal_session(RETURN_URL).await.status != 200 {
        sleep(Duration::from_millis(10)).await;
    }
    service.drain().await;
}

#[test]
fn m8_the_end_of_the_process_waits_for_no_blocking_call() {
    // Each call blocks its thread until the other half of the channel is dropped, which is after the end of the runtime.
    for calls in [1, 4, 32, 600] {
        let mut kept = Vec::new();
        let answer = runtime::block_on(async {
            for _ in 0..calls {
                let (sender, receiver) = mpsc::channel::<()>();
                kept.push(sender);
                tokio::task::spawn_blocking(move || receiver.recv());
            }
            "done"
        });
        assert_eq!(answer.expect("a runtime"), "done");
        assert_eq!(kept.len(), calls);
    }
}
