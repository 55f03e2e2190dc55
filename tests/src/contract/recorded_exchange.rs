//! One recorded exchange, held to the contract: status, code, headers, content type, body, request id, and whether the
//! request should have been served at all.
//!
//! An exchange is a JSON object: `operation` (the operationId; absent for a request that no operation has), `status`,
//! `code`, `headers` (names) and, where the test recorded them, `client` ("sdk" if the SDK sent it), `request`
//! (`method`, `headers`, `body`) and `response` (`headers`, `body`).

use serde_json::{Value, json};

use super::{
    kind::Direction,
    operations::{Contract, Operation},
    recorded_request::{self, parsed},
    schema::{Mismatch, UnknownFields, matches_schema},
    tree::{child, entries, items, media_type, strings},
};

/// Headers that HTTP itself puts on a message.
const TRANSPORT_HEADERS: [&str; 6] = [
    "content-type",
    "content-length",
    "date",
    "connection",
    "transfer-encoding",
    "keep-alive",
];

/// Headers of an answer to a request that no operation has; the last goes with 405 only.
const UNMATCHED_ROUTE_HEADERS: [&str; 4] = [
    "x-request-id",
    "cache-control",
    "x-content-type-options",
    "allow",
];

/// One way in which an exchange is not as the contract says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The stable id of the finding; `cargo xtask explain` describes it.
    pub id: &'static str,
    /// The place in the contract.
    pub pointer: String,
    /// The status and what was seen.
    pub seen: String,
}

/// Everything that is wrong with one exchange.
pub fn problems(contract: &Contract, exchange: &Value) -> Vec<Problem> {
    let operations = contract.operations();
    let is_it = |one: &&Operation<'_>| one.value["operationId"] == exchange["operation"];
    let mut checker = Checker {
        exchange,
        problems: Vec::new(),
        pointer: "/paths".to_owned(),
    };
    match operations.iter().find(is_it) {
        Some(operation) => checker.answer_of(operation),
        None => checker.answer_of_none(operations.first()),
    }
    checker.request_id();
    checker.problems
}

struct Checker<'a> {
    exchange: &'a Value,
    problems: Vec<Problem>,
    /// The node of the contract that is being compared.
    pointer: String,
}

impl Checker<'_> {
    fn report(&mut self, id: &'static str, seen: impl Into<String>) {
        let seen = format!("{}: {}", self.exchange["status"], seen.into());
        let pointer = self.pointer.clone();
        self.problems.push(Problem { id, pointer, seen });
    }

    fn report_mismatch(&mut self, id: &'static str, held: Result<(), Mismatch>) {
        let _ = held.map_err(|mismatch| self.report(id, mismatch.reason));
    }

    /// The answer of an operation: documented, complete, and to a request that may have it.
    fn answer_of(&mut self, operation: &Operation<'_>) {
        let status = self.exchange["status"].to_string();
        self.pointer = child(&operation.pointer, "responses");
        let mut responses = operation.responses();
        let Some((_, pointer, response)) = responses.find(|(documented, ..)| *documented == status)
        else {
            return self.report("LIVE-UNDOCUMENTED", "the status");
        };
        self.pointer = pointer;
        self.headers(&response["headers"]);
        self.body(response);
        self.details(operation);
        for (id, seen) in recorded_request::problems(operation, self.exchange) {
            self.report(id, seen);
        }
    }

    /// The answer to a request that no operation has: the error envelope, and `Allow` with 405.
    fn answer_of_none(&mut self, any: Option<&Operation<'_>>) {
        let is_405 = self.exchange["status"] == 405;
        let mut responses = any.into_iter().flat_map(Operation::responses);
        let error = responses.find(|(status, ..)| !status.starts_with('2'));
        let error = error.map_or(Value::Null, |(.., response)| response.clone());
        let headers = UNMATCHED_ROUTE_HEADERS[..if is_405 { 4 } else { 3 }].iter();
        let headers = headers.map(|name| ((*name).to_owned(), json!({ "required": true })));
        self.headers(&headers.collect());
        self.body(&json!({
            "content": error["content"],
            "x-error-codes": [if is_405 { "METHOD_NOT_ALLOWED" } else { "NOT_FOUND" }],
        }));
    }

    /// Each required header is there, no other is than those documented, and each value is as documented.
    fn headers(&mut self, documented: &Value) {
        let seen: Vec<_> = strings(&self.exchange["headers"])
            .map(str::to_lowercase)
            .collect();
        let values = &self.exchange["response"]["headers"];
        for (name, header) in entries(documented) {
            let lower = name.to_lowercase();
            if header["required"] == true && !seen.contains(&lower) {
                self.report("LIVE-HEADER", format!("without {name}"));
            }
            if let Some(value) = values[&lower].as_str() {
                let number = value.parse::<i64>().ok();
                let number = number.filter(|_| header["schema"]["type"] == "integer");
                let value = number.map_or_else(|| json!(value), |number| json!(number));
                let held = answered(&header["schema"], &value);
                self.report_mismatch(
                    "LIVE-HEADER",
                    held.map_err(|mismatch| Mismatch {
                        reason: format!("{name}: {}", mismatch.reason),
                        ..mismatch
                    }),
                );
            }
        }
        let expected = |name: &str| {
            let mut documented = entries(documented);
            TRANSPORT_HEADERS.contains(&name)
                || documented.any(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        for name in seen.iter().filter(|name| !expected(name)) {
            self.report("LIVE-HEADER", format!("with {name}"));
        }
        let mut once = seen.clone();
        once.sort();
        for pair in once.windows(2).filter(|pair| pair[0] == pair[1]) {
            self.report("LIVE-HEADER", format!("with {} twice", pair[0]));
        }
    }

    /// The code, and where the test recorded them content type and body.
    fn body(&mut self, documented: &Value) {
        let code = self.exchange["code"].as_str();
        let is_documented =
            |code: &&str| strings(&documented["x-error-codes"]).any(|one| one == *code);
        if let Some(code) = code.filter(|code| !is_documented(code)) {
            self.report("LIVE-UNDOCUMENTED", code);
        }
        let response = &self.exchange["response"];
        let (Some(text), Some((media, content))) = (
            response["body"].as_str(),
            entries(&documented["content"]).next(),
        ) else {
            return;
        };
        // An answer to HEAD has the headers of a body and no body.
        if self.exchange["request"]["method"] == "HEAD" {
            return;
        }
        let content_type = response["headers"]["content-type"].as_str();
        let content_type = media_type(content_type.unwrap_or_default());
        if content_type != media_type(media) {
            self.report("LIVE-MEDIA-TYPE", content_type);
        }
        match serde_json::from_str(text) {
            Ok(body) => {
                self.report_mismatch("LIVE-BODY", answered(&content["schema"], &body));
                let code = code.unwrap_or_default();
                self.message(&content["examples"][code]["value"]["error"], &body["error"]);
            }
            Err(error) => self.report("LIVE-BODY", error.to_string()),
        }
    }

    /// Each code has one message, and details are left out where there are none.
    fn message(&mut self, example: &Value, error: &Value) {
        if !example.is_null() && example["message"] != error["message"] {
            self.report("LIVE-BODY", format!("the message {}", error["message"]));
        }
        if error["details"] == json!({}) {
            self.report("LIVE-DETAILS", "details without a field");
        }
    }

    /// Details name fields of the operation's request, or fields that the request had; with 400, a header of it.
    fn details(&mut self, operation: &Operation<'_>) {
        if !self.exchange["request"]["body"].is_string() {
            return;
        }
        let answer = parsed(&self.exchange["response"]);
        let sent = parsed(&self.exchange["request"]);
        let fields = &operation.request_schema()["properties"];
        let is_unknown = |field: &&str| fields.get(field).is_none() && sent.get(field).is_none();
        let is_header = |field: &&str| {
            let named = |one: &Value| one["in"] == "header" && one["name"] == **field;
            let is_400 = self.exchange["status"] == 400;
            is_400 && items(&operation.value["parameters"]).any(named)
        };
        let details = entries(&answer["error"]["details"]).map(|(field, _)| field);
        let details = details.filter(|field| !is_header(field));
        for field in details.filter(is_unknown).collect::<Vec<_>>() {
            self.report("LIVE-DETAILS", field);
        }
    }

    /// The header's request id is the body's.
    fn request_id(&mut self) {
        let response = &self.exchange["response"];
        let id = &response["headers"]["x-request-id"];
        let in_body = &parsed(response)["error"]["request_id"];
        if id.is_string() && in_body.is_string() && in_body != id {
            self.report("LIVE-REQUEST-ID", "the body has another than the header");
        }
    }
}

fn answered(schema: &Value, value: &Value) -> Result<(), Mismatch> {
    match schema {
        Value::Null => Ok(()),
        schema => matches_schema(
            schema,
            value,
            Some(Direction::Answered),
            UnknownFields::Refused,
        ),
    }
}
