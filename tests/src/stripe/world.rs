//! All that the simulated Stripe holds, and how it answers a call.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use wiremock::ResponseTemplate;

use super::account::Account;
use super::endpoints::{self, Endpoint};
use super::received::Received;
use super::reply::Reply;

/// How many received calls are kept; a long demo or benchmark must not grow without bound.
const KEPT_CALLS: usize = 10_000;

/// All that the endpoints read and change.
#[derive(Debug)]
pub(super) struct World {
    pub(super) account: Account,
    pub(super) received: VecDeque<Received>,
    pub(super) calls: usize,
    /// Answers that come before the endpoint's own: the next ones, then one for all.
    pub(super) scripted: VecDeque<(Endpoint, Reply)>,
    pub(super) standing: Vec<(Endpoint, Reply)>,
}

/// A test that panicked while holding the lock has failed already; the others go on.
pub(super) fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the call, then gives the scripted answer if there is one, else the endpoint's own.
pub(super) fn answer(world: &Mutex<World>, request: &wiremock::Request) -> ResponseTemplate {
    let call = Received::new(request);
    let mut world = lock(world);
    world.calls += 1;
    if world.received.len() == KEPT_CALLS {
        world.received.pop_front();
    }
    world.received.push_back(call.clone());

    let endpoint = endpoints::endpoint(&call.path);
    let next = world
        .scripted
        .iter()
        .position(|(of, _)| Some(*of) == endpoint);
    let scripted = match next {
        Some(position) => world.scripted.remove(position).map(|(_, reply)| reply),
        None => world
            .standing
            .iter()
            .find(|(of, _)| Some(*of) == endpoint)
            .map(|(_, reply)| reply.clone()),
    };
    let reply = scripted.unwrap_or_else(|| endpoints::answer(&mut world.account, &call));
    reply.with_request_id(world.calls).into_response()
}
