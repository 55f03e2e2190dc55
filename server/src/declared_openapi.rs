//! The OpenAPI document that the code declares, for `cargo xtask check` to compare with the contract.
//!
//! It needs no configuration, database or network. poem-openapi cannot express extensions, so the scope and the
//! error codes are added here, from the same constants that the running service uses.

use poem_openapi::OpenApiService;
use serde_json::{Value, json};

use crate::{
    extract::BillingWrite, http::error_code::ErrorCode, portal::Portal,
    return_origins::ReturnOrigins,
};

/// The contract's version that this code implements.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What still works and will be removed.
struct Deprecation {
    /// The operation, parameter, header or property, as a JSON pointer into the document that poem-openapi writes.
    pointer: &'static str,
    /// The first day on which it may no longer work, such as `2030-01-31`.
    sunset: &'static str,
}

/// Everything that is deprecated; `cargo xtask check` compares it with the contract.
const DEPRECATIONS: &[Deprecation] = &[];

/// Each operation's path, method and error codes. All need the same scope.
const OPERATIONS: &[(&str, &str, &[ErrorCode])] = &[
    ("/v1/billing/portal", "post", &ErrorCode::OPERATION_CODES),
    ("/v1/billing/return-origins", "get", &ErrorCode::READ_CODES),
];

/// The document.
pub(crate) fn declared() -> Value {
    let service = OpenApiService::new((Portal, ReturnOrigins), "Billing portal", VERSION)
        .server(".")
        .server("/");
    let mut document: Value =
        serde_json::from_str(&service.spec()).expect("poem-openapi writes JSON");
    for (path, method, codes) in OPERATIONS {
        let operation = &mut document["paths"][path][method];
        operation["x-required-scopes"] = json!([BillingWrite::SCOPE]);
        for code in *codes {
            let response = &mut operation["responses"][code.status().to_string()];
            response["x-error-codes"] = json!([code.as_str()]);
        }
    }
    document["components"]["schemas"]["ErrorBody"]["properties"]["code"]["x-extensible-enum"] =
        ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    let row = |code: ErrorCode| json!({ "status": code.status(), "message": code.message() });
    document["x-errors"] = ErrorCode::ALL
        .iter()
        .map(|code| (code.as_str().to_owned(), row(*code)))
        .collect();
    declare_deprecations(&mut document, DEPRECATIONS);
    document
}

fn declare_deprecations(document: &mut Value, deprecations: &[Deprecation]) {
    for Deprecation { pointer, sunset } in deprecations {
        let node = document.pointer_mut(pointer);
        let node = node.unwrap_or_else(|| panic!("the document has nothing at {pointer}"));
        node["deprecated"] = json!(true);
        node["x-sunset"] = json!(sunset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPERATION: &str = "/paths/~1v1~1billing~1portal/post";
    const FIELD: &str = "/components/schemas/CreatePortalSession/properties/return_url";
    const HEADER: &str = "/paths/~1v1~1billing~1portal/post/responses/429/headers/Retry-After";

    fn deprecated(pointers: &[&'static str]) -> Value {
        let sunset = "2030-01-31";
        let rows = pointers.iter().copied();
        let rows: Vec<_> = rows
            .map(|pointer| Deprecation { pointer, sunset })
            .collect();
        let mut document = declared();
        declare_deprecations(&mut document, &rows);
        document
    }

    #[test]
    fn t4_what_is_deprecated_is_declared_with_its_sunset() {
        for place in [OPERATION, FIELD, HEADER] {
            let mut document = deprecated(&[place]);
            let node = document.pointer_mut(place).expect("it is still there");
            let node = node.as_object_mut().expect("an object");
            assert_eq!(node.remove("deprecated"), Some(json!(true)), "{place}");
            assert_eq!(
                node.remove("x-sunset"),
                Some(json!("2030-01-31")),
                "{place}"
            );
            let mut expected = declared();
            let node = expected.pointer_mut(place).and_then(Value::as_object_mut);
            // poem-openapi writes `false` for a header.
            node.expect("an object").remove("deprecated");
            assert_eq!(document, expected, "nothing else differs at {place}");
        }
    }

    #[test]
    #[should_panic(expected = "nothing at /paths/~1v1~1gone")]
    fn t4_a_deprecation_of_what_is_not_declared_is_refused() {
        deprecated(&[OPERATION, "/paths/~1v1~1gone"]);
    }
}
