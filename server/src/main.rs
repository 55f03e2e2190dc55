//! The `billing-portal` binary: hands the command line and the environment to the library.

use std::{
    env,
    io::{self, Write},
    process::ExitCode,
};

use billing_portal_server::{cli, runtime};

fn main() -> ExitCode {
    #[expect(
        clippy::disallowed_methods,
        reason = "the environment is read here, once, and handed on"
    )]
    let variables = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let (mut stdin, mut stdout, mut stderr) = (io::stdin(), io::stdout(), io::stderr());
    let running = cli::run(
        env::args_os(),
        variables,
        &mut stdin,
        &mut stdout,
        &mut stderr,
    );
    match runtime::block_on(running) {
        Ok(code) => code.into(),
        Err(error) => {
            _ = writeln!(io::stderr(), "error: runtime: {error}");
            ExitCode::FAILURE
        }
    }
}
