//! The `billing-portal` binary: hands the command line and the environment to the library.

use std::{
    env,
    ffi::OsString,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use billing_portal_server::{
    cli::{self, Terminals},
    config, runtime,
};
use tikv_jemallocator::Jemalloc;

/// Gives the memory of a burst back: see `Cargo.toml`.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    #[expect(
        clippy::disallowed_methods,
        reason = "the environment is read here, once, and handed on"
    )]
    let variables = match readable(env::vars_os()) {
        Ok(variables) => variables,
        Err(name) => {
            _ = writeln!(io::stderr(), "error: the variable {name} is not UTF-8");
            return ExitCode::FAILURE;
        }
    };
    let (mut stdin, mut stdout, mut stderr) = (io::stdin(), io::stdout(), io::stderr());
    let terminals = Terminals {
        stdout: stdout.is_terminal(),
        stderr: stderr.is_terminal(),
    };
    let running = cli::run(
        env::args_os(),
        variables,
        &mut stdin,
        &mut stdout,
        &mut stderr,
        terminals,
    );
    match runtime::block_on(running) {
        Ok(code) => code.into(),
        Err(error) => {
            _ = writeln!(io::stderr(), "error: runtime: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The variables as text. The error is the name of a setting of ours that is not UTF-8: left out, the service would run
/// with another value than the operator wrote. Variables of other programs may hold anything.
fn readable(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>, String> {
    let mut readable = Vec::new();
    for (name, value) in variables {
        let is_ours = name
            .as_encoded_bytes()
            .starts_with(config::VARIABLE_PREFIX.as_bytes());
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => readable.push((name, value)),
            (Ok(name), _) if is_ours => return Err(name),
            (Err(name), _) if is_ours => return Err(name.to_string_lossy().into_owned()),
            _ => {}
        }
    }
    Ok(readable)
}
