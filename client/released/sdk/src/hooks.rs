//! The point where generated code meets the network: every request and every answer passes through here.
//!
//! The hooks add the key, remove the header that the contract does not name, and bound an answer's size.

use std::mem;

use http::header::{AUTHORIZATION, USER_AGENT};
use progenitor_client::{ClientHooks, ClientInfo, Error, OperationInfo};
use reqwest::{Request, Response, ResponseBuilderExt};
use serde::Deserialize;

use crate::exchange::{Exchange, RawResponse};
use crate::generated;

/// The most bytes of an answer that are read. The service's own answers are under 2 KiB.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

impl ClientHooks<Exchange> for generated::Client {
    async fn pre<E>(&self, request: &mut Request, _: &OperationInfo) -> Result<(), Error<E>> {
        let headers = request.headers_mut();
        // The generated code adds it, but the contract does not name it.
        headers.remove("api-version");
        headers.extend(self.inner().headers.clone());
        headers.insert(AUTHORIZATION, self.inner().authorization.clone());
        headers.insert(USER_AGENT, self.inner().user_agent.clone());
        *request.timeout_mut() = Some(self.inner().timeout);
        Ok(())
    }

    async fn exec(&self, request: Request, _: &OperationInfo) -> reqwest::Result<Response> {
        let response = self.client().execute(request).await?;
        receive(self.inner(), response).await
    }
}

/// Reads the answer within bounds and keeps it. The generated code gets what it decodes: status and body.
async fn receive(exchange: &Exchange, mut response: Response) -> reqwest::Result<Response> {
    let mut answer = RawResponse {
        url: response.url().to_string(),
        status: response.status(),
        headers: mem::take(response.headers_mut()),
        body: Vec::new(),
        code: None,
    };
    let body = match read_bounded(&mut response).await {
        Ok(body) => body,
        Err(error) => {
            exchange.keep(answer);
            return Err(error);
        }
    };
    answer.code = error_code(&body);
    if !answer.status.is_success() {
        answer.body.clone_from(&body);
    }
    // Without a URL, the conversion would parse a made-up one.
    let decodable = http::Response::builder()
        .status(answer.status)
        .url(response.url().clone())
        .body(body);
    exchange.keep(answer);
    Ok(decodable
        .expect("a status and a URL make a response")
        .into())
}

/// `error.code`, also of a body that the contract does not have.
fn error_code(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Envelope {
        error: Error,
    }
    #[derive(Deserialize)]
    struct Error {
        code: String,
    }
    const NAME: &[u8] = b"\"error\"";
    // Saves parsing a success twice.
    body.windows(NAME.len()).find(|bytes| *bytes == NAME)?;
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    Some(envelope.error.code)
}

/// The body, cut off at [`MAX_ANSWER_BYTES`]: what is longer cannot be decoded.
async fn read_bounded(response: &mut Response) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = MAX_ANSWER_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            break;
        }
    }
    Ok(body)
}
