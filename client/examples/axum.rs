//! A shop on axum whose "Billing" button leads to the portal: `cargo run --example axum`.
//!
//! The key and the service's address come from `BILLING_PORTAL_API_KEY` and `BILLING_PORTAL_BASE_URL`.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use billing_portal_client::{Client, ErrorCode};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = Router::new()
        .route(
            "/",
            get(|| async {
                Html("<form method=post action=/billing><button>Billing</button></form>")
            }),
        )
        .route("/billing", post(billing))
        .with_state(Client::from_env()?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn billing(State(client): State<Client>) -> Response {
    match client
        .create_portal_session("https://app.example.com/settings/billing")
        .await
    {
        Ok(session) => session.portal_url.into_redirect().into_response(),
        Err(error) if error.code() == Some(&ErrorCode::NoStripeCustomer) => {
            Redirect::to("/pricing").into_response()
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
