//! A shop on poem whose "Billing" button leads to the portal: `cargo run --example poem`.
//!
//! The key and the service's address come from `BILLING_PORTAL_API_KEY` and `BILLING_PORTAL_BASE_URL`.

use billing_portal_client::{Client, ErrorCode, PortalUrl};
use poem::http::StatusCode;
use poem::listener::TcpAcceptor;
use poem::web::{Data, Html, Redirect};
use poem::{EndpointExt, IntoResponse, Response, Route, Server, get, handler, post};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = Route::new()
        .at("/", get(home))
        .at("/billing", post(billing))
        .data(Client::from_env()?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    Ok(
        Server::new_with_acceptor(TcpAcceptor::from_tokio(listener)?)
            .run(app)
            .await?,
    )
}

#[handler]
fn home() -> Html<&'static str> {
    Html("<form method=post action=/billing><button>Billing</button></form>")
}

#[handler]
async fn billing(client: Data<&Client>) -> Response {
    match client
        .create_portal_session("https://app.example.com/settings/billing")
        .await
    {
        Ok(session) => redirect(session.portal_url),
        Err(error) if error.code() == Some(&ErrorCode::NoStripeCustomer) => {
            Redirect::see_other("/pricing").into_response()
        }
        Err(error) => {
            eprintln!("{error}");
            (
                StatusCode::BAD_GATEWAY,
                "Billing is unavailable, try again later.",
            )
                .into_response()
        }
    }
}

/// poem has a response type of its own.
fn redirect(portal_url: PortalUrl) -> Response {
    let (head, _) = portal_url.into_redirect().into_parts();
    let mut response = Response::from(head.status);
    *response.headers_mut() = head.headers;
    response
}
