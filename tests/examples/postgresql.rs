//! Runs a command with `TEST_POSTGRESQL_URL` set to a private PostgreSQL server, which ends with the command.
//!
//! `cargo run -p billing-portal-tests --example postgresql -- cargo nextest run …`: the tests then keep each database
//! there instead of in a SQLite file.

use std::env;
use std::error::Error;
use std::process::{Command, ExitCode};

use billing_portal_tests::postgresql::{Cluster, USER};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let program = arguments.next().ok_or("name the command to run")?;
    let cluster = Cluster::start(&[])?;
    println!("PostgreSQL listens on port {}", cluster.port());
    let status = Command::new(program)
        .args(arguments)
        .env("TEST_POSTGRESQL_URL", cluster.url(USER))
        .status()?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
