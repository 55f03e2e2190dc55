//! Pieces of the reference page.

use std::fmt::Write;

use billing_portal_tests::contract::tree::{entries, items, strings};
use pulldown_cmark::{Parser, html::push_html};
use serde_json::Value;

/// A text of the contract, escaped.
pub(super) fn text(value: &Value) -> String {
    escape(&plain(value))
}

/// A scalar without quotes.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// The text with what has a meaning in HTML escaped.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A description, which is Markdown.
pub(super) fn markdown(value: &Value) -> String {
    let mut html = String::new();
    push_html(&mut html, Parser::new(value.as_str().unwrap_or_default()));
    html
}

/// A block of code. It can have the focus, so that it can be scrolled without a mouse.
pub(super) fn code(label: &str, source: &str) -> String {
    let (label, source) = (escape(label), escape(source));
    format!(
        "<figure>\n<figcaption>{label}</figcaption>\n<pre tabindex=\"0\" aria-label=\"{label}\"><code>{source}</code></pre>\n\
         </figure>\n"
    )
}

/// An example as indented JSON.
pub(super) fn example(schema: &Value, value: &Value) -> String {
    code("Example", &json(schema, value, 0))
}

/// Indented JSON whose keys come in the order in which the schema requires them, as the service writes them.
fn json(schema: &Value, value: &Value, depth: usize) -> String {
    let required: Vec<&str> = strings(&schema["required"]).collect();
    let mut members: Vec<_> = entries(value).collect();
    members.sort_by_key(|(key, _)| {
        let position = required.iter().position(|name| name == key);
        position.unwrap_or(required.len())
    });
    if members.is_empty() {
        return value.to_string();
    }
    let indent = "  ".repeat(depth);
    let members = members.into_iter().map(|(key, value)| {
        let value = json(&schema["properties"][key], value, depth + 1);
        format!("{indent}  {}: {value}", Value::from(key))
    });
    let members: Vec<String> = members.collect();
    format!("{{\n{}\n{indent}}}", members.join(",\n"))
}

/// A table of named values: fields, parameters or headers.
pub(super) fn table<'a>(
    caption: &str,
    rows: impl Iterator<Item = (&'a str, &'a Value, bool)>,
) -> String {
    let mut body = String::new();
    for (name, value, required) in rows {
        let schema = value.get("schema").unwrap_or(value);
        let needed = if required { "required" } else { "optional" };
        let description = value.get("description").unwrap_or(&Value::Null);
        let (kind, more) = (kind(schema), markdown(description));
        _ = writeln!(
            body,
            "<tr><th scope=\"row\"><code>{name}</code></th><td>{kind}, {needed}</td><td>{more}{}</td></tr>",
            values(schema),
        );
    }
    if body.is_empty() {
        return body;
    }
    format!(
        "<table>\n<caption>{caption}</caption>\n<thead><tr><th scope=\"col\">Name</th><th scope=\"col\">Type</th>\
         <th scope=\"col\">Meaning</th></tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"
    )
}

/// The type of a value, with its format and its length.
fn kind(schema: &Value) -> String {
    let mut kind = text(&schema["type"]);
    if let Some(format) = schema["format"].as_str() {
        _ = write!(kind, " ({format})");
    }
    if let (Some(least), Some(most)) = (schema.get("minLength"), schema.get("maxLength")) {
        _ = write!(kind, ", {least} to {most} characters");
    }
    kind
}

/// The values of a closed list.
fn values(schema: &Value) -> String {
    let values: Vec<String> = items(&schema["enum"])
        .map(|value| format!("<code>{}</code>", text(value)))
        .collect();
    match values.as_slice() {
        [] => String::new(),
        values => format!("<p>One of: {}.</p>\n", values.join(", ")),
    }
}
