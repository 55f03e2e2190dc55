//! Many customers at once, from a file or from Stripe, and a link that Stripe is asked about.

mod sync;

use std::fs;

use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use crate::harness::service::Service;

/// What a command answers with `--json`, and its exit status.
async fn run(service: &Service, arguments: &[&str]) -> (u8, Value) {
    let outcome = service.command(&[arguments, &["--json"]].concat()).await;
    let answer = serde_json::from_str(&outcome.stdout).unwrap_or(Value::Null);
    (outcome.code, answer)
}

/// Imports a file of this text.
async fn import(service: &Service, text: &[u8], flags: &[&str]) -> (u8, Value) {
    let file = service.database().with_file_name("customers.csv");
    fs::write(&file, text).expect("the file is written");
    let file = file.to_str().expect("it is text");
    run(service, &[&["customer", "import", file], flags].concat()).await
}

/// Every mapping, as `org customer state`.
async fn mappings(service: &Service) -> Vec<String> {
    let links = service.run(&["customer", "list"]).await;
    let links = links.as_array().expect("a list").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    links
        .map(|link| {
            [&link["org"], &link["customer"], &link["state"]]
                .map(text)
                .join(" ")
        })
        .collect()
}

fn tally(counts: [usize; 4]) -> Value {
    let [read, linked, unchanged, organizations_created] = counts;
    json!({
        "read": read, "linked": linked, "unchanged": unchanged, "superseded": 0, "without_organization": 0,
        "organizations_created": organizations_created, "failures": [],
    })
}

#[tokio::test]
async fn a_file_is_imported_and_importing_it_again_changes_nothing() {
    let service = Service::start().await;
    let text = "\u{feff}org,customer,name\nacme,cus_acme,\nbeta,cus_beta,\"Beta, Ltd\"\n\n gamma , cus_gamma ,\n";
    assert_eq!(
        import(&service, text.as_bytes(), &[]).await,
        (0, tally([3, 2, 1, 2]))
    );
    let expected = [
        "acme cus_acme active",
        "beta cus_beta active",
        "gamma cus_gamma active",
    ];
    assert_eq!(mappings(&service).await, expected);
    for (org, name) in [("beta", "Beta, Ltd"), ("gamma", "gamma")] {
        let shown = service.run(&["org", "show", org]).await;
        assert_eq!(shown["name"], name);
    }
    assert_eq!(
        import(&service, text.as_bytes(), &[]).await,
        (0, tally([3, 0, 3, 0]))
    );
    assert_eq!(
        service
            .stripe
            .received_at(billing_portal_tests::stripe::Endpoint::Customers)
            .len(),
        0
    );
}

#[tokio::test]
async fn the_columns_may_have_other_names_and_positions() {
    #[rustfmt::skip]
    let rows = [
        "customer,org\ncus_1,fresh\n",
        "ORG_ID,Customer_ID\nfresh,cus_1\n",
        "id,Description,Email,org_id (metadata)\ncus_1,,jane@example.com,fresh\n",
        "fresh,cus_1\n",
        "org,customer\r\nfresh,cus_1",
    ];
    for text in rows {
        let service = Service::start().await;
        assert_eq!(
            import(&service, text.as_bytes(), &[]).await,
            (0, tally([1, 1, 0, 1])),
            "{text}"
        );
        assert_eq!(mappings(&service).await[1], "fresh cus_1 active", "{text}");
    }
}

#[tokio::test]
async fn each_row_that_fails_is_reported_and_the_others_are_imported() {
    let service = Service::start().await;
    let text =
        b"org,customer\ngood,cus_good\nacme,cus_other\nbad id,cus_1\nfresh,sub_1\n,cus_2\nfresh\n\
                 thief,cus_acme\n\xff,cus_3\ntwice,cus_4\ntwice,cus_5\n";
    let (code, answer) = import(&service, text, &[]).await;
    let failures = answer["failures"].as_array().expect("failures");
    let lines: Vec<_> = failures
        .iter()
        .filter_map(|failure| failure["line"].as_u64())
        .collect();
    assert_eq!((code, lines), (1, vec![3, 4, 5, 7, 8, 9, 11]));
    assert_eq!(
        (
            &answer["read"],
            &answer["linked"],
            &answer["without_organization"]
        ),
        (&json!(10), &json!(2), &json!(1))
    );
    let replaced = "organization acme has customer cus_acme; use --replace to change it";
    assert_eq!(
        failures[0],
        json!({"line": 3, "org": "acme", "customer": "cus_other", "problem": replaced})
    );
    let expected = [
        "acme cus_acme active",
        "good cus_good active",
        "twice cus_4 active",
    ];
    assert_eq!(mappings(&service).await, expected);

    let outcome = service
        .command(&["customer", "import", "customers.csv"])
        .await;
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (1, ""),
        "there is no such file"
    );
}

#[tokio::test]
async fn a_file_without_the_columns_is_refused() {
    for text in [
        "",
        "organisation;customer\nacme;cus_1\n",
        "org,mail\nacme,x\n",
    ] {
        let service = Service::start().await;
        assert_eq!(
            import(&service, text.as_bytes(), &[]).await,
            (1, Value::Null),
            "{text}"
        );
        assert_eq!(mappings(&service).await, ["acme cus_acme active"], "{text}");
    }
}

#[tokio::test]
async fn flags_decide_about_existing_mappings_and_missing_organizations() {
    let service = Service::start().await;
    let text = b"org,customer\nacme,cus_other\nnobody,cus_1\n";
    let (code, answer) = import(&service, text, &["--replace", "--existing-only"]).await;
    assert_eq!((code, &answer["linked"]), (1, &json!(1)));
    assert_eq!(
        answer["failures"][0]["problem"],
        "there is no organization nobody"
    );
    assert_eq!(mappings(&service).await, ["acme cus_other active"]);
}

#[tokio::test]
async fn a_stale_mapping_is_replaced_without_a_flag() {
    let service = Service::start().await;
    service.stripe.delete_customer("cus_acme");
    service
        .create_portal_session("https://app.example.com/")
        .await;
    assert_eq!(mappings(&service).await, ["acme cus_acme stale"]);
    import(&service, b"org,customer\nacme,cus_new\n", &[]).await;
    assert_eq!(mappings(&service).await, ["acme cus_new active"]);
}

#[tokio::test]
async fn verify_refuses_a_customer_that_stripe_does_not_have() {
    let service = Service::start().await;
    service
        .run(&["org", "create", "--id", "fresh", "--name", "fresh"])
        .await;
    service.stripe.add_customer("cus_good");
    service.stripe.add_customer("cus_gone");
    service.stripe.delete_customer("cus_gone");
    let others = json!({"metadata": {"org_id": "acme"}});
    service.stripe.add_customer_with("cus_others", &others);
    #[rustfmt::skip]
    let rows = [
        ("cus_never", 1, "error: Stripe has no customer cus_never\n"),
        ("cus_gone", 1, "error: customer cus_gone was deleted at Stripe\n"),
        ("cus_others", 1, "error: customer cus_others belongs to organization acme by its metadata at Stripe\n"),
        ("cus_good", 0, ""),
    ];
    for (customer, code, stderr) in rows {
        let link = ["customer", "link", "--org", "fresh", customer, "--verify"];
        let outcome = service.command(&link).await;
        assert_eq!(
            (outcome.code, outcome.stderr.as_str()),
            (code, stderr),
            "{customer}"
        );
    }
    assert_eq!(mappings(&service).await[1], "fresh cus_good active");
}

#[tokio::test]
async fn a_hundred_thousand_rows_are_imported_within_a_minute() {
    let service = Service::start().await;
    let rows = (0..10_000).map(|number| format!("org-{number},cus_{number}\n"));
    let text = rows.collect::<String>();
    let began = Instant::now();
    assert_eq!(import(&service, text.as_bytes(), &[]).await.0, 0);
    assert!(
        began.elapsed() < Duration::from_secs(6),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(mappings(&service).await.len(), 10_001);
}
