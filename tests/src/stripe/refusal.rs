//! Stripe's own error bodies and statuses, one constructor for each situation.

use serde_json::{Map, Value, json};

use super::reply::Reply;

/// What Stripe answers instead of doing what it was asked.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: u16,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<String>,
    message: String,
}

impl Refusal {
    fn invalid_request(status: u16, message: String) -> Self {
        Self {
            status,
            kind: "invalid_request_error",
            code: None,
            param: None,
            message,
        }
    }

    fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    fn param(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned());
        self
    }

    /// Stripe shows how the secret ends; the service must never repeat this text.
    pub(super) fn wrong_secret(secret: &str) -> Self {
        let end = secret
            .get(secret.len().saturating_sub(4)..)
            .unwrap_or_default();
        Self::invalid_request(401, format!("Invalid API Key provided: ****{end}"))
    }

    pub(super) fn no_secret() -> Self {
        let message = "You did not provide an API key. You need to provide your API key in the Authorization header, \
                       using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').";
        Self::invalid_request(401, message.to_owned())
    }

    /// The real Stripe falls back to the account's version; here leaving it out is a mistake of ours.
    pub(super) fn no_version() -> Self {
        Self::invalid_request(
            400,
            "Invalid Stripe API version: none was given.".to_owned(),
        )
    }

    pub(super) fn unrecognized(method: &str, path: &str) -> Self {
        let message = format!(
            "Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at \
             https://support.stripe.com/."
        );
        Self::invalid_request(404, message)
    }

    pub(super) fn unknown_parameter(name: &str) -> Self {
        Self::invalid_request(400, format!("Received unknown parameter: {name}"))
            .code("parameter_unknown")
            .param(name)
    }

    pub(super) fn missing_parameter(name: &str) -> Self {
        Self::invalid_request(400, format!("Missing required param: {name}."))
            .code("parameter_missing")
            .param(name)
    }

    pub(super) fn invalid_boolean(name: &str, value: &str) -> Self {
        Self::invalid_request(400, format!("Invalid boolean: {value}")).param(name)
    }

    pub(super) fn invalid_choice(name: &str, value: &str) -> Self {
        Self::invalid_request(
            400,
            format!("Invalid {name}: {value} is not one of those documented"),
        )
        .param(name)
    }

    /// The portal configuration does not have what the flow needs.
    pub(super) fn flow_not_enabled(flow: &str) -> Self {
        let message = format!("The `{flow}` feature is disabled in the portal configuration.");
        Self::invalid_request(400, message).param("flow_data[type]")
    }

    pub(super) fn invalid_url(name: &str) -> Self {
        Self::invalid_request(400, "Not a valid URL".to_owned())
            .code("url_invalid")
            .param(name)
    }

    /// An unknown object: 400 when the body names it, 404 when the path does (then `param` is `id`).
    pub(super) fn missing(status: u16, object: &str, param: &str, id: &str) -> Self {
        Self::invalid_request(status, format!("No such {object}: '{id}'"))
            .code("resource_missing")
            .param(param)
    }

    pub(super) fn inactive_configuration(id: &str) -> Self {
        let message = format!("The portal configuration `{id}` is not active.");
        Self::invalid_request(400, message).param("configuration")
    }

    pub(super) fn idempotency_key_in_use(key: &str) -> Self {
        let message = format!(
            "There is currently another in-progress request using this Idempotent Key (that probably means you \
             submitted twice, and the other request is still going through): {key}."
        );
        Self {
            kind: "idempotency_error",
            ..Self::invalid_request(409, message).code("idempotency_key_in_use")
        }
    }

    pub(super) fn idempotency_key_reused(key: &str) -> Self {
        let message = format!(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try \
             using a key other than '{key}' if you meant to execute a different request."
        );
        Self {
            kind: "idempotency_error",
            ..Self::invalid_request(400, message)
        }
    }

    /// The answer as it goes over the wire.
    pub(super) fn into_reply(self) -> Reply {
        let mut error = Map::new();
        if let Some(code) = self.code {
            let page = code.replace('_', "-");
            error.insert("code".into(), code.into());
            let doc_url = format!("https://stripe.com/docs/error-codes/{page}");
            error.insert("doc_url".into(), doc_url.into());
        }
        error.insert("message".into(), self.message.into());
        if let Some(param) = self.param {
            error.insert("param".into(), param.into());
        }
        error.insert("type".into(), Value::from(self.kind));
        let reply = Reply::json(self.status, &json!({ "error": error }));
        match self.status {
            401 => reply.header("WWW-Authenticate", "Basic realm=\"Stripe\""),
            409 => reply,
            _ => reply.header("Stripe-Should-Retry", "false"),
        }
    }
}
