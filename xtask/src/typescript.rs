//! The TypeScript definitions: the schema by openapi-typescript, which needs Node, and the open union of error codes,
//! which it has no word for, by ourselves.

use std::{fs, path::PathBuf, process::Command};

use crate::{check::contract::strings, document::Document, workspace};

/// Who writes `schema.d.ts`, as pinned in the package.
pub(crate) const SCHEMA_GENERATOR: &str = "openapi-typescript 7.13.0";

/// Who writes `codes.d.ts`; a new number when what [`codes`] writes changes.
pub(crate) const CODES_GENERATOR: &str = "xtask codes 1";

/// The body of `codes.d.ts`.
pub(crate) fn codes(contract: &Document) -> Result<String, String> {
    let list = contract.get("/components/schemas/ErrorBody/properties/code/x-extensible-enum");
    let codes = strings(list.ok_or("the contract lists no codes")?);
    let codes: Vec<_> = codes.map(|code| format!("  | \"{code}\"")).collect();
    Ok(format!(
        "/** Every code that the contract lists; use it where a table must be complete. */\n\
         export type BillingPortalKnownErrorCode =\n{}\n\
         /** A code of an error; a newer service may send one that is not listed, so the union is open. */\n\
         export type BillingPortalErrorCode = BillingPortalKnownErrorCode | (string & {{}});\n",
        codes.join("\n") + ";\n",
    ))
}

/// The body of `schema.d.ts`.
pub(crate) fn schema(contract: &Document) -> Result<String, String> {
    let package = package();
    install()?;
    let input = workspace::target().join("typescript/contract.json");
    fs::create_dir_all(input.parent().expect("a file is in a folder"))
        .map_err(|error| error.to_string())?;
    fs::write(&input, contract.value.to_string()).map_err(|error| error.to_string())?;
    let written = Command::new(package.join("node_modules/.bin/openapi-typescript"))
        .arg(&input)
        .current_dir(&package)
        .env("NO_COLOR", "1")
        .output()
        .map_err(|error| format!("openapi-typescript does not run: {error}"))?;
    if !written.status.success() {
        return Err(format!(
            "openapi-typescript: {}",
            String::from_utf8_lossy(&written.stderr)
        ));
    }
    String::from_utf8(written.stdout).map_err(|error| error.to_string())
}

/// Holds the package's type tests and its example to the compiler.
pub(crate) fn test() -> Result<(), String> {
    install()?;
    match Command::new("npm")
        .args(["test", "--silent"])
        .current_dir(package())
        .status()
    {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!(
            "the type tests of client/typescript fail: {status}"
        )),
        Err(error) => Err(format!("npm does not run: {error}")),
    }
}

/// Installs the package's pinned tools where they are not yet installed.
fn install() -> Result<(), String> {
    let package = package();
    let lock = fs::metadata(package.join("package-lock.json")).and_then(|lock| lock.modified());
    let installed = fs::metadata(package.join("node_modules/.package-lock.json"))
        .and_then(|lock| lock.modified());
    if installed.is_ok_and(|installed| lock.is_ok_and(|lock| installed >= lock)) {
        return Ok(());
    }
    let npm = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--silent"])
        .current_dir(package)
        .status();
    match npm {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("npm ci ended with {status}")),
        Err(error) => Err(format!("npm does not run: {error}")),
    }
}

/// The folder of the TypeScript package.
fn package() -> PathBuf {
    workspace::root().join("client/typescript")
}
