//! Commands and services on a server of the test's own.

use billing_portal_tests::postgresql::Cluster;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::harness::process;

/// A server with these settings.
pub(crate) fn cluster(settings: &[&str]) -> Cluster {
    Cluster::start(settings).expect("PostgreSQL is installed")
}

/// A command of the binary on the database of a URL.
pub(crate) fn command(arguments: &[&str], url: &str) -> Command {
    let variables = [
        ("BILLING_PORTAL_DATABASE_URL", url),
        ("BILLING_PORTAL_STRIPE_SECRET_KEY", "rk_test_x"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    process::command(arguments, &variables)
}

/// Runs a command; answers its exit status and what it printed, standard output before standard error.
pub(crate) async fn run(arguments: &[&str], url: &str) -> (Option<i32>, String) {
    let output = command(arguments, url).output().await;
    let output = output.expect("the binary runs");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8(text).expect("UTF-8"),
    )
}

/// Ten commands at once that write to the database; each must succeed.
pub(crate) async fn create_ten(url: &str) {
    let mut running = JoinSet::new();
    for number in 0..10 {
        let id = format!("org-{number}");
        let url = url.to_owned();
        running
            .spawn(async move { run(&["org", "create", "--name", "x", "--id", &id], &url).await });
    }
    while let Some(ended) = running.join_next().await {
        let (code, text) = ended.expect("it ends");
        assert_eq!(code, Some(0), "{text}");
    }
    let (_, list) = run(&["org", "list"], url).await;
    assert_eq!(
        list.lines().filter(|line| line.contains("org-")).count(),
        10,
        "{list}"
    );
}
