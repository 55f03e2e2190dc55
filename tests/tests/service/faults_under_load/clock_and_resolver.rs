//! The clock jumps, or the resolver does not answer: the service in this process, because both are the system's.

use std::future::pending;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use billing_portal_server::Resolver;
use billing_portal_server::clock::Clock;
use billing_portal_tests::stripe::SimulatedStripe;
use chrono::TimeDelta;
use tokio::time::sleep;

use super::load::Load;
use super::network::{Manner, Network};
use super::rounds;
use super::running::Addresses;
use super::scene::{
    assert_no_secret, assert_nothing_wrong, missing_audits, prepare_service, recovers,
};
use crate::harness::log::Log;
use crate::harness::service::{Builder, Service};
use crate::harness::webhook::{SECRET, unix_time};

/// Runs a service of this process under load, on one thread, whose log is kept; then checks what must hold.
fn under_load(start: impl AsyncFnOnce(Builder) -> Service, faults: impl AsyncFnOnce(&Load)) {
    let log = Log::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    log.record(|| {
        runtime.block_on(async {
            let builder = Service::builder().set("STRIPE_WEBHOOK_SECRET", SECRET);
            let service = start(builder).await;
            let addresses = Addresses {
                api: service.api(),
                operations: service.operations(),
            };
            let prepared = prepare_service(service).await;
            let service = prepared.service;
            let load = Load::start(addresses, prepared.keys, prepared.revoked);
            recovers(&load.senders).await;
            faults(&load).await;
            let senders = load.stop().await;
            assert_eq!(senders.count(0), 0, "each request was answered");
            assert_eq!(missing_audits(&senders.seen().opened, &log.text()), 0);
            assert_no_secret(&log.text(), &service, &senders);
            assert_nothing_wrong(service.variables(), &senders).await;
        });
    });
}

#[test]
fn the_clock_jumps() {
    let offset = Arc::new(AtomicI64::new(0));
    let hand = Arc::clone(&offset);
    let now = move || {
        let time = chrono::DateTime::from_timestamp(unix_time(), 0).expect("a time");
        time + TimeDelta::seconds(hand.load(Ordering::Relaxed))
    };
    let start = async |builder: Builder| builder.clock(Clock::from_fn(now)).start().await;
    under_load(start, async |load| {
        for _ in 0..rounds() {
            // An hour ahead, an hour back, a year ahead, forty years back.
            for seconds in [3_600, -3_600, 31_536_000, -1_261_440_000] {
                offset.store(seconds, Ordering::Relaxed);
                for _ in 0..5 {
                    load.senders.until(200).await;
                }
                sleep(Duration::from_millis(200)).await;
                offset.store(0, Ordering::Relaxed);
                recovers(&load.senders).await;
            }
        }
    });
}

#[test]
fn the_resolver_does_not_answer() {
    let silent = Arc::new(AtomicBool::new(false));
    let is_silent = Arc::clone(&silent);
    let resolver = Resolver::from_fn(move |_| {
        let is_silent = is_silent.load(Ordering::Relaxed);
        async move {
            if is_silent {
                pending::<()>().await;
            }
            Ok(vec![IpAddr::from([127, 0, 0, 1])])
        }
    });
    let network = Arc::new(OnceLock::new());
    let start = async |builder: Builder| {
        let stripe = SimulatedStripe::builder().start().await;
        let stripe = Arc::new(stripe.expect("a free port"));
        let before = Network::before(&stripe.api_base()).await;
        let api_base = format!("http://localhost:{}", before.address.port());
        assert!(network.set(before).is_ok());
        let builder = builder.stripe(&stripe).api_base(&api_base);
        builder.resolver(resolver).start().await
    };
    under_load(start, async |load| {
        let network = network.get().expect("it is there");
        for _ in 0..rounds() {
            silent.store(true, Ordering::Relaxed);
            // Only new connections need the resolver.
            network.set(Manner::Resets);
            network.set(Manner::Passes);
            load.senders.until(502).await;
            sleep(Duration::from_secs(3)).await;
            silent.store(false, Ordering::Relaxed);
            recovers(&load.senders).await;
        }
    });
}
