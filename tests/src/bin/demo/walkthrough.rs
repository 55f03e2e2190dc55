//! Every documented outcome, produced for real and printed as a table.
//!
//! The SDK asks wherever it can; what it would never send is sent by hand.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use billing_portal_client::{Client, Error as SdkError};
use billing_portal_tests::deployment::{Deployment, RETURN_URL};
use billing_portal_tests::http_client::{self, ClientConnection};
use billing_portal_tests::http_message::{TestRequest, TestResponse};
use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::{Value, json};
use tokio::time::sleep;

/// The largest body that the service takes, in bytes; one more is too large.
const MAX_BODY_BYTES: usize = 16 * 1024;
/// An origin that is not on the demo's allow-list.
const UNLISTED_URL: &str = "https://evil.example/";
/// More requests than the demo's limit lets a key make at once.
const MORE_THAN_THE_BURST: usize = 12;
/// How long an answer may take: longer than the demo's limit for a slow body.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// After this time the service has begun with a request that was sent to it.
const BEGUN: Duration = Duration::from_millis(100);

/// An outcome as it came out.
struct Outcome {
    status: u16,
    /// `-` for a success.
    code: String,
    asked_by: &'static str,
    how: &'static str,
}

/// Prints the table; answers whether every outcome is as documented.
pub(crate) async fn show_all(deployment: &Deployment) -> Result<bool, Box<dyn Error>> {
    let mut missing = documented(deployment.service.api).await?;
    let mut rows = Vec::new();
    let mut all_as_documented = true;
    for outcome in produce(deployment).await? {
        let pair = (outcome.status, outcome.code.clone());
        let known = missing.iter().position(|documented| *documented == pair);
        all_as_documented &= known.is_some();
        rows.push(outcome.row(if known.is_some() { "yes" } else { "NO" }));
        known.map(|position| missing.swap_remove(position));
    }
    for (status, code) in missing {
        // A caller cannot produce a bug; the tests show the answer to a panic.
        let is_bug = code == "INTERNAL";
        all_as_documented &= is_bug;
        let (how, verdict) = if is_bug {
            ("only a bug causes it", "by the tests")
        } else {
            ("was not produced", "NO")
        };
        let outcome = Outcome {
            status,
            code,
            asked_by: "-",
            how,
        };
        rows.push(outcome.row(verdict));
    }
    rows.sort();
    println!(
        "status  code                        sent by   how                                     as documented"
    );
    println!("{}", rows.join("\n"));
    Ok(all_as_documented)
}

impl Outcome {
    fn row(&self, verdict: &str) -> String {
        let Self {
            status,
            code,
            asked_by,
            how,
        } = self;
        format!("{status:<8}{code:<28}{asked_by:<10}{how:<40}{verdict}")
    }
}

/// The (status, code) pairs of the contract, as the service serves it.
async fn documented(api: SocketAddr) -> Result<Vec<(u16, String)>, Box<dyn Error>> {
    let contract = TestRequest::get("/openapi.json");
    let contract = http_client::exchange(api, &contract, ANSWER_LIMIT).await;
    let contract = contract
        .ok_or("the service does not serve its contract")?
        .json();
    let responses = &contract["paths"]["/v1/billing/portal"]["post"]["responses"];
    let mut pairs = Vec::new();
    for (status, response) in responses.as_object().into_iter().flatten() {
        let status: u16 = status.parse()?;
        let success = [Value::from("-")];
        let codes = response["x-error-codes"].as_array();
        let codes = codes.map_or(&success[..], Vec::as_slice).iter();
        pairs.extend(
            codes
                .filter_map(Value::as_str)
                .map(|code| (status, code.to_owned())),
        );
    }
    Ok(pairs)
}

async fn produce(deployment: &Deployment) -> Result<Vec<Outcome>, Box<dyn Error>> {
    let mut outcomes = asked_by_the_sdk(deployment).await?;
    outcomes.extend(sent_by_hand(deployment).await?);
    outcomes.extend(while_full(deployment).await?);
    Ok(outcomes)
}

async fn asked_by_the_sdk(deployment: &Deployment) -> Result<Vec<Outcome>, Box<dyn Error>> {
    let keys = &deployment.keys;
    let requests = [
        (&keys.opens, RETURN_URL, "a key with billing:write"),
        (&keys.revoked, RETURN_URL, "a revoked key"),
        (&keys.reads_only, RETURN_URL, "a key without billing:write"),
        (
            &keys.without_customer,
            RETURN_URL,
            "an organization without customer",
        ),
        (&keys.opens, UNLISTED_URL, "a return_url that is not listed"),
    ];
    let mut outcomes = Vec::new();
    for (key, return_url, how) in requests {
        outcomes.push(call(deployment, key, return_url, how).await?);
    }

    let refusal =
        json!({ "error": { "type": "invalid_request_error", "code": "parameter_unknown" } });
    let refusal = Reply::json(400, &refusal);
    deployment.stripe.answer_always(Endpoint::Sessions, refusal);
    outcomes.push(call(deployment, &keys.opens, RETURN_URL, "Stripe refuses").await?);
    deployment.stripe.recover();

    for _ in 0..MORE_THAN_THE_BURST {
        call(deployment, &keys.limited, UNLISTED_URL, "").await?;
    }
    let how = "a dozen requests at once";
    outcomes.push(call(deployment, &keys.limited, UNLISTED_URL, how).await?);
    Ok(outcomes)
}

/// What the SDK would never send.
async fn sent_by_hand(deployment: &Deployment) -> Result<Vec<Outcome>, Box<dyn Error>> {
    let good = TestRequest::portal(&deployment.keys.opens, RETURN_URL);
    let too_large = vec![b' '; MAX_BODY_BYTES + 1];
    let requests = [
        (good.clone().with_body("[1]"), "an array"),
        (good.clone().with_body(too_large), "a body over 16 KiB"),
        (good.with_header("Content-Type", "text/plain"), "text"),
    ];
    let mut outcomes = Vec::new();
    for (request, how) in requests {
        let answer = http_client::exchange(deployment.service.api, &request, ANSWER_LIMIT).await;
        outcomes.push(by_hand(answer, how)?);
    }
    Ok(outcomes)
}

/// Two bodies that never come hold both places, until their time is up.
async fn while_full(deployment: &Deployment) -> Result<Vec<Outcome>, Box<dyn Error>> {
    let key = &deployment.keys.opens;
    // It announces more than it sends.
    let slow = TestRequest::portal(key, RETURN_URL).with_body("{");
    let slow = slow.with_header("Content-Length", "60");
    let mut held = ClientConnection::open(deployment.service.api).await?;
    let mut also_held = ClientConnection::open(deployment.service.api).await?;
    for connection in [&mut held, &mut also_held] {
        connection.send(&slow.to_bytes()).await?;
    }
    sleep(BEGUN).await;
    let how = "as many in flight as are served";
    let refused = call(deployment, key, RETURN_URL, how).await?;
    let answer = held.response(&slow.method, ANSWER_LIMIT).await;
    Ok(vec![refused, by_hand(answer, "a body that never comes")?])
}

/// Asks with the SDK, once.
async fn call(
    deployment: &Deployment,
    key: &str,
    return_url: &str,
    how: &'static str,
) -> Result<Outcome, Box<dyn Error>> {
    let client = Client::builder()
        .api_key(key)
        .base_url(format!("http://{}", deployment.service.api))
        .max_retries(0)
        .build()?;
    let (status, code) = match client.create_portal_session(return_url).await {
        Ok(_) => (200, "-".to_owned()),
        Err(SdkError::Api(error)) => (error.status.as_u16(), error.code.as_str().to_owned()),
        Err(error) => return Err(format!("{how}: {error}").into()),
    };
    Ok(Outcome {
        status,
        code,
        asked_by: "SDK",
        how,
    })
}

fn by_hand(answer: Option<TestResponse>, how: &'static str) -> Result<Outcome, String> {
    let answer = answer.ok_or_else(|| format!("{how}: no answer"))?;
    Ok(Outcome {
        status: answer.status,
        code: answer.code().unwrap_or_else(|| "-".to_owned()),
        asked_by: "by hand",
        how,
    })
}
