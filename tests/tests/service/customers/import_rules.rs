//! Which rows of an import apply, and what its flags decide.

use super::{import, mappings};
use crate::harness::service::Service;
use serde_json::json;
use tokio::time::{Duration, Instant};

#[tokio::test]
async fn each_row_that_fails_is_reported_and_the_others_are_imported() {
    let service = Service::start().await;
    let text =
        b"org,customer\ngood,cus_good\nacme,cus_other\nbad id,cus_1\nfresh,sub/1\n,cus_2\nfresh\n\
                 thief,cus_acme\n?,cus_3\ntwice,cus_4\ntwice,cus_5\n";
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

/// Rows that are new in every respect are written together, the others one after the other: each gets what the rows
/// before it leave, also where a batch ends.
#[tokio::test]
async fn rows_that_concern_each_other_are_imported_in_their_order() {
    let service = Service::start().await;
    let rows = (0..250).map(|number| format!("new-{number},cus_new{number}\n"));
    let mut text = String::from("org,customer\n");
    text += &rows.collect::<String>();
    text += "again,cus_1\nagain,cus_1\nfirst,cus_2\nfirst,cus_3\nthief,cus_2\nnew-7,cus_7\nother,cus_new8\n\
             acme,cus_acme\nother,cus_9\n";
    let (code, answer) = import(&service, text.as_bytes(), &[]).await;
    let failures = answer["failures"].as_array().expect("failures");
    let problems = failures.iter().map(|failure| failure["problem"].as_str());
    let problems: Vec<_> = problems.collect();
    let expected = [
        "organization first has customer cus_2; use --replace to change it",
        "customer cus_2 belongs to organization first",
        "organization new-7 has customer cus_new7; use --replace to change it",
        "customer cus_new8 belongs to organization new-8",
    ];
    assert_eq!((code, problems), (1, expected.map(Some).to_vec()));
    assert_eq!(
        (&answer["read"], &answer["linked"]),
        (&json!(259), &json!(253))
    );
    let all = mappings(&service).await;
    assert_eq!(all.len(), 254);
    for mapping in [
        "again cus_1",
        "first cus_2",
        "other cus_9",
        "new-7 cus_new7",
        "new-249 cus_new249",
    ] {
        assert!(all.contains(&format!("{mapping} active")), "{mapping}");
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

/// How long it takes to import this many rows into a new database.
async fn import_time(rows: usize) -> Duration {
    let service = Service::start().await;
    let lines = (0..rows).map(|number| format!("org-{number},cus_{number}\n"));
    let text = lines.collect::<Vec<_>>().concat();
    let began = Instant::now();
    assert_eq!(import(&service, text.as_bytes(), &[]).await.0, 0);
    let took = began.elapsed();
    assert_eq!(mappings(&service).await.len(), rows + 1);
    took
}

/// A lookup without an index, or a commit for each row, would take a hundred times as long. Another program can slow one
/// of the two down, hence three tries.
#[tokio::test]
async fn ten_times_as_many_rows_take_at_most_twenty_times_as_long() {
    for attempt in 1..=3 {
        let (few, many) = (import_time(1_000).await, import_time(10_000).await);
        println!("1,000 rows: {few:?}; 10,000 rows: {many:?}");
        if many < 20 * few {
            return;
        }
        assert!(attempt < 3, "{few:?} and {many:?}");
    }
}
