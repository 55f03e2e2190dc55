//! The OpenAPI document that the code declares, for `cargo xtask check` to compare with the contract.
//!
//! It needs no configuration, database or network. poem-openapi cannot express extensions, so the scope and the
//! error codes are added here, from the same constants that the running service uses.

use poem_openapi::OpenApiService;
use serde_json::{Value, json};

use crate::{extract::BillingWrite, http::error_code::ErrorCode, portal::Portal};

/// The contract's version that this code implements.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The document.
pub(crate) fn declared() -> Value {
    let service = OpenApiService::new(Portal, "Billing portal", VERSION)
        .server(".")
        .server("/");
    let mut document: Value =
        serde_json::from_str(&service.spec()).expect("poem-openapi writes JSON");
    let operation = &mut document["paths"]["/v1/billing/portal"]["post"];
    operation["x-required-scopes"] = json!([BillingWrite::SCOPE]);
    for code in ErrorCode::OPERATION_CODES {
        let response = &mut operation["responses"][code.status().to_string()];
        response["x-error-codes"] = json!([code.as_str()]);
    }
    document["components"]["schemas"]["ErrorBody"]["properties"]["code"]["x-extensible-enum"] =
        ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    let row = |code: ErrorCode| json!({ "status": code.status(), "message": code.message() });
    document["x-errors"] = ErrorCode::ALL
        .iter()
        .map(|code| (code.as_str().to_owned(), row(*code)))
        .collect();
    document
}
