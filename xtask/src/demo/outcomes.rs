//! Every documented outcome, brought about for real and printed as a table.
//!
//! The SDK asks wherever it can; what it would never send is sent by hand.

use std::{process::ExitCode, time::Duration};

use billing_portal_client::{Client, Error};
use conformance::stripe::{Endpoint, Reply};
use serde_json::json;
use tokio::{net::TcpStream, time::sleep};

use super::{RETURN_URL, deployment::Deployment, raw_http};
use crate::{
    document::{CONTRACT, Document},
    workspace,
};

/// The largest body, in bytes; one more is too large.
const MAX_BODY_BYTES: usize = 16 * 1024;
/// An origin that is not on the demo's allow-list.
const UNLISTED_URL: &str = "https://evil.example/";
/// More requests than the demo's limit lets a key make at once.
const MORE_THAN_THE_BURST: usize = 12;

/// An outcome as it came out.
struct Outcome {
    status: u16,
    /// `-` for a success.
    code: String,
    asked_by: &'static str,
    how: &'static str,
}

/// Prints the table; the exit status says whether every outcome is as documented.
pub(crate) async fn show_all(deployment: &Deployment) -> Result<ExitCode, String> {
    let mut missing = documented()?;
    let mut rows = Vec::new();
    let mut all_well = true;
    for outcome in bring_about(deployment).await? {
        let pair = (outcome.status, outcome.code.clone());
        let known = missing.iter().position(|documented| *documented == pair);
        all_well &= known.is_some();
        rows.push(outcome.row(if known.is_some() { "yes" } else { "NO" }));
        known.map(|position| missing.swap_remove(position));
    }
    for (status, code) in missing {
        // Nobody can ask for a bug from outside; that a panic is answered so is shown by the tests.
        let is_bug = code == "INTERNAL";
        all_well &= is_bug;
        let (how, verdict) = if is_bug {
            ("only a bug causes it", "by the tests")
        } else {
            ("was not brought about", "NO")
        };
        let asked_by = "-";
        rows.push(
            Outcome {
                status,
                code,
                asked_by,
                how,
            }
            .row(verdict),
        );
    }
    rows.sort();
    println!(
        "status  code                        asked by  how                                     as documented"
    );
    println!("{}", rows.join("\n"));
    Ok(if all_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
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

/// The (status, code) pairs of the contract.
fn documented() -> Result<Vec<(u16, String)>, String> {
    let text = workspace::read(&workspace::root(), CONTRACT)?;
    let contract = Document::parse(CONTRACT, &text).map_err(|error| error.reason)?;
    let responses = &contract.value["paths"]["/v1/billing/portal"]["post"]["responses"];
    let mut pairs = Vec::new();
    for (status, response) in responses.as_object().into_iter().flatten() {
        let status = status
            .parse()
            .map_err(|_| format!("{status} is not a status"))?;
        let codes = response["x-error-codes"]
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec!["-".into()]);
        pairs.extend(
            codes
                .iter()
                .map(|code| (status, code.as_str().unwrap_or_default().to_owned())),
        );
    }
    Ok(pairs)
}

async fn bring_about(deployment: &Deployment) -> Result<Vec<Outcome>, String> {
    let mut outcomes = asked_by_the_sdk(deployment).await?;
    outcomes.extend(sent_by_hand(deployment).await?);
    outcomes.extend(while_full(deployment).await?);
    Ok(outcomes)
}

async fn asked_by_the_sdk(deployment: &Deployment) -> Result<Vec<Outcome>, String> {
    let keys = &deployment.keys;
    let asks = [
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
    for (key, return_url, how) in asks {
        outcomes.push(ask(deployment, key, return_url, how).await?);
    }

    let refusal =
        json!({ "error": { "type": "invalid_request_error", "code": "parameter_unknown" } });
    deployment
        .stripe
        .answer_always(Endpoint::Sessions, Reply::json(400, &refusal));
    outcomes.push(ask(deployment, &keys.opens, RETURN_URL, "Stripe refuses").await?);
    deployment.stripe.recover();

    for _ in 0..MORE_THAN_THE_BURST {
        ask(deployment, &keys.limited, UNLISTED_URL, "").await?;
    }
    outcomes.push(
        ask(
            deployment,
            &keys.limited,
            UNLISTED_URL,
            "a dozen requests at once",
        )
        .await?,
    );
    Ok(outcomes)
}

/// What the SDK would never send.
async fn sent_by_hand(deployment: &Deployment) -> Result<Vec<Outcome>, String> {
    let requests = [
        ("application/json", 3, "[1]", "an array"),
        (
            "application/json",
            MAX_BODY_BYTES + 1,
            "",
            "a body over 16 KiB",
        ),
        ("text/plain", 2, "{}", "text"),
    ];
    let mut outcomes = Vec::new();
    for (content_type, length, body, how) in requests {
        let key = &deployment.keys.opens;
        let connection = raw_http::post(deployment.api, key, content_type, length, body).await;
        outcomes.push(read(connection, how).await?);
    }
    Ok(outcomes)
}

/// Two bodies that never come hold both places, until their time is up.
async fn while_full(deployment: &Deployment) -> Result<Vec<Outcome>, String> {
    let key = &deployment.keys.opens;
    let hold_a_place = || raw_http::post(deployment.api, key, "application/json", 60, "{");
    let (held, _also_held) = (hold_a_place().await, hold_a_place().await);
    sleep(Duration::from_millis(100)).await;
    Ok(vec![
        ask(
            deployment,
            key,
            RETURN_URL,
            "as many in flight as are served",
        )
        .await?,
        read(held, "a body that never comes").await?,
    ])
}

/// Asks with the SDK, once.
async fn ask(
    deployment: &Deployment,
    key: &str,
    return_url: &str,
    how: &'static str,
) -> Result<Outcome, String> {
    let client = Client::builder()
        .api_key(key)
        .base_url(format!("http://{}", deployment.api))
        .max_retries(0)
        .build()
        .map_err(|error| error.to_string())?;
    let (status, code) = match client.create_portal_session(return_url).await {
        Ok(_) => (200, "-".to_owned()),
        Err(Error::Api(error)) => (error.status.as_u16(), error.code.as_str().to_owned()),
        Err(error) => return Err(format!("{how}: {error}")),
    };
    Ok(Outcome {
        status,
        code,
        asked_by: "SDK",
        how,
    })
}

async fn read(connection: Option<TcpStream>, how: &'static str) -> Result<Outcome, String> {
    let failed = || format!("{how}: no answer");
    let answer = raw_http::read(connection.ok_or_else(failed)?)
        .await
        .ok_or_else(failed)?;
    let code = answer.json["error"]["code"]
        .as_str()
        .unwrap_or("-")
        .to_owned();
    Ok(Outcome {
        status: answer.status,
        code,
        asked_by: "by hand",
        how,
    })
}
