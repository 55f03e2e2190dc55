//! A small shop with a button "Manage billing", and the page of a simulated portal behind it: what an integrator builds
//! with the SDK, for the demo.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use billing_portal_client::Client;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::form_urlencoded;

use crate::deployment::Deployment;
use crate::http_message::TestRequest;
use crate::http_server::{ServerConnection, reply};
use crate::stripe::SimulatedStripe;

/// A browser opens connections ahead and may not use them.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// The features of a portal and how a customer knows them.
const FEATURES: [(&str, &str); 6] = [
    ("payment_method_update", "Change the payment method"),
    ("invoice_history", "Download invoices"),
    ("customer_update", "Edit billing details"),
    ("subscription_update", "Change the plan"),
    ("subscription_pause", "Pause the subscription"),
    ("subscription_cancel", "Cancel the subscription"),
];

/// The ports of the shop and of the simulated portal, before the service that they belong to runs.
#[derive(Debug)]
pub struct Shop {
    shop: TcpListener,
    portal: TcpListener,
}

impl Shop {
    /// Listens on this loopback port, or on a free one if it is taken.
    pub async fn listen(port: u16) -> io::Result<Self> {
        let shop = match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?,
        };
        let portal = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Ok(Self { shop, portal })
    }

    /// The origin of the shop, which the service's allow-list must have.
    pub fn origin(&self) -> io::Result<String> {
        Ok(format!(
            "http://localhost:{}",
            self.shop.local_addr()?.port()
        ))
    }

    /// What the URLs of the simulated Stripe's sessions begin with. The service's portal hosts must have `localhost`.
    pub fn session_url(&self) -> io::Result<String> {
        let port = self.portal.local_addr()?.port();
        Ok(format!("http://localhost:{port}/p/session/test_"))
    }

    /// Serves both, for as long as the result lives.
    pub fn open(self, deployment: &Deployment) -> io::Result<JoinSet<()>> {
        let site = Arc::new(Site {
            api: format!("http://{}", deployment.service.api),
            subscribed: deployment.keys.opens.clone(),
            newcomer: deployment.keys.without_customer.clone(),
            origin: self.origin()?,
            stripe: Arc::clone(&deployment.stripe),
        });
        let mut serving = JoinSet::new();
        let portal = Arc::clone(&site);
        serving.spawn(accept(self.shop, move |request| {
            let site = Arc::clone(&site);
            async move { site.shop(&request).await }
        }));
        serving.spawn(accept(self.portal, move |request| {
            let page = portal.portal(&request);
            async move { page }
        }));
        Ok(serving)
    }
}

async fn accept<F: Future<Output = String> + Send + 'static>(
    listener: TcpListener,
    answer: impl Fn(TestRequest) -> F + Clone + Send + Sync + 'static,
) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, answer.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve<F: Future<Output = String>>(stream: TcpStream, answer: impl Fn(TestRequest) -> F) {
    let mut connection = ServerConnection::new(stream);
    if let Some(request) = connection.request(REQUEST_TIMEOUT).await {
        let answer = answer(request).await;
        // The browser may have gone.
        _ = connection.send(answer.as_bytes()).await;
    }
}

struct Site {
    api: String,
    /// The key of an organization with a customer, and of one without.
    subscribed: String,
    newcomer: String,
    origin: String,
    stripe: Arc<SimulatedStripe>,
}

impl Site {
    async fn shop(&self, request: &TestRequest) -> String {
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/") => shop_page(""),
            ("GET", "/billing") => shop_page("<p id=\"note\">You are back from the portal.</p>"),
            ("POST", "/billing") => self.manage_billing(&request.body).await,
            _ => page(
                404,
                "Not found",
                "<p><a href=\"/\">Back to the shop</a></p>",
            ),
        }
    }

    /// What an integrator's handler does: ask for the URL, and send the browser there.
    async fn manage_billing(&self, form: &[u8]) -> String {
        let is_newcomer = form_urlencoded::parse(form).any(|(_, value)| value == "newcomer");
        let key = if is_newcomer {
            &self.newcomer
        } else {
            &self.subscribed
        };
        let return_url = format!("{}/billing", self.origin);
        let client = Client::builder()
            .api_key(key.as_str())
            .base_url(&self.api)
            .build();
        let opened = match client {
            Ok(client) => client.create_portal_session(&return_url).await,
            Err(error) => Err(error),
        };
        match opened {
            Ok(session) => {
                let location = session.portal_url.expose();
                let headers = format!("Location: {location}\r\nCache-Control: no-store\r\n");
                reply(303, &headers, "")
            }
            Err(error) => {
                let note = format!("<p id=\"note\">{}</p>", escaped(&error.to_string()));
                shop_page(&note)
            }
        }
    }

    /// The portal of the session that was opened last, which every URL before no longer opens.
    fn portal(&self, request: &TestRequest) -> String {
        let session = self.stripe.last_session().unwrap_or_default();
        let url = session["url"].as_str().unwrap_or_default();
        if request.method != "GET" || !url.ends_with(&request.path) || request.path.len() < 20 {
            return page(404, "Portal", "<p>This link has expired.</p>");
        }
        let configurations = self.stripe.configurations();
        let configuration = configurations
            .iter()
            .find(|one| one["id"] == session["configuration"]);
        let features = configuration.map_or(&Value::Null, |one| &one["features"]);
        let items = FEATURES.map(|(name, text)| {
            let is_on = features[name]["enabled"] == true;
            let (class, state) = if is_on {
                ("on", "yes")
            } else {
                ("off", "not here")
            };
            format!("<li class=\"{class}\" id=\"{name}\">{text}: {state}</li>")
        });
        let items = items.concat();
        let back = escaped(session["return_url"].as_str().unwrap_or_default());
        let body = format!(
            "<p>In production this is Stripe's own page. The features are those of the portal configuration that the \
             service made and verified.</p><ul>{items}</ul><p><a id=\"back\" href=\"{back}\">Return to the shop</a></p>"
        );
        page(200, "Simulated Stripe portal", &body)
    }
}

fn shop_page(note: &str) -> String {
    let button = |who: &str, label: &str| {
        format!(
            "<form method=\"post\" action=\"/billing\"><input type=\"hidden\" name=\"who\" value=\"{who}\">\
             <button id=\"{who}\">{label}</button></form>"
        )
    };
    let body = format!(
        "{note}<p>Acme subscribed to this shop and manages its billing at Stripe.</p>{}\
         <p>Newcomer never subscribed.</p>{}",
        button("acme", "Manage billing"),
        button("newcomer", "Manage billing as Newcomer"),
    );
    page(200, "Sample shop", &body)
}

fn page(status: u16, title: &str, body: &str) -> String {
    const STYLE: &str = "body{font:1.1em/1.5 system-ui;max-width:40em;margin:3em auto;padding:0 1em}\
                         button{font:inherit;padding:.5em 1em}.off{color:#666;text-decoration:line-through}\
                         #note{background:#ffd;padding:.5em 1em}";
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><h1>{title}</h1>{body}</html>"
    );
    let headers = "Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n";
    reply(status, headers, &html)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
