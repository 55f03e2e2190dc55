//! The floor: raw hyper in, one pooled raw hyper call out, both bodies parsed, the envelope written. No key, no store,
//! no policy, no log: nothing can do the job for less. `/hello` answers a constant, the least that a refusal can cost.

use std::{convert::Infallible, net::Ipv4Addr, process::ExitCode, sync::Arc};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use serde::{Deserialize, Serialize};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use crate::result::Result;

#[derive(Deserialize)]
struct Ask {
    return_url: String,
}

#[derive(Deserialize)]
struct Session {
    url: String,
}

#[derive(Serialize)]
struct Envelope<'a> {
    success: bool,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    portal_url: &'a str,
    expires_at: &'a str,
}

type Http = Client<HttpConnector, Full<Bytes>>;

/// Answers until it is to end, and asks `stripe` for sessions.
pub(crate) fn run(port: u16, stripe: String) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut ends = signal(SignalKind::terminate())?;
        tokio::select! {
            ended = serve(port, stripe.into()) => ended,
            _ = ends.recv() => Ok(ExitCode::SUCCESS),
        }
    })
}

async fn serve(port: u16, stripe: Arc<str>) -> Result<ExitCode> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let http: Http = Client::builder(TokioExecutor::new()).build(connector);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (http, stripe) = (http.clone(), Arc::clone(&stripe));
        tokio::spawn(async move {
            let service =
                service_fn(move |request| answer(request, http.clone(), Arc::clone(&stripe)));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // A connection that ends early is the client's business.
            _ = connection.await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    http: Http,
    stripe: Arc<str>,
) -> std::result::Result<Response<Full<Bytes>>, Infallible> {
    let body = if request.uri().path() == "/hello" {
        Bytes::from_static(b"{\"ok\":true}")
    } else {
        open_portal(request, http, &stripe)
            .await
            .expect("the stand-in answers")
    };
    let answer = Response::builder().header("content-type", "application/json");
    Ok(answer.body(Full::new(body)).expect("the header is good"))
}

async fn open_portal(request: Request<Incoming>, http: Http, stripe: &str) -> Result<Bytes> {
    let body = request.into_body().collect().await?.to_bytes();
    let ask: Ask = serde_json::from_slice(&body)?;
    let form = format!("customer=cus_1&return_url={}", ask.return_url);
    let call = Request::post(format!("{stripe}/v1/billing_portal/sessions"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", "Bearer sk_test_x")
        .body(Full::new(form.into()))?;
    let answer = http.request(call).await?.into_body().collect().await?;
    let session: Session = serde_json::from_slice(&answer.to_bytes())?;
    let envelope = Envelope {
        success: true,
        data: Data {
            portal_url: &session.url,
            expires_at: "2026-05-22T12:30:00Z",
        },
    };
    Ok(serde_json::to_vec(&envelope)?.into())
}
