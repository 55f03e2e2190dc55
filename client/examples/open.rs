//! The first program of the README: opens a portal and prints its URL.

#[tokio::main]
async fn main() -> Result<(), billing_portal_client::Error> {
    let client = billing_portal_client::Client::from_env()?;
    let session = client
        .create_portal_session("https://app.example.com/settings/billing")
        .await?;
    println!("{}", session.portal_url.expose());
    Ok(())
}
