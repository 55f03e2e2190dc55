//! `cargo xtask` as people run it: the program, in a copy of this workspace.

mod changes;
mod checkout;
mod pinned;
mod release;
mod walkthrough;

use checkout::Checkout;

const CONTRACT: &str = "openapi/billing-portal.yaml";

#[test]
fn t1_the_tool_reads_the_checkout_that_it_is_run_in() {
    let changed = Checkout::copy("t1_changed");
    let same = Checkout::copy("t1_same");
    changed.edit(CONTRACT, "maxLength: 2048", "maxLength: 99");
    // One program, as two checkouts with one target directory have it; cargo names the package that it runs.
    for (checkout, drifted) in [(&changed, true), (&same, false), (&changed, true)] {
        for run in [checkout.run_by_cargo(&["check"]), checkout.run(&["check"])] {
            let finds = run
                .stdout
                .contains("SRV-LENGTH  openapi/billing-portal.yaml:");
            assert_eq!(
                (run.code == 0, finds),
                (!drifted, drifted),
                "{}",
                run.stdout
            );
        }
    }
}

#[test]
fn t11_a_checkout_with_windows_line_ends_has_not_drifted() {
    let checkout = Checkout::copy("t11");
    let inputs = [
        "README.md",
        "client/src/generated.rs",
        "tests/corpora/bodies.json",
    ];
    for files in [&[CONTRACT][..], &inputs, &checkout.texts()] {
        for file in files {
            let text = checkout.read(file).replace("\r\n", "\n");
            checkout.write(file, &text.replace('\n', "\r\n"));
        }
        let run = checkout.run(&["check"]);
        assert_eq!(run.code, 0, "{files:?}: {}", run.stdout);
        assert!(
            run.stdout.starts_with("Nothing has drifted."),
            "{}",
            run.stdout
        );
    }
}

#[test]
fn t13_what_cannot_be_read_is_a_finding_with_its_name() {
    let checkout = Checkout::copy("t13");
    checkout.write_bytes("client/README.md", b"caf\xe9\n");
    checkout.remove("CHANGELOG.md");
    checkout.remove("client/typescript/package.json");
    let run = checkout.run(&["check", "--format", "json"]);
    let findings = run.findings();
    let unread = findings.iter().filter(|(id, _)| id == "META-INPUT");
    let files: Vec<_> = unread.map(|(_, file)| file.as_str()).collect();
    let expected = [
        "CHANGELOG.md",
        "client/README.md",
        "client/typescript/package.json",
    ];
    assert_eq!(files, expected);
}
