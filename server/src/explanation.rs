//! What each error code and each cause of a 502 means, who has to act, and what they can do. Every match names all
//! values of its closed list, so that a new code or cause does not compile without an explanation.

use serde::Serialize;

use crate::{
    http::{api_error::ADDRESS_LIMITED, error_code::ErrorCode},
    stripe::UpstreamCause,
    webhooks::WebhookOutcome,
};

/// The cause, in the log, of a 409 because Stripe no longer has the customer.
pub(crate) const CUSTOMER_MISSING: &str = "stripe_customer_missing";
/// The cause, in the log, of a 422 because Stripe rejected a return URL that the allow-list accepts.
pub(crate) const RETURN_URL_REFUSED: &str = "stripe_refused_return_url";

/// Who has to act before the same request can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Turn {
    /// The program or the person that sent the request.
    Caller,
    /// The person who runs this service.
    Operator,
    /// Stripe: nobody else can do anything but wait.
    Stripe,
    /// Nobody: everything is as it should be.
    Nobody,
}

impl Turn {
    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Operator => "operator",
            Self::Stripe => "Stripe",
            Self::Nobody => "nobody",
        }
    }
}

/// Why a request ended as it did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Explanation {
    /// Who has to act.
    pub turn: Turn,
    /// Why the service decided so.
    pub why: &'static str,
    /// What the one who has to act can do.
    pub remedy: &'static str,
    /// The section of the runbook about it.
    pub section: Option<&'static str>,
}

const fn explain(turn: Turn, why: &'static str, remedy: &'static str) -> Explanation {
    Explanation {
        turn,
        why,
        remedy,
        section: None,
    }
}

/// Every error code, for the tests that ask for an explanation of each.
pub fn error_codes() -> impl Iterator<Item = &'static str> {
    let all = ErrorCode::ALL
        .into_iter()
        .chain([ErrorCode::InvalidSignature]);
    all.map(ErrorCode::as_str)
}

impl Explanation {
    const fn see(self, section: &'static str) -> Self {
        Self {
            section: Some(section),
            ..self
        }
    }

    /// The caller disconnected before the answer.
    pub(crate) const CALLER_GONE: Self = explain(
        Turn::Caller,
        "the caller closed the connection or stopped waiting; Stripe may have opened a session that nobody received",
        "send the request again, and wait at least 12 s for the answer: calls to Stripe may take 10 s",
    );

    /// The log has the beginning of a request only.
    pub(crate) const NO_END: Self = explain(
        Turn::Operator,
        "these lines do not have the end of the request",
        "read the next file of the log too; if the service was stopped meanwhile, the caller can send the request again",
    );

    /// The log is of another version.
    pub(crate) const UNKNOWN_CODE: Self = explain(
        Turn::Operator,
        "this version of billing-portal does not know the code",
        "run the command of the version that wrote the log",
    );

    /// The request succeeded.
    pub(crate) const fn of_success(why: &'static str) -> Self {
        explain(Turn::Nobody, why, "nothing")
    }

    /// What became of a webhook that was accepted.
    pub(crate) fn of_webhook(outcome: &str) -> Self {
        let mut alarming = WebhookOutcome::alarming();
        match alarming.find(|known| known.as_str() == outcome) {
            Some(outcome) => explain(
                Turn::Operator,
                "the event says something that a person must look at",
                "read the alert of the same name in the log",
            )
            .see(outcome.as_str()),
            None => {
                Self::of_success("Stripe's event was applied, or does not concern this service")
            }
        }
    }

    /// What an error of this code means if the log has this `cause` for it.
    pub(crate) fn of_error(code: ErrorCode, cause: Option<&str>) -> Self {
        match (code, cause) {
            (ErrorCode::NoStripeCustomer, Some(CUSTOMER_MISSING)) => explain(
                Turn::Operator,
                "Stripe no longer has the organization's customer, and the mapping was marked stale",
                "link the customer that the organization has now: billing-portal customer link --org ID cus_… --verify",
            )
            .see("A stale mapping"),
            (ErrorCode::ValidationFailed, Some(RETURN_URL_REFUSED)) => explain(
                Turn::Operator,
                "Stripe rejected a return_url that the allow-list accepts",
                "report the return_url_origin in the audit event of this request: the service and Stripe should agree",
            )
            .see(RETURN_URL_REFUSED),
            (ErrorCode::RateLimited, Some(ADDRESS_LIMITED)) => explain(
                Turn::Caller,
                "too many requests from this address failed to authenticate",
                "correct the key, and wait as long as Retry-After says",
            )
            .see("Limits"),
            (code, _) => Self::of_code(code),
        }
    }

    fn of_code(code: ErrorCode) -> Self {
        use ErrorCode as Code;
        use Turn::{Caller, Operator};
        #[rustfmt::skip]
        let explanation = match code {
            Code::BadRequest => explain(Caller, "the body was not one JSON object (not UTF-8, a key twice, nested too deeply, or cut off)", "send one JSON object, such as {\"return_url\":\"https://app.example.com/settings/billing\"}"),
            Code::Unauthorized => explain(Caller, "the API key is missing, mistyped, unknown, expired, revoked, or of the other mode; the answer is the same for all", "send Authorization: Bearer and a valid key; the operator can examine a key with billing-portal key show -"),
            Code::Forbidden => explain(Caller, "the API key does not have the scope billing:write", "use a key with the scope: the operator creates one with billing-portal key create --org ID --scope billing:write"),
            Code::RequestTimeout => explain(Caller, "the body did not arrive within body_timeout_seconds", "send the body at once, and check the network between"),
            Code::NoStripeCustomer => explain(Caller, "the organization has no customer at Stripe", "subscribe first; if it is a customer already, the operator links it with billing-portal customer link --org ID cus_…"),
            Code::PayloadTooLarge => explain(Caller, "the body is larger than the service accepts", "send at most 16 KiB (a webhook: 1 MiB)"),
            Code::UnsupportedMediaType => explain(Caller, "the header Content-Type does not say JSON in UTF-8", "send Content-Type: application/json"),
            Code::ValidationFailed => explain(Caller, "a field of the body is wrong", "correct the fields that error.details of the answer names; if a return_url is right, the operator adds its origin to return_url_allow_list"),
            Code::RateLimited => explain(Caller, "the key sent more requests than rate_limit_per_key allows", "wait as long as Retry-After says, and send fewer requests"),
            Code::Internal => explain(Operator, "a bug in the service", "report the cause, and the location in the event panic of the same time if there is one").see("panic"),
            Code::BillingPortalUnavailable => explain(Operator, "Stripe did not open the portal", "find upstream_cause in the log").see("Causes of 502"),
            Code::ServiceUnavailable => explain(Operator, "the database did not respond, or a limit was reached; the cause says which", "run billing-portal doctor; the caller can send the request again after Retry-After").see("The database"),
            Code::NotFound => explain(Caller, "the service has no such path", "send a path of the documentation, such as POST /v1/billing/portal, without a slash at the end"),
            Code::MethodNotAllowed => explain(Caller, "the path does not take this method", "use a method that the header Allow of the answer names"),
            Code::InvalidSignature => explain(Operator, "the webhook is not signed with stripe_webhook_secret, or its time is more than 5 min off", "compare stripe_webhook_secret with the endpoint's secret in Stripe's dashboard, and check this machine's clock"),
        };
        explanation
    }
}

impl From<UpstreamCause> for Explanation {
    fn from(cause: UpstreamCause) -> Self {
        use Turn::{Operator, Stripe};
        use UpstreamCause as Cause;
        #[rustfmt::skip]
        let (turn, why) = match cause {
            Cause::Dns => (Operator, "Stripe's host name could not be resolved"),
            Cause::Connect => (Operator, "no connection to Stripe could be made"),
            Cause::ConnectTimeout => (Operator, "no connection to Stripe was made in time"),
            Cause::ProxyUnavailable => (Operator, "the proxy of stripe_proxy did not open a tunnel to Stripe"),
            Cause::ProxyCredentialsRefused => (Operator, "the proxy of stripe_proxy refused the user and the password, or requires them"),
            Cause::Tls => (Operator, "the certificate or the TLS protocol of the other side was not acceptable"),
            Cause::Reset => (Stripe, "the connection to Stripe was reset before the response was complete"),
            Cause::Closed => (Stripe, "the connection to Stripe was closed before the response was complete"),
            Cause::Timeout => (Stripe, "Stripe did not respond in time"),
            Cause::Truncated => (Stripe, "Stripe's response ended before it was complete"),
            Cause::Protocol => (Operator, "what responded in Stripe's place did not send valid HTTP"),
            Cause::ServerError => (Stripe, "Stripe returned a server error"),
            Cause::Conflict => (Stripe, "Stripe was still processing another request with the same idempotency key"),
            Cause::LockTimeout => (Operator, "another request at Stripe held a lock on the same customer"),
            Cause::RateLimited => (Operator, "Stripe's rate limit was reached"),
            Cause::DependencyFailed => (Stripe, "a system that Stripe depends on failed"),
            Cause::CredentialsRefused => (Operator, "Stripe refused the secret key: it is wrong, expired or deleted"),
            Cause::Permission => (Operator, "the restricted secret key lacks a permission"),
            Cause::ModeMismatch => (Operator, "the customer or the portal configuration is of the other mode, live or test, than the secret key"),
            Cause::CustomersMissing => (Operator, "Stripe reported several customers as missing within a minute, as with the secret key of another account"),
            Cause::ConfigurationMissing => (Operator, "Stripe does not have the portal configuration"),
            Cause::ConfigurationUnverified => (Operator, "the portal configuration was not verified, and no portal opens without that"),
            Cause::ConfigurationViolation => (Operator, "the portal configuration allows plan changes or enables the login page"),
            Cause::FlowRefused => (Operator, "Stripe rejected the flow of the request"),
            Cause::BadRequest => (Operator, "Stripe rejected the service's request as invalid"),
            Cause::IdempotencyMisuse => (Operator, "an idempotency key was used for two requests, which is a bug in the service"),
            Cause::Redirect => (Operator, "a redirect came back, which the service never follows"),
            Cause::UnexpectedStatus => (Operator, "Stripe returned a status that the service does not expect"),
            Cause::InvalidResponse => (Operator, "the response was not the requested portal session"),
            Cause::CallLimitReached => (Operator, "the service's own limit of calls to Stripe was reached"),
            Cause::BreakerOpen => (Operator, "the service makes no calls to Stripe for some seconds, after many failures or because Stripe asked for it"),
        };
        explain(turn, why, cause.remedy()).see(cause.as_str())
    }
}
