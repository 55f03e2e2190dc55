//! How soon a change is seen by other instances, on a machine that does nothing else.

use std::time::Duration;

use crate::harness::service::Service;
use crate::instances::change_times;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_reaches_two_instances_within_a_second() {
    let service = Service::start().await;
    let took = change_times(&service).await;
    assert!(
        took.iter().all(|took| *took < Duration::from_secs(1)),
        "{took:?}"
    );
}
