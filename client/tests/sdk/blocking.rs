//! The same calls without an async runtime.

use std::time::Duration;

use billing_portal_client::blocking::Client;
use billing_portal_client::test_util::FakeServer;
use billing_portal_client::{Error, ErrorCode};

use super::RETURN_URL;

#[test]
fn a_call_returns_when_it_is_done() {
    let server = FakeServer::start().expect("a free port");
    let client = Client::new(server.client()).expect("a runtime");
    let session = client.create_portal_session(RETURN_URL).expect("a session");
    assert!(session.portal_url.is_fresh(Duration::from_mins(4)));

    server.refuse(&ErrorCode::NoStripeCustomer);
    let error = client
        .create_portal_session(RETURN_URL)
        .expect_err("refused");
    assert_eq!(error.code(), Some(&ErrorCode::NoStripeCustomer));

    server.open();
    server.refuse_once(&ErrorCode::RequestTimeout);
    let session = client.create_portal_session_with(RETURN_URL, |call| call.max_retries(1));
    session.expect("the second try succeeds");
}

#[test]
fn threads_share_a_client() {
    let server = FakeServer::start().expect("a free port");
    let client = Client::new(server.client()).expect("a runtime");
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let client = client.clone();
            std::thread::spawn(move || client.create_portal_session(RETURN_URL).map(drop))
        })
        .collect();
    let outcomes: Result<Vec<()>, Error> = callers
        .into_iter()
        .map(|caller| caller.join().expect("no panic"))
        .collect();
    assert_eq!(outcomes.expect("eight sessions").len(), 8);
    assert_eq!(server.return_urls().len(), 8);
}

#[tokio::test]
async fn k7_a_client_may_be_made_and_dropped_in_async_code() {
    let server = FakeServer::start().expect("a free port");
    let client = Client::new(server.client()).expect("a runtime");
    drop(client.clone());
    drop(client);
}

#[tokio::test(flavor = "multi_thread")]
async fn k7_a_client_may_be_dropped_on_any_thread_of_a_runtime() {
    let server = FakeServer::start().expect("a free port");
    let used = || {
        let client = Client::new(server.client()).expect("a runtime");
        let call = client.clone();
        // Kept connections are dropped with the client.
        let opened = std::thread::spawn(move || call.create_portal_session(RETURN_URL).map(drop));
        opened.join().expect("no panic").expect("a session");
        client
    };
    let client = used();
    tokio::spawn(async move { drop(client) })
        .await
        .expect("no panic in a task");
    let client = used();
    tokio::task::spawn_blocking(move || drop(client))
        .await
        .expect("no panic on a blocking thread");
    let client = used();
    tokio::task::block_in_place(move || drop(client));
    drop(used());
}

#[test]
fn k7_the_last_clone_may_be_dropped_in_async_code() {
    let server = FakeServer::start().expect("a free port");
    let client = Client::new(server.client()).expect("a runtime");
    client.create_portal_session(RETURN_URL).expect("a session");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let last = client.clone();
    drop(client);
    runtime.block_on(async move { drop(last) });
}
