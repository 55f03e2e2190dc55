//! The stand-in for Stripe: constant answers, as cheap as a correct HTTP/1.1 answer can be.

use std::{convert::Infallible, net::Ipv4Addr, process::ExitCode, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, time::sleep};

use crate::{requests::RETURN_URL, result::Result};

/// The customer of every session.
pub(crate) const CUSTOMER: &str = "cus_NciAYcXfLnqBoz";

/// Answers for ever; creating a session takes so many milliseconds.
pub(crate) fn run(port: u16, delay_ms: u64) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(port, Duration::from_millis(delay_ms)))
}

async fn serve(port: u16, delay: Duration) -> Result<ExitCode> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, delay));
            let mut engine = http1::Builder::new();
            let connection = engine.timer(TokioTimer::new());
            // A connection that ends early is the client's business.
            _ = connection
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    delay: Duration,
) -> std::result::Result<Response<Full<Bytes>>, Infallible> {
    let creates = request.method() == Method::POST;
    let path = request.uri().path().to_owned();
    // The answer is the same whatever was sent.
    _ = request.into_body().collect().await;
    let body = match path.as_str() {
        "/v1/billing_portal/sessions" => {
            if !delay.is_zero() {
                sleep(delay).await;
            }
            session()
        }
        "/v1/billing_portal/configurations" if !creates => {
            format!(r#"{{"object":"list","data":[{CONFIGURATION}],"has_more":false}}"#)
        }
        _ => CONFIGURATION.to_owned(),
    };
    let answer = Response::builder()
        .header("content-type", "application/json")
        .header("request-id", "req_standin0000000")
        .body(Full::new(body.into()));
    Ok(answer.expect("the headers are good"))
}

fn session() -> String {
    format!(
        r#"{{"id":"bps_1Na3b2LkdIwHu7ixabcdef01","object":"billing_portal.session","configuration":"bpc_1MAhNDLkdIwHu7ixckACO1Jq","created":1779452700,"customer":"{CUSTOMER}","customer_account":null,"flow":null,"livemode":false,"locale":null,"on_behalf_of":null,"return_url":"{RETURN_URL}","url":"https://billing.stripe.com/p/session/test_YWNjdF8xTTJKVGtMa2RJd0h1N2l4LF9PMU1"}}"#
    )
}

const CONFIGURATION: &str = r#"{"id":"bpc_1MAhNDLkdIwHu7ixckACO1Jq","object":"billing_portal.configuration","active":true,"application":null,"business_profile":{"headline":null,"privacy_policy_url":null,"terms_of_service_url":null},"created":1669000000,"default_return_url":null,"features":{"customer_update":{"allowed_updates":["name","address","phone","tax_id"],"enabled":true},"invoice_history":{"enabled":true},"payment_method_update":{"enabled":true},"subscription_cancel":{"enabled":false},"subscription_pause":{"enabled":false},"subscription_update":{"enabled":false}},"is_default":false,"livemode":false,"login_page":{"enabled":false,"url":null},"metadata":{"managed_by":"billing-portal"},"updated":1669000000}"#;
