//! One request and its answer, at the point where generated code meets the network.
//!
//! Every request passes through here, so this is where the key is put on, where what the contract does not name is
//! taken off, and where an answer's size is bounded. The generated code forgets the status of an answer that it
//! cannot decode; the exchange keeps it.

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use http::header::{AUTHORIZATION, USER_AGENT};
use progenitor_client::{ClientHooks, ClientInfo, Error, OperationInfo};
use reqwest::{Request, Response, ResponseBuilderExt};

use crate::answer::Answer;
use crate::generated::Client;

/// More of an answer than this is not read; the service's own are under 2 KiB.
const LARGEST_ANSWER: usize = 64 * 1024;

/// What one request carries, and what came back.
#[derive(Clone)]
pub(crate) struct Exchange {
    authorization: HeaderValue,
    user_agent: HeaderValue,
    timeout: Duration,
    answer: Arc<Mutex<Option<Answer>>>,
}

impl Exchange {
    pub(crate) fn new(
        authorization: HeaderValue,
        user_agent: HeaderValue,
        timeout: Duration,
    ) -> Self {
        Self {
            authorization,
            user_agent,
            timeout,
            answer: Arc::default(),
        }
    }

    /// The answer as far as it came. A success comes without its body, which the generated code has.
    pub(crate) fn take_answer(&self) -> Option<Answer> {
        self.answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    fn keep(&self, answer: Answer) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }

    /// Reads the answer within bounds and keeps it. The generated code gets what it decodes: status and body.
    async fn receive(&self, mut response: Response) -> reqwest::Result<Response> {
        let mut answer = Answer {
            status: response.status(),
            headers: mem::take(response.headers_mut()),
            body: Vec::new(),
        };
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    let room = LARGEST_ANSWER - body.len();
                    body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                    if chunk.len() > room {
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    self.keep(answer);
                    return Err(error);
                }
            }
        }
        if !answer.status.is_success() {
            answer.body.clone_from(&body);
        }
        // With its URL, as it would otherwise parse a made-up one.
        let decodable = http::Response::builder()
            .status(answer.status)
            .url(response.url().clone())
            .body(body);
        self.keep(answer);
        Ok(decodable.expect("a status and a URL are a response").into())
    }
}

impl ClientHooks<Exchange> for Client {
    async fn pre<E>(&self, request: &mut Request, _: &OperationInfo) -> Result<(), Error<E>> {
        let headers = request.headers_mut();
        // The generator adds it on its own account; the contract does not name it.
        headers.remove("api-version");
        headers.insert(AUTHORIZATION, self.inner().authorization.clone());
        headers.insert(USER_AGENT, self.inner().user_agent.clone());
        *request.timeout_mut() = Some(self.inner().timeout);
        Ok(())
    }

    async fn exec(&self, request: Request, _: &OperationInfo) -> reqwest::Result<Response> {
        let response = self.client().execute(request).await?;
        self.inner().receive(response).await
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}
