//! What is still to be done, and what was seen so far.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::step::{Stage, Step};
use billing_portal_tests::http_message::TestRequest;

/// A call for a session, as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct SessionCall {
    pub(crate) at: Instant,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) form: Vec<(String, String)>,
    /// The `Request-Id` of the answer, if it gets one.
    pub(crate) request_id: String,
    /// Whether its connection had served another before.
    pub(crate) is_reused: bool,
}

impl SessionCall {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let header = headers.find(|(known, _)| known == name);
        header.map(|(_, value)| value.as_str())
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.form.iter();
        let field = fields.find(|(known, _)| known == name);
        field.map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
pub(super) struct Script {
    steps: VecDeque<Step>,
    pub(super) attempts: usize,
    pub(super) calls: Vec<SessionCall>,
    pub(super) hosts: Vec<String>,
    pub(super) under_way: usize,
    pub(super) most_at_once: usize,
}

impl Script {
    pub(super) fn begin(&mut self, steps: &[Step]) {
        self.steps = steps.iter().cloned().collect();
        self.attempts = 0;
        self.calls.clear();
        self.most_at_once = 0;
    }

    /// The next step, if this stage is the one that it is about.
    pub(super) fn next(&mut self, stage: Stage) -> Option<Step> {
        let step = self.steps.front()?;
        if step.kind.stage() != stage {
            return None;
        }
        self.attempts += 1;
        if step.every {
            return Some(step.clone());
        }
        self.steps.pop_front()
    }
}

/// The script, shared by the connections.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Script>>);

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a call; answers what to do with it, and under which `Request-Id`.
    pub(super) fn arrived(
        &self,
        request: &TestRequest,
        is_reused: bool,
    ) -> (Option<Step>, String, UnderWay) {
        let mut script = self.lock();
        let step = script.next(Stage::Exchange);
        if step.is_none() {
            script.attempts += 1;
        }
        let request_id = format!("req_faulty{:04}", script.attempts);
        script.calls.push(SessionCall {
            at: Instant::now(),
            headers: request.headers.clone(),
            form: url::form_urlencoded::parse(&request.body)
                .into_owned()
                .collect(),
            request_id: request_id.clone(),
            is_reused,
        });
        script.under_way += 1;
        script.most_at_once = script.most_at_once.max(script.under_way);
        (step, request_id, UnderWay(self.clone()))
    }
}

/// A call under way, until it is dropped.
pub(super) struct UnderWay(Shared);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.lock().under_way -= 1;
    }
}
