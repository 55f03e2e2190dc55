//! S15: CSV files as spreadsheets write them, and what the message says of one that cannot be used.

use serde_json::{Value, json};

use crate::harness::deployment::Deployment;

/// Imports this text; the exit status, what was printed as JSON, and standard error.
async fn import(text: &[u8]) -> (u8, Value, String, Value) {
    let deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    let file = deployment.file("customers.csv");
    std::fs::write(&file, text).expect("the file is written");
    let line = format!("customer import {} --json", file.display());
    let outcome = deployment.run(&line).await;
    let report = serde_json::from_str(&outcome.stdout).unwrap_or(Value::Null);
    let links = deployment.json("customer list").await;
    (outcome.code, report, outcome.stderr, links)
}

#[tokio::test]
async fn s15_every_usual_separator_and_header_is_understood() {
    #[rustfmt::skip]
    let rows = [
        "org;customer\nfresh;cus_1\n",
        "org\tcustomer\nfresh\tcus_1\n",
        "org,customer\nfresh,cus_1\n",
        "sep=;\r\norg;customer\r\nfresh;cus_1\r\n",
        "SEP=|\norg|customer\nfresh|cus_1\n",
        "\u{feff}\"sep=,\"\norg,customer\nfresh,cus_1\n",
        "Customer ID;orgId\ncus_1;fresh\n",
        "Organization ID,Stripe Customer ID,Name\nfresh,cus_1,\"a;b;c\"\n",
        "organisation_id\tcustomer-id\nfresh\tcus_1\n",
        "id;Email;org_id (metadata)\ncus_1;a@example.com;fresh\n",
        "customerId,OrganizationId\ncus_1,fresh\n",
        "fresh;cus_1\n",
        "fresh\tcus_1",
        "org,customer,name\nfresh,cus_1,\"two\nlines, and \"\"quotes\"\"\"\n",
    ];
    for text in rows {
        let (code, report, stderr, links) = import(text.as_bytes()).await;
        assert_eq!(
            (code, &report["linked"]),
            (0, &json!(1)),
            "{text}: {stderr}"
        );
        let link = (&links[0]["org"], &links[0]["customer"]);
        assert_eq!(link, (&json!("fresh"), &json!("cus_1")), "{text}");
    }
}

#[tokio::test]
async fn s15_an_unusable_file_is_refused_whole_with_its_columns_or_its_line() {
    #[rustfmt::skip]
    let rows: [(&[u8], &str); 12] = [
        (b"tenant;mail;plan\nacme;a@b;gold\n", "its first row has: tenant | mail | plan\n"),
        (b"tenant\tmail\nacme\ta@b\n", "its first row has: tenant | mail\n"),
        (b"org,mail\nacme,x\n", "its first row has: org | mail\n"),
        (b"sep=;\norg,customer\nfresh,cus_1\n", "its first row has: org,customer\n"),
        (b"org,customer\nfresh,cus_1\n\"other,cus_2\nthird,cus_3\n", "line 3 has a quote that is not closed\n"),
        (b"sep=;\norg;customer\nfresh;\"cus_1\n", "line 3 has a quote that is not closed\n"),
        (b"org,customer\r\nfresh,cus_1\r\n\"other,cus_2\r\n", "line 3 has a quote that is not closed\n"),
        (b"org,customer\rfresh,cus_1\rM\xfcller,cus_2\r", "line 3 is not UTF-8; save the file as UTF-8\n"),
        (b"\"org,customer\nfresh,cus_1\n", "line 1 has a quote that is not closed\n"),
        (b"org,customer\nfresh,cus_1\nM\xfcller,cus_2\n", "line 3 is not UTF-8; save the file as UTF-8\n"),
        (b"\xff\xfeo\0r\0g\0", "line 1 is not UTF-8; save the file as UTF-8\n"),
        (b"", "is empty\n"),
    ];
    for (text, problem) in rows {
        let (code, report, stderr, links) = import(text).await;
        let shown = String::from_utf8_lossy(text);
        assert_eq!((code, report), (1, Value::Null), "{shown}");
        assert!(stderr.ends_with(problem), "{shown}: {stderr}");
        assert_eq!(links, json!([]), "{shown}: nothing of it is taken");
    }
}

#[tokio::test]
async fn s15_a_line_is_counted_as_an_editor_counts_it() {
    #[rustfmt::skip]
    let rows = [
        ("org,customer\nacme,cus_1\nbad id,cus_2\n", 3, "LF"),
        ("org,customer\r\nacme,cus_1\r\nbad id,cus_2\r\n", 3, "CR LF"),
        ("org,customer\racme,cus_1\rbad id,cus_2\r", 3, "CR alone"),
        ("acme,cus_1\r\nbad id,cus_2", 2, "CR LF, no header, no end of line"),
        ("bad id,cus_2\r\n", 1, "the first line"),
        ("\r\n\r\norg,customer\r\n\r\nacme,cus_1\r\n\r\n\r\nbad id,cus_2\r\n", 8, "empty lines, CR LF"),
        ("\norg,customer\n\n\nbad id,cus_2\n", 5, "empty lines, LF"),
        ("org,customer,name\r\nacme,cus_1,\"two\r\nlines\"\r\nbad id,cus_2,x\r\n", 4, "a line break in quotes, CR LF"),
        ("org,customer,name\nacme,cus_1,\"a\n\nb\"\nbad id,cus_2,x\n", 5, "line breaks in quotes, LF"),
        ("\u{feff}org,customer\r\nacme,cus_1\r\nbad id,cus_2\r\n", 3, "a BOM"),
        ("sep=;\norg;customer\nacme;cus_1\nbad id;cus_2\n", 4, "sep=, LF"),
        ("\u{feff}sep=;\r\norg;customer\r\nacme;cus_1\r\nbad id;cus_2\r\n", 4, "sep=, CR LF"),
        ("sep=;\rorg;customer\racme;cus_1\rbad id;cus_2\r", 4, "sep=, CR alone"),
        ("org,customer\nacme,cus_1\r\nbad id,cus_2\n", 3, "both"),
    ];
    for (text, line, why) in rows {
        let (_, report, stderr, _) = import(text.as_bytes()).await;
        assert_eq!(
            report["failures"][0]["line"], line,
            "{why}: {report} {stderr}"
        );
    }
}

#[tokio::test]
async fn s15_a_name_that_cannot_be_kept_is_a_failure_of_its_row() {
    let secret = "sk_live_0123456789abcdefghijklmn";
    let text = format!("org,customer,name\na1,cus_1,A\0B\na2,cus_2,{secret}\na3,cus_3,Good\n");
    let (code, report, stderr, links) = import(text.as_bytes()).await;
    assert_eq!(code, 1, "{stderr}");
    assert_eq!(links.as_array().map(Vec::len), Some(1), "{links}");
    let problems = [
        (2, "a name must not contain the character NUL"),
        (3, "a name must not contain a secret"),
    ];
    let failures = report["failures"].as_array().expect("a list");
    let failures: Vec<_> = failures
        .iter()
        .map(|one| (&one["line"], &one["problem"]))
        .collect();
    let expected = problems.map(|(line, problem)| (json!(line), json!(problem)));
    assert_eq!(
        failures,
        expected.each_ref().map(|(line, problem)| (line, problem))
    );
}

#[tokio::test]
async fn s15_a_dash_is_standard_input() {
    for text in [
        "org;customer\nfresh;cus_1\n",
        "org,customer\nfresh,cus_1",
        "fresh\tcus_1\n",
    ] {
        let deployment = Deployment::new().await;
        deployment.json("org create --name Acme --id acme").await;
        let outcome = deployment
            .run_with_input("customer import - --json", text)
            .await;
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        let links = deployment.json("customer list").await;
        assert_eq!(links[0]["customer"], "cus_1", "{links}");
    }
    let deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    let empty = deployment.run("customer import -").await;
    assert_eq!(
        (empty.code, empty.stderr.as_str()),
        (1, "error: standard input is empty\n")
    );
}
