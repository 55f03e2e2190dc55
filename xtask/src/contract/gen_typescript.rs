//! The TypeScript definitions: the schema by openapi-typescript, which needs Node, and the open union of error codes,
//! which it has no word for, by ourselves.

use std::fs;

use anyhow::{Context, Result, ensure};
use billing_portal_tests::contract::Contract;
use xshell::{Shell, cmd};

use crate::workspace;

/// The generator of `schema.d.ts`, as pinned in the package.
pub(crate) const SCHEMA_GENERATOR: &str = "openapi-typescript 7.13.0";

/// The generator of `codes.d.ts`; a new number when what [`codes`] writes changes.
pub(crate) const CODES_GENERATOR: &str = "xtask codes 1";

/// The folder of the TypeScript package.
const PACKAGE: &str = "client/typescript";

/// The body of `codes.d.ts`.
pub(crate) fn codes(contract: &Contract) -> Result<String> {
    let codes = contract.listed_codes();
    ensure!(!codes.is_empty(), "the contract lists no codes");
    let codes: Vec<_> = codes.iter().map(|code| format!("  | \"{code}\"")).collect();
    Ok(format!(
        "/** Every code that the contract lists; use it where a table must be complete. */\n\
         export type BillingPortalKnownErrorCode =\n{}\n\
         /** A code of an error; a newer service may send one that is not listed, so the union is open. */\n\
         export type BillingPortalErrorCode = BillingPortalKnownErrorCode | (string & {{}});\n",
        codes.join("\n") + ";\n",
    ))
}

/// The body of `schema.d.ts`.
pub(crate) fn schema(contract: &Contract) -> Result<String> {
    let shell = installed()?;
    let input = workspace::target()?.join("typescript/contract.json");
    shell.write_file(&input, contract.written.value.to_string())?;
    let generator = cmd!(shell, "node_modules/.bin/openapi-typescript {input}");
    let written = generator
        .env("NO_COLOR", "1")
        .quiet()
        .ignore_stderr()
        .output()?;
    Ok(String::from_utf8(written.stdout)?)
}

/// Runs the package's tests: its build, its types as consumers see them, and the client against raw sockets.
pub(crate) fn test() -> Result<()> {
    let shell = installed()?;
    let test = cmd!(shell, "npm test --silent").quiet().run();
    test.with_context(|| format!("the tests of {PACKAGE}"))
}

/// A shell in the package's folder, with its pinned tools installed.
fn installed() -> Result<Shell> {
    let shell = workspace::shell()?;
    shell.change_dir(PACKAGE);
    let package = shell.current_dir();
    let lock = fs::metadata(package.join("package-lock.json")).and_then(|lock| lock.modified());
    let installed = fs::metadata(package.join("node_modules/.package-lock.json"))
        .and_then(|lock| lock.modified());
    if !installed.is_ok_and(|installed| lock.is_ok_and(|lock| installed >= lock)) {
        cmd!(shell, "npm ci --no-audit --no-fund --silent")
            .quiet()
            .run()?;
    }
    Ok(shell)
}
