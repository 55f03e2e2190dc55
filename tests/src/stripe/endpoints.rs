//! What each endpoint does: refuse as Stripe does, or change the account and answer the object.

use std::time::Instant;

use serde_json::{Value, json};

use super::account::{Account, Done};
use super::customers::{CUSTOMERS, MAX_PAGE, customer_id};
use super::flow;
use super::form::{self, CONFIGURATION_FIELDS, LIST_FIELDS, LOCALES, SESSION_FIELDS};
use super::received::Received;
use super::refusal::Refusal;
use super::reply::Reply;
use super::version;

/// What can fail on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /v1/billing_portal/sessions`.
    Sessions,
    /// Everything under `/v1/billing_portal/configurations`.
    Configurations,
    /// Everything under `/v1/customers`.
    Customers,
}

const SESSIONS: &str = "/v1/billing_portal/sessions";
const CONFIGURATIONS: &str = "/v1/billing_portal/configurations";

/// Which endpoint a path belongs to.
pub(super) fn endpoint(path: &str) -> Option<Endpoint> {
    if path == SESSIONS {
        Some(Endpoint::Sessions)
    } else if path == CONFIGURATIONS || configuration_id(path).is_some() {
        Some(Endpoint::Configurations)
    } else if path == CUSTOMERS || customer_id(path).is_some() {
        Some(Endpoint::Customers)
    } else {
        None
    }
}

/// Answers one call as the account stands.
pub(super) fn answer(account: &mut Account, call: &Received) -> Reply {
    let reply = authorize(account, call)
        .and_then(|version| Ok((version, once(account, call, version)?)))
        .map(|(version, reply)| reply.header("Stripe-Version", version));
    reply.unwrap_or_else(Refusal::into_reply)
}

/// The secret first, then the version, which is answered for the echo.
fn authorize<'a>(account: &Account, call: &'a Received) -> Result<&'a str, Refusal> {
    let secret = call
        .header("Authorization")
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or_else(Refusal::no_secret)?;
    if secret != account.secret() {
        return Err(Refusal::wrong_secret(secret));
    }
    call.header("Stripe-Version")
        .ok_or_else(Refusal::no_version)
}

/// Runs a POST once for each Idempotency-Key and replays a success; a refusal is not stored, as with Stripe.
fn once(account: &mut Account, call: &Received, version: &str) -> Result<Reply, Refusal> {
    let key = call
        .header("Idempotency-Key")
        .filter(|_| call.method == "POST");
    let Some(key) = key else {
        return run(account, call, version);
    };
    let requested = (call.path.clone(), call.form.clone());
    match account.done.get(key) {
        Some(done) if Instant::now() < done.ready_at => Err(Refusal::idempotency_key_in_use(key)),
        Some(done) if done.requested == requested => {
            Ok(done.reply.clone().header("Idempotent-Replayed", "true"))
        }
        Some(_) => Err(Refusal::idempotency_key_reused(key)),
        None => {
            let reply = run(account, call, version)?.header("Idempotency-Key", key);
            let done = Done {
                requested,
                reply: reply.clone(),
                ready_at: Instant::now() + account.execution,
            };
            account.done.insert(key.to_owned(), done);
            Ok(reply.after(account.execution))
        }
    }
}

fn run(account: &mut Account, call: &Received, version: &str) -> Result<Reply, Refusal> {
    version::require_known(&call.form, version)?;
    let object = match (
        call.method.as_str(),
        call.path.as_str(),
        configuration_id(&call.path),
    ) {
        ("POST", SESSIONS, _) => create_session(account, &call.form),
        ("GET", CONFIGURATIONS, _) => list_configurations(account, &call.query),
        ("POST", CONFIGURATIONS, _) => create_configuration(account, &call.form),
        ("GET", _, Some(id)) => find_configuration(account, id).cloned(),
        ("POST", _, Some(id)) => update_configuration(account, id, &call.form),
        ("GET", CUSTOMERS, _) => account.customers.list(&call.query, account.is_live()),
        ("GET", path, _) if let Some(id) = customer_id(path) => {
            account.customers.retrieve(id, account.is_live())
        }
        (method, path, _) => Err(Refusal::unrecognized(method, path)),
    }?;
    let reply = Reply::json(200, &version::shown(object, version))
        .header("Cache-Control", "no-cache, no-store")
        .header("Stripe-Should-Retry", "false");
    Ok(reply)
}

fn create_session(account: &mut Account, fields: &[(String, String)]) -> Result<Value, Refusal> {
    form::require_documented(fields, SESSION_FIELDS)?;
    let requested = form::object(fields)?;
    // Stripe has two forms of a customer, each with its field.
    let named = ["customer", "customer_account"].into_iter();
    let mut named = named.filter_map(|field| Some((field, requested[field].as_str()?)));
    let (field, customer) = named
        .next()
        .ok_or_else(|| Refusal::missing_parameter("customer"))?;
    if customer.starts_with("acct_") != (field == "customer_account")
        || !account.customers.is_there(customer)
    {
        return Err(Refusal::missing(400, "customer", field, customer));
    }
    // The real one falls back to the account's default configuration, which may let plans be changed.
    let configuration = requested["configuration"]
        .as_str()
        .ok_or_else(|| Refusal::missing_parameter("configuration"))?;
    let known = account
        .find_configuration(configuration)
        .ok_or_else(|| Refusal::missing(400, "configuration", "configuration", configuration))?;
    if known["active"] != true {
        return Err(Refusal::inactive_configuration(configuration));
    }
    let return_url = requested["return_url"].as_str().unwrap_or_default();
    if url::Url::parse(return_url).is_err() {
        return Err(Refusal::invalid_url("return_url"));
    }
    if let Some(locale) = requested["locale"].as_str()
        && !LOCALES.contains(&locale)
    {
        return Err(Refusal::invalid_choice("locale", locale));
    }
    let flow = flow::requested(&requested, known)?;
    Ok(account.open_session(customer, configuration, &requested, &flow))
}

/// The newest first, at most a hundred on a page, as at Stripe.
fn list_configurations(account: &Account, query: &[(String, String)]) -> Result<Value, Refusal> {
    form::require_documented(query, LIST_FIELDS)?;
    let requested = form::object(query)?;
    let wanted = |one: &&Value| {
        let default = requested["is_default"].as_str().map(|text| text == "true");
        let is_default = one["is_default"].as_bool();
        (requested["active"].is_null() || requested["active"] == one["active"])
            && (default.is_none() || default == is_default)
    };
    let limit = requested["limit"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or(10)
        .min(MAX_PAGE);
    let matching: Vec<&Value> = account
        .configurations()
        .iter()
        .rev()
        .filter(wanted)
        .collect();
    let after = requested["starting_after"].as_str();
    let start = after.map_or(0, |after| {
        1 + matching.iter().take_while(|one| one["id"] != after).count()
    });
    let page: Vec<&&Value> = matching.iter().skip(start).take(limit).collect();
    Ok(json!({
        "object": "list",
        "url": CONFIGURATIONS,
        "has_more": start + page.len() < matching.len(),
        "data": page,
    }))
}

fn create_configuration(
    account: &mut Account,
    fields: &[(String, String)],
) -> Result<Value, Refusal> {
    form::require_documented(fields, CONFIGURATION_FIELDS)?;
    let requested = form::object(fields)?;
    if !requested["features"].is_object() {
        return Err(Refusal::missing_parameter("features"));
    }
    let id = account.add_configuration(&requested);
    find_configuration(account, &id).cloned()
}

fn find_configuration<'a>(account: &'a Account, id: &str) -> Result<&'a Value, Refusal> {
    account
        .find_configuration(id)
        .ok_or_else(|| Refusal::missing(404, "configuration", "id", id))
}

fn update_configuration(
    account: &mut Account,
    id: &str,
    fields: &[(String, String)],
) -> Result<Value, Refusal> {
    form::require_documented(fields, CONFIGURATION_FIELDS)?;
    let change = form::object(fields)?;
    let changed = account.change_configuration(id, &change).cloned();
    changed.ok_or_else(|| Refusal::missing(404, "configuration", "id", id))
}

/// The id in `/v1/billing_portal/configurations/{id}`.
fn configuration_id(path: &str) -> Option<&str> {
    let id = path.strip_prefix(CONFIGURATIONS)?.strip_prefix('/')?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}
