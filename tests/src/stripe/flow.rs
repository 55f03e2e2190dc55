//! The flow of a session: what a form asks for, and when Stripe refuses it.

use serde_json::{Value, json};

use super::refusal::Refusal;

/// The `flow` of a new session. Null where none is asked for.
pub(super) fn requested(requested: &Value, configuration: &Value) -> Result<Value, Refusal> {
    let flow = &requested["flow_data"];
    if flow.is_null() {
        return Ok(Value::Null);
    }
    let kind = flow["type"]
        .as_str()
        .ok_or_else(|| Refusal::missing_parameter("flow_data[type]"))?;
    match kind {
        "payment_method_update" | "customer_update" => {
            if configuration["features"][kind]["enabled"] != true {
                return Err(Refusal::flow_not_enabled(kind));
            }
        }
        "subscription_cancel" | "subscription_update" | "subscription_update_confirm" => {
            if flow[kind]["subscription"].as_str().is_none() {
                let parameter = format!("flow_data[{kind}][subscription]");
                return Err(Refusal::missing_parameter(&parameter));
            }
        }
        _ => return Err(Refusal::invalid_choice("flow_data[type]", kind)),
    }
    let after = after_completion(&flow["after_completion"])?;
    Ok(json!({
        "type": kind,
        "after_completion": after,
        "subscription_cancel": flow["subscription_cancel"],
        "subscription_update": flow["subscription_update"],
        "subscription_update_confirm": flow["subscription_update_confirm"],
    }))
}

/// Where a flow leads when it is done.
fn after_completion(requested: &Value) -> Result<Value, Refusal> {
    const REDIRECT: &str = "flow_data[after_completion][redirect][return_url]";
    let kind = requested["type"].as_str().unwrap_or("portal_homepage");
    match (kind, requested["redirect"]["return_url"].as_str()) {
        ("redirect", None) => return Err(Refusal::missing_parameter(REDIRECT)),
        ("redirect", Some(url)) if url::Url::parse(url).is_err() => {
            return Err(Refusal::invalid_url(REDIRECT));
        }
        ("redirect" | "hosted_confirmation" | "portal_homepage", _) => {}
        _ => {
            let parameter = "flow_data[after_completion][type]";
            return Err(Refusal::invalid_choice(parameter, kind));
        }
    }
    Ok(json!({
        "type": kind,
        "redirect": requested["redirect"],
        "hosted_confirmation": requested["hosted_confirmation"],
    }))
}
