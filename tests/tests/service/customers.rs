//! Many customers at once, from a file or from Stripe, and a link that Stripe is asked about.

mod import_rules;
mod sync;

use std::fs;

use serde_json::{Value, json};

use crate::harness::service::Service;

/// What a command answers with `--json`, and its exit status.
async fn run(service: &Service, arguments: &[&str]) -> (u8, Value) {
    let outcome = service.command(&[arguments, &["--json"]].concat()).await;
    let answer = serde_json::from_str(&outcome.stdout).unwrap_or(Value::Null);
    (outcome.code, answer)
}

/// Imports a file of this text.
async fn import(service: &Service, text: &[u8], flags: &[&str]) -> (u8, Value) {
    let file = service.file("customers.csv");
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
async fn a_file_without_the_columns_is_refused() {
    for text in ["", "tenant;customer\nacme;cus_1\n", "org,mail\nacme,x\n"] {
        let service = Service::start().await;
        assert_eq!(
            import(&service, text.as_bytes(), &[]).await,
            (1, Value::Null),
            "{text}"
        );
        assert_eq!(mappings(&service).await, ["acme cus_acme active"], "{text}");
    }
}
