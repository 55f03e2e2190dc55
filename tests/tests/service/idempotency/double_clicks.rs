//! Two clicks at the same time, on the same or on different instances.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use tokio::task::JoinSet;

use super::{is_replayed, keyed};
use crate::harness::log::Log;
use crate::harness::service::{Service, send};

/// How many double clicks there are.
const DOUBLE_CLICKS: usize = 1000;
/// Double clicks at the same time.
const AT_ONCE: usize = 16;
/// How long Stripe takes to open a session. The second click arrives meanwhile.
const EXECUTION: Duration = Duration::from_millis(20);

/// Both clicks of each of [`DOUBLE_CLICKS`] users, each on another instance; answers the URLs.
async fn double_clicks(instances: &[Service]) -> BTreeSet<String> {
    let mut urls = BTreeSet::new();
    let mut running = JoinSet::new();
    for number in 0..DOUBLE_CLICKS {
        let [left, right] = [number, number + 1 + number % 2].map(|at| at % instances.len());
        let ask = keyed(&instances[0], &format!("page-view-{number:04}"));
        let (left, right) = (instances[left].api(), instances[right].api());
        running.spawn(async move { tokio::join!(send(left, &ask), send(right, &ask)) });
        let is_last = number + 1 == DOUBLE_CLICKS;
        while running.len() == AT_ONCE || (is_last && !running.is_empty()) {
            let (first, second) = running
                .join_next()
                .await
                .expect("one runs")
                .expect("no panic");
            assert_eq!(
                (first.status, second.status),
                (200, 200),
                "{}{}",
                first.text(),
                second.text()
            );
            assert_eq!(first.text(), second.text());
            assert!(
                is_replayed(&first) != is_replayed(&second),
                "one of them opened it"
            );
            urls.insert(first.json()["data"]["portal_url"].to_string());
        }
    }
    urls
}

#[test]
fn thousand_double_clicks_over_three_instances_open_a_thousand_sessions_and_store_nothing() {
    let log = Log::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    log.record(|| {
        runtime.block_on(async {
            let now = "2026-05-22T12:25:30Z";
            // Its files are searched.
            let first = Service::builder().now(now).sqlite().start().await;
            let second = Service::builder().now(now).start_beside(&first).await;
            let third = Service::builder().now(now).start_beside(&first).await;
            first.stripe.execute_for(EXECUTION);
            let instances = [first, second, third];
            let urls = double_clicks(&instances).await;
            assert_eq!(urls.len(), DOUBLE_CLICKS);
            assert_eq!(instances[0].stripe.opened_sessions(), DOUBLE_CLICKS);

            let [first, second, third] = instances;
            let (key, database) = (first.key().to_owned(), first.database());
            let folder = database.parent().expect("a folder").to_owned();
            third.drain().await;
            second.drain().await;
            let mut at_rest = vec![("the log".to_owned(), log.text().into_bytes())];
            for file in fs::read_dir(folder).expect("the folder can be read") {
                let path = file.expect("a file").path();
                at_rest.push((path.display().to_string(), fs::read(&path).expect("a file")));
            }
            assert!(at_rest.len() >= 2 && at_rest[0].1.len() > 100_000);
            for (name, bytes) in &at_rest {
                for secret in ["/p/session/", "page-view-", key.as_str()] {
                    let found = bytes
                        .windows(secret.len())
                        .any(|part| part == secret.as_bytes());
                    assert!(!found, "{secret} is in {name}");
                }
            }
        });
    });
}

/// As slow as the real Stripe: the second click must wait for the result of the first.
#[tokio::test]
async fn second_click_waits_while_stripe_executes_the_first() {
    let service = Service::builder().now("2026-05-22T12:25:30Z").start().await;
    service.stripe.execute_for(Duration::from_secs(2));
    let ask = keyed(&service, "k");
    let (first, second) = tokio::join!(service.send(&ask), service.send(&ask));
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(first.json(), second.json());
    assert_eq!(service.stripe.opened_sessions(), 1);
    // Each look for the result is a call, of which Stripe takes few.
    let calls = service.sessions().len();
    assert!((3..=9).contains(&calls), "{calls}");
}
