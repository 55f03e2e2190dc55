//! `cargo xtask release`: everything that it writes, and that a refusal writes nothing.

use crate::{CONTRACT, checkout::Checkout};

/// The version of the contract in this workspace.
fn version(checkout: &Checkout) -> String {
    let contract = checkout.read(CONTRACT);
    let version = contract
        .lines()
        .find_map(|line| line.strip_prefix("  version: "));
    version.expect("info.version").to_owned()
}

/// The next version that can be released: the contract's own, or the next patch where that is released.
fn next(checkout: &Checkout) -> String {
    let version = version(checkout);
    if !checkout.exists(&format!("openapi/released/{version}.yaml")) {
        return version;
    }
    let (minor, patch) = version.rsplit_once('.').expect("three parts");
    format!("{minor}.{}", patch.parse::<u32>().expect("a number") + 1)
}

/// The checkout's files outside of git's folder that have the version of a release.
const VERSIONED: [&str; 7] = [
    "Cargo.toml",
    "Cargo.lock",
    "client/tests/all_features/Cargo.lock",
    "client/released/sdk/Cargo.toml",
    "client/typescript/package.json",
    "client/typescript/package-lock.json",
    "openapi/released/SHA256SUMS",
];

#[test]
fn t15_a_release_replaces_the_version_everywhere_and_renews_the_kept_sdk() {
    let checkout = Checkout::copy("release");
    let (present, version) = (version(&checkout), next(&checkout));
    // In another layout, of which only the scalar may change.
    let written = format!("  version: {present}\n");
    checkout.edit(
        CONTRACT,
        &written,
        &format!("  version:\n      '{present}' # of all\n"),
    );
    let run = checkout.run(&["release", &version]);
    if run
        .stderr
        .contains("cargo install --locked cargo-cyclonedx")
    {
        assert!(!checkout.exists(&format!("openapi/released/{version}.yaml")));
        println!("skipped: {}", run.stderr);
        return;
    }
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let contract = checkout.read(CONTRACT);
    assert!(
        contract.contains(&format!("  version:\n      {version} # of all\n")),
        "{contract}"
    );
    assert_eq!(
        checkout.read(&format!("openapi/released/{version}.yaml")),
        contract
    );
    for file in VERSIONED {
        assert!(
            checkout.read(file).contains(&version),
            "{file} does not have {version}"
        );
    }
    let lock = checkout.read("client/typescript/package-lock.json");
    let own = lock.split("\"name\": \"billing-portal\",").skip(1);
    let own = own.filter(|rest| {
        rest.trim_start()
            .starts_with(&format!("\"version\": \"{version}\""))
    });
    assert_eq!(own.count(), 2, "for the lock and for the package");
    let changelog = checkout.read("CHANGELOG.md");
    let (_, released) = changelog
        .split_once("\n## Unreleased\n\n## ")
        .expect("nothing is waiting");
    assert!(
        released.starts_with(&format!("{version} - 20")),
        "{released}"
    );
    for package in ["server", "client"] {
        let list = checkout.read(&format!("sbom/billing-portal-{package}-{version}.cdx.json"));
        assert!(list.contains("\"bomFormat\":\"CycloneDX\""));
    }
    kept_sdk_is_the_present_one(&checkout);
    // The server's binary is not built again, so it declares the version before.
    let findings = checkout.run(&["check", "--format", "json"]).findings();
    let others: Vec<_> = findings.iter().filter(|(id, _)| id != "SRV-INFO").collect();
    assert!(others.is_empty(), "{others:?}");
}

fn kept_sdk_is_the_present_one(checkout: &Checkout) {
    let kept = "client/released/sdk";
    let sources = checkout
        .texts()
        .into_iter()
        .filter(|file| file.starts_with("client/src/"));
    let mut compared = 0;
    for source in sources {
        let name = source.trim_start_matches("client/");
        assert_eq!(
            checkout.read(&format!("{kept}/{name}")),
            checkout.read(source)
        );
        compared += 1;
    }
    assert!(compared > 20, "{compared} sources");
    assert_eq!(
        checkout.read(&format!("{kept}/README.md")),
        checkout.read("client/README.md")
    );
    let manifest = checkout.read(&format!("{kept}/Cargo.toml"));
    assert!(
        manifest.contains("name = \"released-billing-portal-client\""),
        "{manifest}"
    );
    assert!(manifest.contains("[dependencies.reqwest]"), "{manifest}");
    assert!(!manifest.contains("dev-dependencies"), "{manifest}");
}

#[test]
fn t16_a_release_that_is_refused_writes_nothing() {
    let checkout = Checkout::copy("refused");
    let before: Vec<_> = checkout
        .texts()
        .iter()
        .map(|file| checkout.read(file))
        .collect();
    let next = next(&checkout);
    let refused = [
        format!("{next}+build"),
        format!("{next}-rc.1+7"),
        format!("v{next}"),
        "1.2".to_owned(),
        "1.0.0".to_owned(),
        "0.9.0".to_owned(),
    ];
    for version in refused {
        let run = checkout.run(&["release", &version]);
        assert_eq!(run.code, 1, "{version}: {}", run.stdout);
        assert!(
            run.stderr.contains("is not a version") || run.stderr.contains("released"),
            "{}",
            run.stderr
        );
    }
    checkout.edit(CONTRACT, "maxLength: 2048", "maxLength: 99");
    let run = checkout.run(&["release", &next]);
    assert!(
        run.code == 1 && run.stderr.contains("Not released."),
        "{}",
        run.stderr
    );
    checkout.edit(CONTRACT, "maxLength: 99", "maxLength: 2048");
    let after: Vec<_> = checkout
        .texts()
        .iter()
        .map(|file| checkout.read(file))
        .collect();
    assert_eq!(after, before);
}
