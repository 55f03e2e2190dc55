//! Reading JSON values and the pointers that name their nodes.

use serde_json::Value;

/// The entries of an object; none of anything else.
pub fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let entries = value.as_object().into_iter().flatten();
    entries.map(|(key, value)| (key.as_str(), value))
}

/// The items of a list; none of anything else.
pub fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The texts of a list.
pub fn strings(value: &Value) -> impl Iterator<Item = &str> {
    items(value).filter_map(Value::as_str)
}

/// Calls `visit` with each node below `value` and its pointer.
pub fn walk(value: &Value, pointer: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(pointer, value);
    for (key, node) in children(value) {
        walk(node, &child(pointer, &key), visit);
    }
}

/// The entries of an object, or the items of a list by their index.
pub fn children(value: &Value) -> impl Iterator<Item = (String, &Value)> {
    let named = entries(value).map(|(key, node)| (key.to_owned(), node));
    let listed = items(value).enumerate();
    named.chain(listed.map(|(index, node)| (index.to_string(), node)))
}

/// The pointer to `key` below `pointer`.
pub fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The keys that a pointer is made of.
pub fn segments(pointer: &str) -> Vec<String> {
    let keys = pointer.split('/').skip(1);
    keys.map(|key| key.replace("~1", "/").replace("~0", "~"))
        .collect()
}

/// A media type in lower case, without blanks and without the charset that JSON implies.
pub fn media_type(written: &str) -> String {
    let plain = written.to_lowercase().replace([' ', '"'], "");
    plain.replace("json;charset=utf-8", "json")
}
