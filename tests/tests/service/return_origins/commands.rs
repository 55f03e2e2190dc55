//! The commands that change the origins of one organization.

use serde_json::json;

use crate::harness::service::Service;

#[tokio::test]
async fn origins_are_added_listed_and_removed() {
    let service = Service::start().await;
    let origins = |origins: &[&str]| json!({ "org": "acme", "origins": origins });
    let list = ["org", "return-urls", "acme"];
    assert_eq!(service.run(&list).await, origins(&[]));
    let allow = |origin| ["org", "allow-return-url", "acme", origin];
    let second = "https://b.example.net:8443";
    assert_eq!(
        service.run(&allow("https://b.example.net:8443/")).await,
        origins(&[second])
    );
    // One in its normal form, each once.
    let first = "https://a.example.net";
    let both = origins(&[first, second]);
    assert_eq!(service.run(&allow("https://A.example.net:443")).await, both);
    assert_eq!(service.run(&allow(first)).await, both);
    assert_eq!(service.run(&list).await, both);
    let text = service.command(&list).await;
    assert_eq!(text.stdout, format!("{first}\n{second}\n"));

    let disallow = [
        "org",
        "disallow-return-url",
        "acme",
        "https://B.example.net:8443",
    ];
    assert_eq!(service.run(&disallow).await, origins(&[first]));
    let again = service.command(&disallow).await;
    assert_eq!(again.code, 1);
    assert!(again.stderr.contains(second), "{}", again.stderr);
    assert_eq!(service.run(&list).await, origins(&[first]));
}

#[tokio::test]
async fn only_https_origins_are_taken_in_development_too() {
    let service = Service::builder().environment("development").start().await;
    for origin in [
        "http://app.example.net",
        "http://localhost:3000",
        "https://app.example.net/path",
        "https://user@app.example.net",
        "https://user:hunter2@app.example.net",
        "https://user:hun@ter2@hunter2@app.example.net/",
        "https://*.example.net",
        "https://app.example.net https://b.example.net",
        "app.example.net",
        "",
    ] {
        for command in ["allow-return-url", "disallow-return-url"] {
            let outcome = service.command(&["org", command, "acme", origin]).await;
            assert_eq!(outcome.code, 2, "{origin}: {}", outcome.stdout);
            assert!(outcome.stderr.contains("<ORIGIN>"), "{}", outcome.stderr);
            assert!(!outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
        }
    }
    let listed = service.run(&["org", "return-urls", "acme"]).await;
    assert_eq!(listed["origins"], json!([]));
}

#[tokio::test]
async fn unknown_organization_and_too_many_origins_are_refused() {
    let service = Service::start().await;
    for arguments in [
        &["org", "return-urls", "nobody"][..],
        &["org", "allow-return-url", "nobody", "https://a.example.net"],
        &[
            "org",
            "disallow-return-url",
            "nobody",
            "https://a.example.net",
        ],
    ] {
        let outcome = service.command(arguments).await;
        assert_eq!(outcome.code, 1);
        assert!(outcome.stderr.contains("nobody"), "{}", outcome.stderr);
    }
    for number in 0..50 {
        let origin = format!("https://n{number}.example.net");
        service
            .run(&["org", "allow-return-url", "acme", &origin])
            .await;
    }
    let one_more = [
        "org",
        "allow-return-url",
        "acme",
        "https://more.example.net",
    ];
    let outcome = service.command(&one_more).await;
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("50 origins"), "{}", outcome.stderr);
    let listed = service.run(&["org", "return-urls", "acme"]).await;
    assert_eq!(listed["origins"].as_array().map(Vec::len), Some(50));
}
