//! Stripe's form encoding: which fields are documented, and `a[b][c]=d` as JSON.

use serde_json::{Map, Value};

use super::refusal::Refusal;

/// The documented fields of a session; `[]` stands for any element, `[*]` for any name.
pub(super) const SESSION_FIELDS: &[&str] = &[
    "configuration",
    "customer",
    "customer_account",
    "expand[]",
    "flow_data[after_completion][hosted_confirmation][custom_message]",
    "flow_data[after_completion][redirect][return_url]",
    "flow_data[after_completion][type]",
    "flow_data[subscription_cancel][retention][coupon_offer][coupon]",
    "flow_data[subscription_cancel][retention][type]",
    "flow_data[subscription_cancel][subscription]",
    "flow_data[subscription_update][subscription]",
    "flow_data[subscription_update_confirm][subscription]",
    "flow_data[type]",
    "locale",
    "on_behalf_of",
    "return_url",
];

/// The documented locales of a session.
#[rustfmt::skip]
pub(super) const LOCALES: &[&str] = &[
    "auto", "bg", "cs", "da", "de", "el", "en", "en-AU", "en-CA", "en-GB", "en-IE", "en-IN", "en-NZ", "en-SG", "es",
    "es-419", "et", "fi", "fil", "fr", "fr-CA", "hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl",
    "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sv", "th", "tr", "vi", "zh", "zh-HK", "zh-TW",
];

/// Documented from the version that has the feature on.
pub(super) const SUBSCRIPTION_PAUSE_FIELD: &str = "features[subscription_pause][enabled]";

/// The documented fields of a portal configuration, on create and on update.
pub(super) const CONFIGURATION_FIELDS: &[&str] = &[
    "active",
    "business_profile[headline]",
    "business_profile[privacy_policy_url]",
    "business_profile[terms_of_service_url]",
    "default_return_url",
    "expand[]",
    "features[customer_update][allowed_updates][]",
    "features[customer_update][enabled]",
    "features[invoice_history][enabled]",
    "features[payment_method_update][enabled]",
    "features[payment_method_update][payment_method_configuration]",
    "features[subscription_cancel][cancellation_reason][enabled]",
    "features[subscription_cancel][cancellation_reason][options][]",
    "features[subscription_cancel][enabled]",
    "features[subscription_cancel][mode]",
    "features[subscription_cancel][proration_behavior]",
    SUBSCRIPTION_PAUSE_FIELD,
    "features[subscription_update][default_allowed_updates][]",
    "features[subscription_update][enabled]",
    "features[subscription_update][products][]",
    "features[subscription_update][proration_behavior]",
    "login_page[enabled]",
    "metadata[*]",
    "name",
];

/// The documented fields of listing portal configurations.
pub(super) const LIST_FIELDS: &[&str] = &[
    "active",
    "ending_before",
    "expand[]",
    "is_default",
    "limit",
    "starting_after",
];

/// The documented fields of listing customers.
pub(super) const CUSTOMER_LIST_FIELDS: &[&str] = &[
    "created",
    "email",
    "ending_before",
    "expand[]",
    "limit",
    "starting_after",
    "test_clock",
];

/// The fields of a form-encoded body or query, decoded, in their order.
pub(super) fn fields(encoded: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(encoded).into_owned().collect()
}

/// Refuses the first field that is not documented.
pub(super) fn require_documented(
    fields: &[(String, String)],
    documented: &[&str],
) -> Result<(), Refusal> {
    let unknown = fields
        .iter()
        .find(|(name, _)| !documented.contains(&pattern(name).as_str()));
    match unknown {
        Some((name, _)) => Err(Refusal::unknown_parameter(name)),
        None => Ok(()),
    }
}

/// The fields as the JSON object that they describe; fields named `enabled` or `active` are booleans.
pub(super) fn object(fields: &[(String, String)]) -> Result<Value, Refusal> {
    let mut root = Value::Object(Map::new());
    for (name, value) in fields {
        let path = segments(name);
        let leaf = match (path.last().copied(), value.as_str()) {
            (Some("enabled" | "active"), "true") => Value::Bool(true),
            (Some("enabled" | "active"), "false") => Value::Bool(false),
            (Some("enabled" | "active"), _) => return Err(Refusal::invalid_boolean(name, value)),
            _ => Value::from(value.clone()),
        };
        insert(&mut root, &path, leaf);
    }
    Ok(root)
}

/// `a[b][0]` is `a`, `b`, `0`.
fn segments(name: &str) -> Vec<&str> {
    name.split('[')
        .map(|segment| segment.trim_end_matches(']'))
        .collect()
}

/// The name with every element written as `[]` and every metadata key as `[*]`.
fn pattern(name: &str) -> String {
    let mut pattern = String::new();
    for (depth, segment) in segments(name).into_iter().enumerate() {
        let is_element = segment.bytes().all(|byte| byte.is_ascii_digit());
        match (depth, segment) {
            (0, segment) => pattern.push_str(segment),
            (1, _) if pattern == "metadata" => pattern.push_str("[*]"),
            _ if is_element => pattern.push_str("[]"),
            (_, segment) => pattern.extend(["[", segment, "]"]),
        }
    }
    pattern
}

/// Puts the leaf at the path, making objects on the way, and a list where an element (`[]` or `[0]`) is named.
fn insert(into: &mut Value, path: &[&str], leaf: Value) {
    match path {
        [] => *into = leaf,
        [element] if element.bytes().all(|byte| byte.is_ascii_digit()) => match into {
            Value::Array(elements) => elements.push(leaf),
            _ => *into = Value::Array(vec![leaf]),
        },
        [name, rest @ ..] => {
            if !into.is_object() {
                *into = Value::Object(Map::new());
            }
            insert(&mut into[*name], rest, leaf);
        }
    }
}
