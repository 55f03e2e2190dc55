//! The Rust SDK's operation and types, made by progenitor from the contract.

use std::{
    panic,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result, bail};
use billing_portal_tests::contract::{Contract, resolve::resolve_all_but_schemas};
use progenitor::{GenerationSettings, Generator, HooksMode, InterfaceStyle};
use serde_json::Value;

/// The generator whose output is committed, as pinned in this package's manifest.
pub const GENERATOR: &str = "progenitor 0.15.1";

/// The type of the per-call context that the SDK's hooks find in the generated client.
const CALL_CONTEXT: &str = "crate::exchange::Exchange";

/// The SDK's generated source for a contract.
///
/// progenitor panics on what it was not made for; the error then has the panic's message. The check needs the source of
/// the same contract several times, so the last one is remembered.
pub fn source(contract: &Contract) -> Result<String> {
    static LAST: Mutex<Option<(Value, String)>> = Mutex::new(None);
    let contract = &contract.written.value;
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let (from, source) = match last.take().filter(|(from, _)| from == contract) {
        Some(known) => known,
        None => (contract.clone(), caught(contract)?),
    };
    Ok(last.insert((from, source)).1.clone())
}

fn caught(contract: &Value) -> Result<String> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let outcome = panic::catch_unwind(|| generate(contract));
    panic::set_hook(hook);
    outcome.unwrap_or_else(|panic| match panic.downcast::<String>() {
        Ok(reason) => bail!("panicked: {reason}"),
        Err(panic) => bail!("panicked: {:?}", panic.downcast_ref::<&str>()),
    })
}

fn generate(contract: &Value) -> Result<String> {
    // progenitor does not follow every kind of reference; it names types after those to schemas.
    let mut contract = resolve_all_but_schemas(contract);
    drop_parameter_patterns(&mut contract);
    let document: openapiv3::OpenAPI =
        serde_json::from_value(contract).context("not an OpenAPI 3.0 document")?;
    let tokens = Generator::new(&settings()).generate_tokens(&document)?;
    let syntax = syn::parse2(tokens).context("the generated code does not parse")?;
    Ok(prettyplease::unparse(&syntax))
}

/// Removes the patterns of parameters: the generated code would need a library for regular expressions, and the facade
/// checks them.
fn drop_parameter_patterns(contract: &mut Value) {
    let items = contract["paths"].as_object_mut().into_iter().flatten();
    let operations = items.filter_map(|(_, item)| item.as_object_mut()).flatten();
    for (_, operation) in operations {
        let parameters = operation
            .get_mut("parameters")
            .and_then(Value::as_array_mut);
        for parameter in parameters.into_iter().flatten() {
            if let Some(schema) = parameter["schema"].as_object_mut() {
                schema.remove("pattern");
            }
        }
    }
}

fn settings() -> GenerationSettings {
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Positional)
        // Without the hooks the request would leave with an undocumented header and without the key, so their
        // absence must not compile.
        .with_hooks(HooksMode::Expected)
        .with_inner_type(CALL_CONTEXT.parse().expect("the path of a type is Rust"))
        // Ordered, so that what an integrator prints is the same each time.
        .with_map_type("::std::collections::BTreeMap");
    settings
}
