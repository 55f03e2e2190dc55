//! What is noted of a request's steps while it runs.

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use poem::http::{Method, Uri};

use crate::clock::Clock;

/// Steps of one request that are noted. A request has about four; one that waits ten seconds for another copy of itself
/// has more, of which the first are enough.
const MAX_STEPS: usize = 64;

/// What a step did.
#[derive(Debug, Clone)]
pub(crate) enum StepKind {
    /// Waited for the turn to look up a key that was not good before.
    KeyLookUpWait,
    /// Found the caller of a key, in the cache or in the database.
    KeyLookUp,
    /// Waited for a permit to call Stripe.
    StripeWait,
    /// Sent a request to Stripe and read the response.
    StripeAttempt {
        /// Its method.
        method: Method,
        /// Its URL, which has no id in it.
        url: Uri,
        /// How many attempts of the call there were before.
        resends: u32,
        /// The status of the response, and Stripe's id of the request.
        response: Option<(u16, String)>,
    },
}

/// A step that has ended.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) kind: StepKind,
    pub(super) began: Instant,
    pub(super) ended: Instant,
    /// Why it failed, in one word.
    pub(super) error: Option<Cow<'static, str>>,
}

/// The steps of a request. If the request is not recorded, none is noted.
#[derive(Clone, Default)]
pub(crate) struct Steps(Option<Arc<Recorder>>);

struct Recorder {
    clock: Clock,
    steps: Mutex<Vec<Step>>,
}

impl Steps {
    /// Notes the steps from now on.
    pub(super) fn recorded(clock: Clock) -> Self {
        let steps = Mutex::default();
        Self(Some(Arc::new(Recorder { clock, steps })))
    }

    /// Whether steps are noted.
    pub(super) fn are_recorded(&self) -> bool {
        self.0.is_some()
    }

    /// Begins a step.
    pub(crate) fn begin(&self, kind: impl FnOnce() -> StepKind) -> OpenStep {
        OpenStep(self.0.as_ref().map(|recorder| {
            Box::new(Open {
                recorder: Arc::clone(recorder),
                kind: kind(),
                began: recorder.clock.instant(),
                error: Some(CANCELLED),
            })
        }))
    }

    /// The steps that have ended.
    pub(super) fn take(&self) -> Vec<Step> {
        let recorder = self.0.as_ref();
        recorder.map_or_else(Vec::new, |recorder| std::mem::take(&mut *recorder.lock()))
    }
}

impl Recorder {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Step>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error of a step whose request was cancelled.
const CANCELLED: Cow<'static, str> = Cow::Borrowed("cancelled");

/// A step in progress. If it is dropped, its request was cancelled. In a box, because a request keeps room for several
/// steps, 200 bytes each, and few requests are recorded.
#[must_use]
pub(crate) struct OpenStep(Option<Box<Open>>);

struct Open {
    recorder: Arc<Recorder>,
    kind: StepKind,
    began: Instant,
    error: Option<Cow<'static, str>>,
}

impl OpenStep {
    /// Ends the step, with the reason if it failed.
    pub(crate) fn end(mut self, error: Option<&'static str>) {
        self.set_error(error.map(Cow::Borrowed));
    }

    /// Ends an attempt, with what Stripe responded and the reason if it failed.
    pub(crate) fn end_attempt(
        mut self,
        answered: Option<(u16, &str)>,
        error: Option<&'static str>,
    ) {
        let Some(open) = &mut self.0 else {
            return;
        };
        if let StepKind::StripeAttempt { response, .. } = &mut open.kind {
            *response = answered.map(|(status, id)| (status, id.to_owned()));
        }
        let refused = answered.map(|(status, _)| status);
        let refused = refused.filter(|status| *status >= 400);
        let refused = refused.map(|status| Cow::Owned(status.to_string()));
        self.set_error(error.map(Cow::Borrowed).or(refused));
    }

    /// Forgets a step that was none.
    pub(crate) fn forget(mut self) {
        self.0 = None;
    }

    fn set_error(&mut self, error: Option<Cow<'static, str>>) {
        if let Some(open) = &mut self.0 {
            open.error = error;
        }
    }
}

impl Drop for OpenStep {
    fn drop(&mut self) {
        let Some(open) = self.0.take() else {
            return;
        };
        let mut steps = open.recorder.lock();
        if steps.len() < MAX_STEPS {
            steps.push(Step {
                kind: open.kind,
                began: open.began,
                ended: open.recorder.clock.instant(),
                error: open.error,
            });
        }
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Steps")
    }
}
