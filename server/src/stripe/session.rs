//! Opens a billing portal session, and accepts the answer only if it is the session that was asked for.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;
use url::Url;

use super::{
    Answer, Call, Outcome, Stripe,
    answer::readable,
    cause::{Unavailable, UpstreamCause},
};
use crate::{
    ids::{CustomerId, Mode, is_stripe_id_byte},
    return_url::ReturnUrl,
};

pub(super) const SESSIONS: &str = "/v1/billing_portal/sessions";
const MAX_URL_LENGTH: usize = 2048;
const SLOW: Duration = Duration::from_secs(2);
/// More different customers missing within [`MISSING_WINDOW`] look like the wrong account.
const MISSING_IN_BULK: usize = 5;
const MISSING_WINDOW: Duration = Duration::from_mins(1);

/// An open portal. Its URL is a credential; `Debug` does not show it.
pub(crate) struct OpenedSession {
    /// Stripe's id of the session, which is no secret.
    pub id: String,
    /// Where to send the browser.
    pub url: String,
    /// The configuration that it was opened with.
    pub configuration: String,
    /// Whether Stripe had made it for an earlier try, of which we did not hear.
    pub replayed: bool,
    /// How long the call took.
    pub elapsed: Duration,
}

impl OpenedSession {
    /// Whether the caller had to wait long enough to notice.
    pub(crate) fn is_slow(&self) -> bool {
        self.elapsed > SLOW
    }
}

impl fmt::Debug for OpenedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedSession")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Why there is no session.
#[derive(Debug)]
pub(crate) enum SessionError {
    /// Stripe does not have the customer any more.
    CustomerMissing,
    /// Stripe did not accept a return URL that our policy did.
    ReturnUrlRefused,
    /// Everything else.
    Unavailable(Unavailable),
}

impl<T: Into<Unavailable>> From<T> for SessionError {
    fn from(failure: T) -> Self {
        Self::Unavailable(failure.into())
    }
}

impl Stripe {
    /// Opens the portal for `customer`, with the verified configuration. A failure is logged and counted here.
    pub(crate) async fn create_portal_session(
        &self,
        customer: &CustomerId,
        return_url: &ReturnUrl,
    ) -> Result<OpenedSession, SessionError> {
        let began = self.clock.instant();
        let opened = self.open(customer, return_url).await;
        let elapsed = self.clock.instant().duration_since(began);
        let outcome = match &opened {
            Ok(_) => Outcome::Done,
            Err(SessionError::CustomerMissing) => Outcome::Refused("customer_missing"),
            Err(SessionError::ReturnUrlRefused) => Outcome::Refused("return_url_refused"),
            Err(SessionError::Unavailable(failure)) => {
                failure.log();
                Outcome::Failed(failure.cause)
            }
        };
        self.count("sessions", outcome, began);
        opened.map(|session| OpenedSession { elapsed, ..session })
    }

    async fn open(
        &self,
        customer: &CustomerId,
        return_url: &ReturnUrl,
    ) -> Result<OpenedSession, SessionError> {
        let configuration = self.promise.require_kept(self.clock.instant())?;
        let form = [
            ("customer", customer.as_str()),
            ("return_url", return_url.as_str()),
            ("configuration", &configuration),
        ];
        let form = form
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
        // Fresh for each request: a replayed answer would be an ageing URL.
        let idempotency_key = self.clock.ulid().to_string();
        let answer = self
            .call(&Call::post(SESSIONS, form, idempotency_key))
            .await?;
        match answer.status {
            200..300 => self
                .accept(&answer, customer)
                .map(|session| OpenedSession {
                    configuration,
                    ..session
                })
                .map_err(|reason| {
                    answer
                        .failure(UpstreamCause::InvalidResponse, reason)
                        .into()
                }),
            _ => Err(self.refusal(&answer, customer)),
        }
    }

    /// A session for this customer, in our mode, with an https URL on a listed host; or what is wrong with it.
    fn accept(
        &self,
        answer: &Answer,
        customer: &CustomerId,
    ) -> Result<OpenedSession, &'static str> {
        let settings = self.transport.settings();
        let text = |field: &str| answer.body[field].as_str();
        if answer.body.is_null() {
            return Err("invalid_json");
        }
        if text("object") != Some("billing_portal.session") {
            return Err("object_type");
        }
        if text("customer") != Some(customer.as_str()) {
            return Err("customer_mismatch");
        }
        if answer.body["livemode"] != Value::Bool(settings.mode == Mode::Live) {
            return Err("livemode_mismatch");
        }
        let url = text("url").ok_or("portal_url_missing")?;
        require_portal_url(url, &settings.portal_hosts)?;
        Ok(OpenedSession {
            id: text("id")
                .and_then(|id| readable(id, is_stripe_id_byte))
                .unwrap_or_default()
                .to_owned(),
            url: url.to_owned(),
            configuration: String::new(),
            replayed: answer.replayed,
            elapsed: Duration::ZERO,
        })
    }

    /// What an answer other than 2xx means. Only what concerns the request is decided here.
    fn refusal(&self, answer: &Answer, customer: &CustomerId) -> SessionError {
        let missing = answer.is_missing("customer") && !answer.is_of_the_other_mode();
        if missing && !self.missing.are_too_many(customer, self.clock.instant()) {
            return SessionError::CustomerMissing;
        }
        if missing {
            return answer.failure(UpstreamCause::CustomersMissing, "").into();
        }
        let is_about_url = matches!(answer.error("code"), "" | "url_invalid");
        if answer.status == 400 && answer.error("param") == "return_url" && is_about_url {
            return SessionError::ReturnUrlRefused;
        }
        if answer.is_missing("configuration") {
            self.promise
                .break_because("Stripe does not know the portal configuration");
        }
        answer.refusal().into()
    }
}

fn require_portal_url(text: &str, hosts: &[String]) -> Result<(), &'static str> {
    if text.len() > MAX_URL_LENGTH {
        return Err("portal_url_length");
    }
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    {
        return Err("portal_url_characters");
    }
    let url = Url::parse(text).map_err(|_| "portal_url_characters")?;
    if url.scheme() != "https" {
        return Err("portal_url_scheme");
    }
    let anonymous = url.username().is_empty() && url.password().is_none() && url.port().is_none();
    let listed = url
        .host_str()
        .is_some_and(|host| hosts.iter().any(|listed| listed == host));
    if !(anonymous && listed) {
        return Err("portal_url_host");
    }
    // One spelling, so that every reader finds the same host in it.
    if url.as_str() != text {
        return Err("portal_url_form");
    }
    Ok(())
}

/// The customers that Stripe said were missing, a short while back.
#[derive(Debug, Default)]
pub(super) struct MissingCustomers(Mutex<VecDeque<(Instant, CustomerId)>>);

impl MissingCustomers {
    /// Notes one, and says whether so many are missing that the fault must be ours.
    fn are_too_many(&self, customer: &CustomerId, now: Instant) -> bool {
        let mut missing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        missing.retain(|(at, other)| now.duration_since(*at) < MISSING_WINDOW && other != customer);
        missing.push_back((now, customer.clone()));
        // One more than the bound is enough to know; the list does not grow beyond it.
        if missing.len() > MISSING_IN_BULK + 1 {
            missing.pop_front();
        }
        missing.len() > MISSING_IN_BULK
    }
}
