//! The `billing-portal` binary: hands the command line and the environment to the library.

use std::{env, io, process::ExitCode};

use billing_portal_server::cli;

#[tokio::main]
async fn main() -> ExitCode {
    #[expect(
        clippy::disallowed_methods,
        reason = "the environment is read here, once, and handed on"
    )]
    let variables = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    cli::run(
        env::args_os(),
        variables,
        &mut io::stdin(),
        &mut io::stdout(),
        &mut io::stderr(),
    )
    .await
    .into()
}
