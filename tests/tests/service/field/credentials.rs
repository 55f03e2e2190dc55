//! L5: a user name and a password in a setting that is not a secret are never printed.

use crate::harness::deployment::Deployment;

#[tokio::test]
async fn l5_no_command_prints_the_credentials_in_a_url_of_a_setting() {
    const ROWS: [(&str, &str); 8] = [
        ("STRIPE_API_BASE", "https://u:s3cretpw@api.stripe.com"),
        ("STRIPE_API_BASE", "https://s3cretpw@api.stripe.com"),
        ("STRIPE_API_BASE", "https://u:a/s3cretpw#@api.stripe.com"),
        ("STRIPE_API_BASE", "u:s3cretpw@api.stripe.com"),
        ("RETURN_URL_ALLOW_LIST", "https://u:s3cretpw@example.com"),
        ("STRIPE_PORTAL_HOSTS", "u:s3cretpw@billing.stripe.com"),
        ("LISTEN", "u:s3cretpw@127.0.0.1:8080"),
        ("TRUSTED_PROXIES", "http://u:s3cretpw@10.0.0.1"),
    ];
    for (setting, value) in ROWS {
        let mut deployment = Deployment::new().await;
        deployment.json("org create --name Acme --id acme").await;
        let settings = &mut deployment.settings;
        settings.insert(setting.to_owned(), value.to_owned());
        for command in ["config show", "config check", "doctor", "serve", "org list"] {
            for line in [command.to_owned(), format!("{command} --json")] {
                let outcome = deployment.run(&line).await;
                let printed = format!("{}{}", outcome.stdout, outcome.stderr);
                assert!(!printed.contains("s3cretpw"), "{value}, {line}: {printed}");
            }
        }
        let check = deployment.run("config check").await;
        let named = setting.to_lowercase();
        assert_eq!(check.code, 1, "{value} is refused: {}", check.stdout);
        assert!(check.stdout.starts_with(&named), "{}", check.stdout);
        assert!(check.stdout.contains("[hidden]@"), "{}", check.stdout);
    }
}
