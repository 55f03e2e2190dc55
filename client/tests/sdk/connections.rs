//! Retries over connections that work: a kept connection may have died since its last use.

use std::time::{Duration, Instant};

use billing_portal_client::{Client, ClientBuilder, Error, PortalSession};

use super::kept_connections::{Fault, KeepingServer};
use super::{KEY, RETURN_URL};

const FAULTS: [Fault; 6] = [
    Fault::Close,
    Fault::Reset,
    Fault::Swallow,
    Fault::HalfHead,
    Fault::HalfBody,
    Fault::Garbage,
];

fn builder(server: &KeepingServer) -> ClientBuilder {
    Client::builder()
        .api_key(KEY)
        .base_url(server.base_url())
        .timeout(Duration::from_secs(3))
}

async fn call(client: &Client) -> Result<PortalSession, Error> {
    client.create_portal_session(RETURN_URL).await
}

/// A client with this many kept connections, each of which has the fault at its next request.
async fn client_with_dead_connections(
    server: &KeepingServer,
    builder: ClientBuilder,
    count: usize,
) -> Client {
    let client = builder.build().expect("valid settings");
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..count {
        let client = client.clone();
        calls.spawn(async move { call(&client).await.map(drop) });
    }
    let opened = calls.join_all().await;
    assert!(opened.iter().all(Result::is_ok), "{opened:?}");
    // The connections return to the pool after the answers have been read.
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(server.connections().len(), count);
    client
}

#[tokio::test]
async fn k1_three_dead_kept_connections_do_not_fail_a_call() {
    for fault in FAULTS
        .into_iter()
        .filter(|fault| !matches!(fault, Fault::Swallow))
    {
        let server = KeepingServer::start(fault, 3).await;
        let client = client_with_dead_connections(&server, builder(&server), 3).await;
        for _ in 0..3 {
            let opened = call(&client).await;
            assert!(opened.is_ok(), "{fault:?}: {opened:?}");
        }
        // Each call found one dead connection, and then opened a new one.
        let mut used = server.connections().split_off(3);
        used.sort_unstable();
        assert_eq!(used, [0, 1, 2, 3, 4, 5], "{fault:?}");
    }
}

#[tokio::test]
async fn k1_the_retry_after_a_dead_kept_connection_does_not_count() {
    for fault in FAULTS {
        let server = KeepingServer::start(fault, 1).await;
        let settings = builder(&server).max_retries(0);
        let client = client_with_dead_connections(&server, settings, 1).await;
        let opened = call(&client).await;
        assert!(opened.is_ok(), "{fault:?}: {opened:?}");
        assert_eq!(server.connections(), [0, 0, 1], "{fault:?}");
    }
}

#[tokio::test]
async fn k1_retries_over_new_connections_count() {
    for fault in [Fault::Close, Fault::Reset, Fault::HalfHead] {
        for max_retries in [0, 1, 2] {
            let server = KeepingServer::start(fault, 1).await;
            let settings = builder(&server).max_retries(max_retries);
            let client = client_with_dead_connections(&server, settings, 1).await;
            server.break_new_connections();
            let error = call(&client).await.expect_err("no connection works");
            assert!(matches!(error, Error::Disconnected { .. }), "{error:?}");
            // The dead connection, one retry that does not count, and those that do.
            let tries = server.connections().len() - 1;
            assert_eq!(tries, 2 + max_retries as usize, "{fault:?}");
        }
    }
}

#[tokio::test]
async fn k1_a_new_connection_that_fails_is_retried_only_as_often_as_allowed() {
    for fault in [Fault::Close, Fault::Reset, Fault::HalfBody] {
        let server = KeepingServer::start(fault, 1).await;
        server.break_new_connections();
        let client = builder(&server)
            .max_retries(0)
            .build()
            .expect("valid settings");
        call(&client).await.expect_err("the connection fails");
        assert_eq!(server.connections(), [0], "{fault:?}");
    }
}

/// The share is half of the time that is left, so each call is bounded by its own deadline.
#[tokio::test]
async fn k1_a_connection_that_swallows_a_request_is_given_up_after_its_share() {
    for (max_retries, timeout) in [(0, 1000), (1, 1000), (2, 2000), (5, 600)] {
        let server = KeepingServer::start(Fault::Swallow, 1).await;
        let timeout = Duration::from_millis(timeout);
        let settings = builder(&server).max_retries(max_retries).timeout(timeout);
        let client = client_with_dead_connections(&server, settings, 1).await;
        let started = Instant::now();
        let opened = call(&client).await;
        let took = started.elapsed();
        assert!(opened.is_ok(), "{max_retries}: {opened:?} after {took:?}");
        assert!(took >= timeout / 2, "{max_retries}: {took:?}");
        assert_eq!(server.connections(), [0, 0, 1], "{max_retries}");
    }
}

/// What the network drops silently it drops for all kept connections.
#[tokio::test]
async fn k1_only_one_call_waits_for_connections_that_swallow() {
    let server = KeepingServer::start(Fault::Swallow, 3).await;
    let timeout = Duration::from_secs(2);
    let settings = builder(&server).timeout(timeout);
    let client = client_with_dead_connections(&server, settings, 3).await;
    call(&client).await.expect("the retry succeeds");
    let started = Instant::now();
    call(&client).await.expect("a new connection answers");
    assert!(started.elapsed() < timeout / 2, "{:?}", started.elapsed());
    assert_eq!(server.connections()[4..], [3, 4]);
}

#[tokio::test]
async fn k1_one_deadline_holds_when_every_connection_swallows() {
    for max_retries in [0, 2] {
        let server = KeepingServer::start(Fault::Swallow, 1).await;
        let timeout = Duration::from_millis(800);
        let settings = builder(&server).max_retries(max_retries).timeout(timeout);
        let client = client_with_dead_connections(&server, settings, 1).await;
        server.break_new_connections();
        let started = Instant::now();
        let error = call(&client).await.expect_err("no connection answers");
        assert!(error.is_timeout(), "{error:?}");
        // Twice the deadline leaves room for a busy machine, and none for a deadline of each try.
        assert!(started.elapsed() < 2 * timeout, "{:?}", started.elapsed());
    }
}

/// A new connection is not suspected of being dead: its answer may take until the deadline.
#[tokio::test]
async fn k1_the_last_try_over_a_new_connection_may_take_all_the_time() {
    let server = KeepingServer::start(Fault::Swallow, 1).await;
    server.break_new_connections();
    let timeout = Duration::from_millis(800);
    let settings = builder(&server).max_retries(0).timeout(timeout);
    let client = settings.build().expect("valid settings");
    let started = Instant::now();
    let error = call(&client).await.expect_err("no answer");
    assert!(error.is_timeout(), "{error:?}");
    assert!(started.elapsed() >= timeout, "{:?}", started.elapsed());
}
