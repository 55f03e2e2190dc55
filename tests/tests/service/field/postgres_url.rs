//! S20: the URL of a PostgreSQL database that is wrong, or whose server does not respond, without its password.

use std::net::TcpListener;

use crate::field::config_check::check;
use crate::harness::deployment::Deployment;

const PASSWORD: &str = "special in the password";

#[tokio::test]
async fn s20_the_real_cause_is_named_for_each_wrong_url() {
    #[rustfmt::skip]
    let rows = [
        ("postgres://u:s3cretpw@h/db?sslmode=verify_full", "sslmode that is not known; did you mean verify-full?"),
        ("postgres://u:s3cretpw@h/db?sslmode=Verify-Fll", "did you mean verify-full?"),
        ("postgres://u:s3cretpw@h/db?sslmode=requires", "did you mean require?"),
        ("postgres://u:s3cretpw@h/db?sslmode=s3cretpw", "sslmode that is not known; known are disable, allow"),
        ("postgres://u:s3cretpw@h/db?sslmode=", "sslmode that is not known; known are disable, allow"),
        ("postgres://u:s3cretpw@h:99999/db", "has a port that is not a number from 1 to 65535"),
        ("postgres://u:s3cretpw@h:65536/db", "has a port that is not a number"),
        ("postgresql://h:pg/db", "has a port that is not a number"),
        ("postgres://u:s3cretpw@h:0/db", "has a port that is not a number"),
        ("postgres://u:s3cretpw@h/db?port=99999", "has a port that is not a number"),
        ("postgres://u:s3cretpw@h/db?hostaddr=h", "has a hostaddr that is not an address"),
        ("postgres://u:s3cretpw@/db", "names no host"),
        ("postgres://u:s3cretpw@h/", "names no database"),
        ("postgres://u:s3cretpw@h/db?sslmod=require", "parameter that is not known; known are application_name"),
        ("postgres://u:s3cretpw/x@h/db", PASSWORD),
        ("postgres://u:s3cretpw#x@h/db", PASSWORD),
        ("postgres://u:1?s3cretpw@h/db", PASSWORD),
    ];
    for (url, said) in rows {
        let report = check(&[("DATABASE_URL", url)]).await;
        let problem = report.problem("database_url");
        assert!(problem.contains(said), "{url}: {problem}");
        assert!(!problem.contains("s3cretpw"), "{url}: {problem}");
        assert!(
            said == PASSWORD || !problem.contains(PASSWORD),
            "{url}: {problem}"
        );
    }
}

#[tokio::test]
async fn s20_a_server_that_cannot_be_reached_is_named_with_its_address() {
    // Nothing listens on the port when the listener is gone.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    #[rustfmt::skip]
    let rows = [
        (format!("postgres://u:s3cretpw@127.0.0.1:{port}/db"), format!("database: cannot connect to 127.0.0.1:{port}: Connection refused")),
        (format!("postgres://u:s3cretpw@[::1]:{port}/db"), format!("database: cannot connect to [::1]:{port}: ")),
        (format!("postgres://u:s3cretpw@db.invalid:{port}/db"), format!("database: cannot connect to db.invalid:{port}: ")),
        ("postgres://u:s3cretpw@/db?host=/nonexistent".to_owned(), "names no host".to_owned()),
        ("postgres://h/db?host=/nonexistent&password=s3cretpw".to_owned(), "database: cannot connect to /nonexistent: ".to_owned()),
    ];
    for (url, said) in rows {
        let mut deployment = Deployment::new().await;
        deployment
            .settings
            .insert("DATABASE_URL".to_owned(), url.clone());
        for line in ["org list", "org create --name x", "serve", "doctor"] {
            let outcome = deployment.run(line).await;
            assert_eq!(outcome.code, 1, "{url} {line}");
            let printed = format!("{}{}", outcome.stdout, outcome.stderr);
            assert!(printed.contains(&said), "{url} {line}: {printed}");
            assert!(!printed.contains("s3cretpw"), "{url} {line}: {printed}");
        }
    }
}
