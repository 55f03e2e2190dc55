//! The sample of the repository's README, as a program: prints the status of the redirect to the portal.

use billing_portal_client::{Client, Error, http::Response};

async fn billing(client: &Client) -> Result<Response<String>, Error> {
    let session = client
        .create_portal_session("https://app.example.com/settings/billing")
        .await?;
    Ok(session.portal_url.into_redirect()) // Debug never shows the URL.
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    // Reads BILLING_PORTAL_API_KEY and BILLING_PORTAL_BASE_URL.
    let client = Client::from_env()?;
    println!("{}", billing(&client).await?.status());
    Ok(())
}
