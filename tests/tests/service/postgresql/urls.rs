//! Which URLs of a server are accepted, and what is said of the others, without a server.

use serde_json::Value;

use crate::harness::deployment::Deployment;

/// What `config check` says of the URL.
async fn problem(url: &str) -> Option<String> {
    let mut deployment = Deployment::sqlite().await;
    deployment
        .settings
        .insert("DATABASE_URL".to_owned(), url.to_owned());
    let check = deployment.run("config check --json").await;
    let check: Value = serde_json::from_str(&check.stdout).expect("JSON");
    let problems = check["problems"].as_array().expect("a list");
    let problem = problems
        .iter()
        .find(|problem| problem["setting"] == "database_url");
    problem.map(|problem| problem["problem"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_url_names_a_database_and_has_no_parameter_that_is_not_known() {
    const FORM: &str = "must be postgres://USER:PASSWORD@HOST/DATABASE";
    #[rustfmt::skip]
    let rows = [
        ("postgres://me:UNSEEN@db.example.com/billing", None),
        ("postgresql://me:UN%2FSEEN@db.example.com:6432/billing?sslmode=verify-full", None),
        ("postgres://me@[::1]/billing?application_name=x&sslrootcert=/etc/ca.pem", None),
        ("postgres:///billing?host=/run/postgresql", None),
        ("postgres://db.example.com/billing?user=me&password=UN@SEEN&application_name=a@b", None),
        ("postgres://me:UNSEEN@db.example.com/?dbname=billing", None),
        ("postgres://me:UNSEEN@db.example.com", Some("names no database")),
        ("postgres://me:UNSEEN@db.example.com/", Some("names no database")),
        ("postgres://me:UN/SEEN@db.example.com/billing", Some(FORM)),
        ("postgres://me:UNSEEN@db.example.com:port/billing", Some("has a port that is not a number from 1 to 65535")),
        ("postgres://me:UNSEEN@db.example.com/billing?sslmode=always", Some("has an sslmode that is not known; known are disable, ")),
        ("postgres://me@db.example.com/billing?pasword=UNSEEN", Some("has a parameter that is not known; known are ")),
        ("postgres://me@db.example.com/billing?options=UNSEEN", Some("has a parameter that is not known; known are ")),
        ("mysql://me:UNSEEN@db.example.com/billing", Some("must be the URL of a SQLite file, such as ")),
        ("db.example.com:UNSEEN", Some("must be the URL of a SQLite file, such as ")),
    ];
    for (url, expected) in rows {
        let problem = problem(url).await;
        assert_eq!(problem.is_some(), expected.is_some(), "{url}: {problem:?}");
        if let (Some(problem), Some(expected)) = (problem, expected) {
            assert!(problem.starts_with(expected), "{url}: {problem}");
            assert!(
                !problem.contains("UNSEEN") && !problem.contains("SEEN@"),
                "{problem}"
            );
        }
    }
}

#[tokio::test]
async fn the_url_is_never_shown() {
    let mut deployment = Deployment::sqlite().await;
    let url = "postgres://me:UNSEEN@127.0.0.1:1/billing";
    deployment
        .settings
        .insert("DATABASE_URL".to_owned(), url.to_owned());
    for command in [
        "config show",
        "config check",
        "doctor",
        "org list",
        "key revoke -",
        "serve",
    ] {
        let outcome = deployment.run(command).await;
        let printed = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(!printed.contains("UNSEEN"), "{command}: {printed}");
    }
}
