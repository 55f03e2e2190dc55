//! Stripe, or the network before it, breaks in several ways.

use std::time::Duration;

use tokio::time::sleep;

use super::network::{Manner, Network};
use super::rounds;
use super::running::Running;
use super::scene::{Scene, beside, prepare, variables};
use crate::harness::process;

/// Longer than an attempt may take.
const FAULT: Duration = Duration::from_secs(5);
const FAILURE: &[u8] =
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const GARBAGE: &[u8] = b"\x16\x03\x01\0\xa5\xffam_live_ sk_live_0123456789abcdefghij\r\n\r\n\0";
/// A session of somebody else's, with a body that is not what its length says.
const ANOTHER_SESSION: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 93\r\nConnection: close\r\n\r\n{\"object\":\"billing_portal.session\",\"customer\":\"cus_other\",\"url\":\"https://billing.stripe.com/x\"}";

/// Portals are refused while Stripe is broken, and opened when it works again.
async fn while_stripe(breaks: Manner) {
    let prepared = prepare().await;
    let network = Network::before(&prepared.service.stripe.api_base()).await;
    let api_base = format!("http://{}", network.address);
    let settings = variables(&prepared.service, &[("STRIPE_API_BASE", &api_base)]);
    let command = process::command(&["serve"], &settings);
    let running = Running::start(command, &beside(&prepared.service, "log")).await;
    let scene = Scene::of(prepared, running, settings).await;
    for _ in 0..rounds() {
        network.set(breaks);
        scene.senders().until(502).await;
        sleep(FAULT).await;
        network.set(Manner::Passes);
        scene.recovers().await;
    }
    assert_eq!(scene.senders().count(0), 0, "each request was answered");
    assert_eq!(scene.end().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stripe_resets_connections() {
    while_stripe(Manner::Resets).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stripe_hangs() {
    while_stripe(Manner::Hangs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stripe_responds_with_garbage() {
    while_stripe(Manner::Responds(GARBAGE)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stripe_fails() {
    while_stripe(Manner::Responds(FAILURE)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stripe_responds_with_the_session_of_another_customer() {
    while_stripe(Manner::Responds(ANOTHER_SESSION)).await;
}
