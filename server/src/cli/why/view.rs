//! How the command prints what it found.

use serde::Serialize;

use super::{super::report::line, facts::Facts};
use crate::{
    explanation::{Explanation, Turn},
    http::error_code::ErrorCode,
    stripe::UpstreamCause,
};

/// An explanation as the command prints it.
#[derive(Debug, Serialize)]
pub(super) struct View {
    request_id: String,
    #[serde(flatten)]
    request: Request,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    decision: String,
    why: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    turn: Turn,
    r#do: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    runbook: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stripe_request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    elapsed_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
}

/// Which request it was, and whose.
#[derive(Debug, Serialize)]
struct Request {
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
}

/// How a request ended.
struct Ending {
    status: Option<u16>,
    decision: String,
    explanation: Explanation,
}

impl View {
    /// The explanation of these facts.
    pub(super) fn new(request_id: String, facts: Facts) -> Self {
        let Ending {
            status,
            decision,
            explanation,
        } = Ending::of(&facts);
        let Explanation {
            turn,
            why,
            remedy,
            section,
        } = explanation;
        Self {
            request_id,
            request: Request {
                time: facts.time,
                method: facts.method,
                path: facts.path,
                client: facts.client,
                org: facts.org,
                key_id: facts.key_id,
            },
            status,
            decision,
            why: why.to_owned(),
            turn,
            r#do: remedy.to_owned(),
            runbook: section.map(str::to_owned),
            // Where the reason repeats the cause, it says nothing.
            reason: facts.reason.filter(|it| Some(it) != facts.cause.as_ref()),
            code: facts.code,
            cause: facts.cause,
            session: facts.session,
            stripe_request_id: facts.stripe_request_id,
            trace_id: facts.trace_id,
            elapsed_ms: facts.elapsed_us.map(|elapsed| elapsed / 1000),
        }
    }

    /// A few lines for people.
    pub(super) fn text(&self) -> String {
        let mut lines = vec![self.subject()];
        let mut add = |name: &str, text: &str| lines.push(format!("{name:<9} {}", line([text])));
        add("decided:", &self.decision);
        add("why:", &format!("{}{}", self.why, self.in_brackets()));
        add("turn:", self.turn.as_str());
        add("do:", &self.r#do);
        if let Some(section) = &self.runbook {
            add("runbook:", section);
        }
        if let Some(id) = &self.stripe_request_id {
            let place = format!("{id}, in Stripe's dashboard under Developers, Logs");
            add("Stripe:", &place);
        }
        if let Some(id) = &self.trace_id {
            add("trace:", id);
        }
        lines.join("\n")
    }

    fn subject(&self) -> String {
        let Request {
            time,
            method,
            path,
            client,
            org,
            key_id,
        } = &self.request;
        let named = [("from", client), ("org", org), ("key", key_id)];
        let named = named
            .iter()
            .filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)));
        let plain = [time, method, path].into_iter().flatten().cloned();
        let words: Vec<String> = plain.chain(named).collect();
        line([format!("{}  {}", self.request_id, words.join("  "))])
    }

    fn in_brackets(&self) -> String {
        let named = [("cause", &self.cause), ("reason", &self.reason)];
        let named = named
            .iter()
            .filter_map(|(name, value)| Some(format!("{name}: {}", value.as_ref()?)));
        let named: Vec<String> = named.collect();
        if named.is_empty() {
            return String::new();
        }
        format!(" ({})", named.join(", "))
    }
}

impl Ending {
    fn of(facts: &Facts) -> Self {
        let is_opened = facts.audit.as_deref() == Some("portal_session_created");
        if let Some(word) = &facts.code {
            return Self::error(word, facts);
        }
        if let Some(outcome) = &facts.webhook {
            return Self::webhook(outcome, facts.status);
        }
        if is_opened {
            let decision = facts.session.as_ref().map_or_else(
                || "200: a portal session was opened".to_owned(),
                |session| format!("200: the portal session {session} was opened"),
            );
            return Self::good(Some(200), decision, "the request and the key were valid");
        }
        if let Some(status @ ..400) = facts.status {
            let decision = format!("{status}: answered without an error");
            return Self::good(Some(status), decision, "the request was valid");
        }
        Self::without_answer(facts)
    }

    fn good(status: Option<u16>, decision: String, why: &'static str) -> Self {
        Self {
            status,
            decision,
            explanation: Explanation::of_success(why),
        }
    }

    fn error(word: &str, facts: &Facts) -> Self {
        let code = ErrorCode::parse(word);
        let cause = facts.cause.as_deref();
        let upstream = cause.and_then(UpstreamCause::parse);
        let explanation = match (code, upstream) {
            (Some(ErrorCode::BillingPortalUnavailable), Some(cause)) => cause.into(),
            (Some(code), _) => Explanation::of_error(code, cause),
            (None, _) => Explanation::UNKNOWN_CODE,
        };
        let retry = match upstream.map(UpstreamCause::passes_by_itself) {
            Some(true) => "; a retry may help",
            Some(false) => "; a retry does not help",
            None => "",
        };
        let message = code.map_or("an error of another version", ErrorCode::message);
        let status = facts.status.or(code.map(ErrorCode::status));
        let shown = status
            .map(|status| format!("{status} "))
            .unwrap_or_default();
        Self {
            status,
            decision: format!("{shown}{word}: {message}{retry}"),
            explanation,
        }
    }

    fn webhook(outcome: &str, status: Option<u16>) -> Self {
        let decision = format!("200: the webhook was received, with the outcome {outcome}");
        Self {
            status: status.or(Some(200)),
            decision,
            explanation: Explanation::of_webhook(outcome),
        }
    }

    fn without_answer(facts: &Facts) -> Self {
        let (decision, explanation) = if facts.client_gone || facts.audit.is_some() {
            let decision = "no answer: the caller disconnected before it";
            (decision, Explanation::CALLER_GONE)
        } else {
            ("not known", Explanation::NO_END)
        };
        Self {
            status: facts.status,
            decision: decision.to_owned(),
            explanation,
        }
    }
}
