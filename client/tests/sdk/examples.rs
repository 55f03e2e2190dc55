//! The programs in examples/, run as their readers run them.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use billing_portal_client::ErrorCode;
use billing_portal_client::test_util::FakeServer;

use super::{KEY, RETURN_URL};

/// An example's program. Cargo builds all examples before it runs a package's tests.
fn example(name: &str, server: &FakeServer) -> Command {
    let tests = std::env::current_exe().expect("this test's own path");
    let folder = tests
        .parent()
        .and_then(|deps| deps.parent())
        .expect("target/debug/deps");
    let program: PathBuf = folder.join("examples").join(name);
    assert!(
        program.exists(),
        "{} is not built; run the package's tests without --test",
        program.display()
    );
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("BILLING_PORTAL_API_KEY", KEY)
        .env("BILLING_PORTAL_BASE_URL", server.base_url());
    command
}

fn cli(server: &FakeServer, arguments: &[&str]) -> Output {
    example("cli", server)
        .args(arguments)
        .output()
        .expect("it runs")
}

#[test]
fn the_command_line_program_has_an_exit_code_for_each_outcome() {
    let server = FakeServer::start().expect("a free port");
    let opened = cli(&server, &[RETURN_URL]);
    assert_eq!(opened.status.code(), Some(0));
    assert_eq!(
        opened.stdout,
        b"https://billing.stripe.com/p/session/bps_test_a1b2c3d4\n"
    );
    assert_eq!(cli(&server, &[]).status.code(), Some(2));

    for (code, exit) in [
        (ErrorCode::NoStripeCustomer, 3),
        (ErrorCode::Forbidden, 1),
        (ErrorCode::RequestTimeout, 75),
    ] {
        server.refuse(&code);
        let refused = cli(&server, &[RETURN_URL]);
        assert_eq!(refused.status.code(), Some(exit), "{code}");
        assert!(refused.stdout.is_empty());
        let said = String::from_utf8(refused.stderr).expect("text");
        assert!(
            said.contains(code.as_str()) && said.lines().count() == 1,
            "{said}"
        );
    }
}

#[test]
fn a_missing_variable_is_named() {
    let server = FakeServer::start().expect("a free port");
    for name in ["BILLING_PORTAL_API_KEY", "BILLING_PORTAL_BASE_URL"] {
        let output = example("cli", &server)
            .env_remove(name)
            .arg(RETURN_URL)
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(
            said.trim_end(),
            format!("billing portal client: {name} is not set")
        );
    }
}

/// Stops the example when the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0
            .kill()
            .and_then(|()| self.0.wait())
            .expect("a child to end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_web_examples_redirect_to_the_portal_or_to_pricing() {
    let server = FakeServer::start().expect("a free port");
    let browser = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client");
    for name in ["axum", "poem"] {
        server.open();
        let mut shop = Running(
            example(name, &server)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("it runs"),
        );
        let mut address = String::new();
        BufReader::new(shop.0.stdout.take().expect("piped"))
            .read_line(&mut address)
            .expect("its address");
        let button = || {
            browser
                .post(format!("{}/billing", address.trim_end()))
                .send()
        };

        let answer = button().await.expect("an answer");
        assert_eq!(answer.status(), 303, "{name}");
        assert_eq!(
            answer.headers()["location"],
            "https://billing.stripe.com/p/session/bps_test_a1b2c3d4"
        );
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.headers()["referrer-policy"], "no-referrer");

        server.refuse(&ErrorCode::NoStripeCustomer);
        assert_eq!(
            button().await.expect("an answer").headers()["location"],
            "/pricing",
            "{name}"
        );
        server.refuse(&ErrorCode::Unauthorized);
        assert_eq!(button().await.expect("an answer").status(), 502, "{name}");
    }
}

/// The first program in the README is `examples/open.rs` and has at most ten lines.
#[test]
fn the_first_program_of_the_readme_opens_a_portal() {
    let program = include_str!("../../examples/open.rs");
    let program = program
        .split_once("\n\n")
        .map_or("", |(_, program)| program);
    assert!(program.lines().count() <= 10 && program.contains("fn main"));
    assert!(
        include_str!("../../README.md").contains(program),
        "the README shows another program"
    );

    let server = FakeServer::start().expect("a free port");
    let output = example("open", &server).output().expect("it runs");
    assert_eq!(
        output.stdout,
        b"https://billing.stripe.com/p/session/bps_test_a1b2c3d4\n"
    );
    assert_eq!(server.return_urls(), [RETURN_URL]);
}

/// The sample of the repository's README is the function of `examples/readme.rs`.
#[test]
fn the_sample_of_the_repositorys_readme_opens_a_portal() {
    let program = include_str!("../../examples/readme.rs");
    let sample = program
        .split_once("\n\n")
        .and_then(|(_, program)| program.split_once("\n#[tokio::main]"))
        .map_or("", |(sample, _)| sample.trim());
    assert!(sample.contains("async fn billing"));
    assert!(
        include_str!("../../../README.md").contains(&format!("```rust\n{sample}\n```")),
        "the README shows another sample"
    );
    let server = FakeServer::start().expect("a free port");
    let output = example("readme", &server).output().expect("it runs");
    assert_eq!(output.stdout, b"303 See Other\n");
    assert_eq!(server.return_urls(), [RETURN_URL]);
}
