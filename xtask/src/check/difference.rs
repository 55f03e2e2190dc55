//! The structural difference of two documents: every node that one side has and the other has not, or has otherwise.

use serde_json::Value;

use crate::document::child;

/// One node in which two documents differ.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    /// Where, as a JSON pointer. For a list it is the list itself.
    pub(crate) pointer: String,
    /// What the first document has there.
    pub(crate) left: Option<Value>,
    /// What the second document has there.
    pub(crate) right: Option<Value>,
}

/// All differences, in the order of the document. Lists of plain values are sets.
pub(crate) fn differences(left: &Value, right: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", Some(left), Some(right), &mut found);
    found
}

fn compare(
    pointer: &str,
    left: Option<&Value>,
    right: Option<&Value>,
    found: &mut Vec<Difference>,
) {
    match (left, right) {
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            let added = right.keys().filter(|key| !left.contains_key(*key));
            for key in left.keys().chain(added) {
                compare(&child(pointer, key), left.get(key), right.get(key), found);
            }
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) => {
            compare_lists(pointer, left, right, found);
        }
        (left, right) if left != right => {
            found.push(Difference {
                pointer: pointer.to_owned(),
                left: left.cloned(),
                right: right.cloned(),
            });
        }
        _ => {}
    }
}

fn compare_lists(pointer: &str, left: &[Value], right: &[Value], found: &mut Vec<Difference>) {
    let structured = |item: &Value| item.is_object() || item.is_array();
    if left.len() == right.len() && left.iter().chain(right).all(structured) {
        for (index, (left, right)) in left.iter().zip(right).enumerate() {
            compare(
                &child(pointer, &index.to_string()),
                Some(left),
                Some(right),
                found,
            );
        }
        return;
    }
    let here = |left: Option<&Value>, right: Option<&Value>| Difference {
        pointer: pointer.to_owned(),
        left: left.cloned(),
        right: right.cloned(),
    };
    found.extend(
        left.iter()
            .filter(|item| !right.contains(item))
            .map(|item| here(Some(item), None)),
    );
    found.extend(
        right
            .iter()
            .filter(|item| !left.contains(item))
            .map(|item| here(None, Some(item))),
    );
}
