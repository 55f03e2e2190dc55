//! One recorded exchange, held to the contract: status, code, headers, content type, body, request id, and whether the
//! request should have been served at all.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    check::{
        contract::{Contract, Operation, entries, strings},
        examples::matches_schema,
        finding::Finding,
        normalise::media_type,
    },
    coverage::operation_of,
    document::child,
};

/// Headers that HTTP itself puts on a message.
const OF_HTTP: [&str; 6] = [
    "content-type",
    "content-length",
    "date",
    "connection",
    "transfer-encoding",
    "keep-alive",
];

/// Headers that a client may send without the contract saying so.
const OF_CLIENTS: [&str; 6] = [
    "authorization",
    "accept",
    "accept-encoding",
    "user-agent",
    "host",
    "content-length",
];

/// Headers of an answer that no operation gave; the second goes with 405 only.
const OUTSIDE: [&str; 4] = [
    "x-request-id",
    "cache-control",
    "x-content-type-options",
    "allow",
];

/// Everything that is wrong with an exchange; `request_ids` are those seen before.
pub(crate) fn judge(
    contract: &Contract,
    exchange: &Value,
    request_ids: &mut BTreeSet<String>,
) -> Vec<Finding> {
    let operations = contract.operations();
    let mut judge = Judge {
        contract,
        exchange,
        pointer: "/paths".to_owned(),
        findings: Vec::new(),
    };
    match operation_of(&operations, &exchange["operation"]) {
        Some(operation) => judge.answer_of(operation),
        None => judge.answer_of_none(operations.first()),
    }
    judge.request_id(request_ids);
    judge.findings
}

struct Judge<'a> {
    contract: &'a Contract,
    exchange: &'a Value,
    /// What of the contract is being looked at.
    pointer: String,
    findings: Vec<Finding>,
}

impl Judge<'_> {
    fn report(&mut self, id: &'static str, seen: impl Into<String>) {
        let status = &self.exchange["status"];
        let finding = Finding::in_contract(id, self.contract, &self.pointer);
        self.findings
            .push(finding.says("seen", format!("{status}: {}", seen.into())));
    }

    /// The answer of an operation: documented, complete and to a request that deserved it.
    fn answer_of(&mut self, operation: &Operation<'_>) {
        let status = self.exchange["status"].to_string();
        self.pointer = child(&operation.pointer, "responses");
        let Some((_, pointer, response)) = operation
            .responses()
            .find(|(documented, ..)| *documented == status)
        else {
            return self.report("LIVE-UNDOCUMENTED", "the status");
        };
        self.pointer = pointer;
        let code = self.exchange["code"].as_str();
        if code.is_some_and(|code| !strings(&response["x-error-codes"]).any(|one| one == code)) {
            self.report("LIVE-UNDOCUMENTED", code.unwrap_or_default());
        }
        let documented: Vec<_> = entries(&response["headers"]).collect();
        let required = documented
            .iter()
            .filter(|(_, header)| header["required"] == true)
            .map(|(name, _)| *name);
        let known: Vec<_> = documented.iter().map(|(name, _)| *name).collect();
        self.headers(required, &known);
        self.body(
            entries(&response["content"])
                .next()
                .map(|(name, body)| (name, &body["schema"])),
        );
        self.details(operation);
        self.deserved(operation);
    }

    /// The answer to what is routed to no operation: the error envelope, and `Allow` with 405.
    fn answer_of_none(&mut self, any: Option<&Operation<'_>>) {
        let required = &OUTSIDE[..if self.exchange["status"] == 405 { 4 } else { 3 }];
        self.headers(required.iter().copied(), required);
        let mut errors = any
            .into_iter()
            .flat_map(Operation::responses)
            .filter(|(status, ..)| !status.starts_with('2'));
        let envelope = errors
            .next()
            .and_then(|(.., response)| entries(&response["content"]).next());
        self.body(envelope.map(|(name, body)| (name, &body["schema"])));
    }

    fn headers<'b>(&mut self, required: impl Iterator<Item = &'b str>, known: &[&str]) {
        let seen: Vec<_> = strings(&self.exchange["headers"])
            .map(str::to_lowercase)
            .collect();
        for name in required.filter(|name| !seen.contains(&name.to_lowercase())) {
            self.report("LIVE-HEADER", format!("without {name}"));
        }
        let expected = |name: &str| {
            OF_HTTP.contains(&name) || known.iter().any(|known| known.eq_ignore_ascii_case(name))
        };
        for name in seen.iter().filter(|name| !expected(name)) {
            self.report("LIVE-HEADER", format!("with {name}"));
        }
    }

    /// Content type and body, where the test recorded them.
    fn body(&mut self, documented: Option<(&str, &Value)>) {
        let response = &self.exchange["response"];
        let (Some(text), Some((documented, schema))) = (response["body"].as_str(), documented)
        else {
            return;
        };
        let content_type = media_type(
            response["headers"]["content-type"]
                .as_str()
                .unwrap_or_default(),
        );
        if content_type != media_type(documented) {
            self.report("LIVE-MEDIA-TYPE", content_type);
        }
        let body = serde_json::from_str(text).map_err(|error| error.to_string());
        if let Err(reason) = body.and_then(|body: Value| {
            matches_schema(schema, &body).map_err(|mismatch| mismatch.reason)
        }) {
            self.report("LIVE-BODY", reason);
        }
    }

    /// Details name fields of the operation's request, or fields that the request had.
    fn details(&mut self, operation: &Operation<'_>) {
        if !self.exchange["request"]["body"].is_string() {
            return;
        }
        let answer = parsed(&self.exchange["response"]);
        let sent = parsed(&self.exchange["request"]);
        let fields = &request_schema(operation)["properties"];
        let strange = |field: &&str| fields.get(field).is_none() && sent.get(field).is_none();
        let strange: Vec<_> = entries(&answer["error"]["details"])
            .map(|(field, _)| field)
            .filter(strange)
            .collect();
        for field in strange {
            self.report("LIVE-DETAILS", field);
        }
    }

    /// Whether the request should have got this status.
    fn deserved(&mut self, operation: &Operation<'_>) {
        let request = &self.exchange["request"];
        if !request["body"].is_string() {
            return;
        }
        let status = self.exchange["status"].as_u64().unwrap_or_default();
        let header = |name: &str| request["headers"][name].as_str().unwrap_or_default();
        if header("authorization").is_empty() && ![401, 429, 500, 503].contains(&status) {
            self.report("LIVE-AUTH", "no key was sent");
        }
        let (schema, body) = (request_schema(operation), parsed(request));
        let is_json = media_type(header("content-type")) == "application/json";
        match status {
            200..300 if !is_json => self.report("LIVE-ACCEPTED", header("content-type")),
            200..300 => {
                if let Err(mismatch) = matches_schema(schema, &body) {
                    self.report("LIVE-ACCEPTED", mismatch.reason);
                }
            }
            400 | 415
                if is_json
                    && header("content-encoding").is_empty()
                    && matches_schema(schema, &body).is_ok() =>
            {
                self.report("LIVE-REFUSED", "the request is as documented");
            }
            _ => {}
        }
        if self.exchange["client"] == "sdk" {
            self.sent_by_the_sdk(schema, &body);
        }
    }

    /// The SDK sends what is documented and nothing else.
    fn sent_by_the_sdk(&mut self, schema: &Value, body: &Value) {
        if let Err(mismatch) = matches_schema(schema, body) {
            self.report("LIVE-REQUEST", mismatch.reason);
        }
        let names = entries(&self.exchange["request"]["headers"]).map(|(name, _)| name);
        let known = |name: &&str| OF_CLIENTS.contains(name) || *name == "content-type";
        let strange: Vec<_> = names.filter(|name| !known(name)).collect();
        for name in strange {
            self.report("LIVE-REQUEST", name);
        }
    }

    /// The header's request id is the body's, and no other answer has it.
    fn request_id(&mut self, seen: &mut BTreeSet<String>) {
        let response = &self.exchange["response"];
        let Some(id) = response["headers"]["x-request-id"].as_str() else {
            return;
        };
        let in_body = parsed(response)["error"]["request_id"]
            .as_str()
            .map(str::to_owned);
        if in_body.is_some_and(|in_body| in_body != id) {
            self.report("LIVE-REQUEST-ID", "the body has another than the header");
        }
        if !seen.insert(id.to_owned()) {
            self.report("LIVE-REQUEST-ID", "seen before");
        }
    }
}

fn parsed(message: &Value) -> Value {
    serde_json::from_str(message["body"].as_str().unwrap_or_default()).unwrap_or_default()
}

fn request_schema<'a>(operation: &Operation<'a>) -> &'a Value {
    entries(&operation.value["requestBody"]["content"])
        .next()
        .map_or(&Value::Null, |(_, body)| &body["schema"])
}
