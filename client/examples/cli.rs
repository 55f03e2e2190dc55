//! Prints a portal's URL: `cargo run --example cli -- https://app.example.com/settings/billing`.
//!
//! The key and the service's address come from `BILLING_PORTAL_API_KEY` and `BILLING_PORTAL_BASE_URL`. A script can
//! distinguish the outcomes by the exit code: 0 printed, 2 no return URL given, 3 subscribe first, 75 try again later,
//! 1 anything else.

use std::process::ExitCode;

use billing_portal_client::blocking::Client;
use billing_portal_client::{Error, ErrorCode, PortalSession};

fn main() -> ExitCode {
    let Some(return_url) = std::env::args().nth(1) else {
        eprintln!("usage: cli RETURN_URL");
        return ExitCode::from(2);
    };
    match open(return_url) {
        Ok(session) => {
            println!("{}", session.portal_url.expose());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(match error.code() {
                Some(ErrorCode::NoStripeCustomer) => 3,
                _ if error.is_retryable() => 75,
                _ => 1,
            })
        }
    }
}

fn open(return_url: String) -> Result<PortalSession, Error> {
    Client::from_env()?.create_portal_session(return_url)
}
