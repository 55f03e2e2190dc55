//! What the lines of a request say about it.

use serde_json::Value;

/// The facts of a request, each as the log first has it.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) time: Option<String>,
    pub(super) method: Option<String>,
    pub(super) path: Option<String>,
    pub(super) client: Option<String>,
    pub(super) org: Option<String>,
    pub(super) key_id: Option<String>,
    pub(super) trace_id: Option<String>,
    pub(super) status: Option<u16>,
    pub(super) code: Option<String>,
    /// The cause of the error, or of the 502.
    pub(super) cause: Option<String>,
    /// The cause in more detail.
    pub(super) reason: Option<String>,
    /// The audit event.
    pub(super) audit: Option<String>,
    /// What became of a webhook.
    pub(super) webhook: Option<String>,
    pub(super) session: Option<String>,
    pub(super) stripe_request_id: Option<String>,
    pub(super) elapsed_us: Option<u64>,
    pub(super) client_gone: bool,
}

impl Facts {
    /// The facts of these lines.
    pub(super) fn of(lines: &[Value]) -> Self {
        let mut facts = Self::default();
        for line in lines {
            facts.add(line);
        }
        facts
    }

    fn add(&mut self, line: &Value) {
        let span = &line["span"];
        set(&mut self.time, &line["timestamp"]);
        set(&mut self.method, &span["method"]);
        set(&mut self.path, &span["path"]);
        set(&mut self.client, &span["client"]);
        set(&mut self.org, &span["org_id"]);
        set(&mut self.key_id, &span["key_id"]);
        set(&mut self.trace_id, &span["trace_id"]);
        set(&mut self.org, &line["org_id"]);
        set(&mut self.key_id, &line["key_id"]);
        match line["event"].as_str() {
            Some("answered") => self.add_answer(line),
            Some("client_gone") => self.client_gone = true,
            Some("webhook") => set(&mut self.webhook, &line["outcome"]),
            Some(event) if line["target"] == "audit" => {
                self.audit.get_or_insert_with(|| event.to_owned());
                set(&mut self.session, &line["session"]);
                self.add_error(line);
            }
            // A failed attempt is not the end of the request; the event of the cause is.
            Some("stripe_call") => set_found(&mut self.stripe_request_id, line),
            _ => {
                set(&mut self.reason, &line["reason"]);
                set_found(&mut self.stripe_request_id, line);
            }
        }
    }

    fn add_answer(&mut self, line: &Value) {
        self.status = line["status"].as_u64().and_then(|it| it.try_into().ok());
        self.elapsed_us = line["elapsed_us"].as_u64();
        self.add_error(line);
    }

    fn add_error(&mut self, line: &Value) {
        set(&mut self.code, &line["code"]);
        set(&mut self.cause, &line["upstream_cause"]);
        set(&mut self.cause, &line["cause"]);
        set_found(&mut self.stripe_request_id, line);
    }
}

fn set(fact: &mut Option<String>, value: &Value) {
    if let (None, Some(text)) = (&fact, value.as_str()) {
        *fact = Some(text.to_owned());
    }
}

/// Stripe's id of the last attempt that Stripe answered.
fn set_found(fact: &mut Option<String>, line: &Value) {
    if let Some(id) = line["stripe_request_id"]
        .as_str()
        .filter(|id| !id.is_empty())
    {
        *fact = Some(id.to_owned());
    }
}
