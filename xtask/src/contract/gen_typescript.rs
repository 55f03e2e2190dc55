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
    shell.set_var("NO_COLOR", "1");
    let input = workspace::target()?.join("typescript/contract.json");
    shell.write_file(&input, contract.written.value.to_string())?;
    let generator = cmd!(shell, "node_modules/.bin/openapi-typescript {input}");
    // Trailing line ends are part of the file.
    let written = generator.quiet().ignore_stderr().output()?;
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
    let modified = |file: &str| fs::metadata(shell.current_dir().join(file))?.modified();
    let lock = modified("package-lock.json")?;
    let is_current = |installed| installed >= lock;
    if !modified("node_modules/.package-lock.json").is_ok_and(is_current) {
        let install = cmd!(shell, "npm ci --no-audit --no-fund --silent");
        install.quiet().run()?;
    }
    Ok(shell)
}
