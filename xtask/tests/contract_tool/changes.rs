//! `cargo xtask changes`, and which released contract it compares with.

use serde_json::Value;

use crate::{CONTRACT, checkout::Checkout};

#[test]
fn t19_every_change_is_listed_with_its_level_in_each_format() {
    let checkout = Checkout::copy("t19");
    let before = "openapi: 3.0.3\ninfo: {title: t, version: 1.0.0}\npaths:\n  /a:\n    get: {operationId: a}\n";
    let after = before
        .replace("title: t", "title: A | b")
        .replace("operationId: a", "operationId: b");
    checkout.write("openapi/released/99.0.0.yaml", before);
    checkout.write(CONTRACT, &(after + "  /c:\n    get: {operationId: c}\n"));
    let print = |format| {
        let run = checkout.run(&["changes", "--format", format]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout
    };
    let expected = "3 changes since 99.0.0\n\
        breaking   openapi/billing-portal.yaml:5  /paths/~1a/get/operationId\n  before: \"a\"\n  after:  \"b\"\n\
        additive   openapi/billing-portal.yaml:6  /paths/~1c\n  before: nothing\n  after:  {\"get\":{\"operationId\":\"c\",\"security\":[{}]}}\n\
        text only  openapi/billing-portal.yaml:2  /info/title\n  before: \"t\"\n  after:  \"A | b\"\n";
    assert_eq!(print("text"), expected);
    let markdown = print("markdown");
    assert_eq!(markdown.lines().count(), 5, "{markdown}");
    let row = "| text only | `/info/title` | `\"t\"` | `\"A \\| b\"` |";
    assert_eq!(markdown.lines().last(), Some(row));
    let json: Value = serde_json::from_str(&print("json")).expect("it is JSON");
    assert_eq!(json["since"], "99.0.0");
    let changes = json["changes"].as_array().expect("a list");
    let levels: Vec<_> = changes.iter().map(|one| &one["level"]).collect();
    assert_eq!(levels, ["breaking", "additive", "text only"]);
}

#[test]
fn t16_pre_releases_are_compared_with_the_last_final_version() {
    let cases: [(&[&str], &str, bool); 6] = [
        (&["91.0.0", "91.1.0-rc.1"], "91.1.0-rc.2", true),
        (&["91.0.0", "91.1.0-rc.1"], "91.1.0", true),
        (&["91.0.0", "91.1.0-rc.2"], "91.1.0-rc.1", false),
        (&["91.0.0", "92.0.0-rc.1"], "91.1.0", true),
        (&["91.0.0", "91.1.0"], "91.1.0-rc.1", false),
        (&["91.0.0"], "91.1.0+build", false),
    ];
    for (released, version, is_good) in cases {
        let checkout = Checkout::copy("t16");
        let contract = checkout.read(CONTRACT);
        for one in released {
            checkout.write(&format!("openapi/released/{one}.yaml"), &contract);
        }
        let (start, rest) = contract.split_once("\n  version: ").expect("info.version");
        let (_, rest) = rest.split_once('\n').expect("more lines");
        checkout.write(CONTRACT, &format!("{start}\n  version: {version}\n{rest}"));
        let findings = checkout.run(&["check", "--format", "json"]).findings();
        let is_refused = findings.iter().any(|(id, _)| id == "VER-NUMBER");
        assert_eq!(
            is_refused, !is_good,
            "{version} after {released:?}: {findings:?}"
        );
        let last = released
            .iter()
            .rfind(|one| !one.contains('-'))
            .expect("a final one");
        let changes = checkout.run(&["changes"]).stdout;
        assert!(
            changes.contains(&format!("since {last}\n")),
            "{version}: {changes}"
        );
    }
}
