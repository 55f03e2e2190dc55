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

/// The folders of all packages.
const PACKAGES: [&str; 8] = [
    "client",
    "client/released/previous-sdk",
    "client/released/sdk",
    "fuzz",
    "generators",
    "server",
    "tests",
    "xtask",
];

/// The manifest of the kept SDK, and of the one of the minor version before.
const KEPT: &str = "client/released/sdk/Cargo.toml";
const PREVIOUS: &str = "client/released/previous-sdk/Cargo.toml";

/// The checkout's files outside of git's folder that have the version of a release.
const VERSIONED: [&str; 7] = [
    "Cargo.toml",
    "Cargo.lock",
    "client/tests/all_features/Cargo.lock",
    KEPT,
    "client/typescript/package.json",
    "client/typescript/package-lock.json",
    "openapi/released/SHA256SUMS",
];

#[test]
fn t15_a_release_replaces_the_version_everywhere_and_renews_the_kept_sdk() {
    let checkout = Checkout::copy("release");
    let (present, version) = (version(&checkout), next(&checkout));
    let (kept, previous) = (checkout.read(KEPT), read_if_any(&checkout, PREVIOUS));
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
    for package in PACKAGES {
        let list = format!("{package}/sbom.json");
        assert!(!checkout.exists(&list), "{list} is not removed");
    }
    kept_sdk_is_the_present_one(&checkout);
    let (minor, _) = version.rsplit_once('.').expect("three parts");
    let is_patch = kept.contains(&format!("\nversion = \"{minor}."));
    let expected = if is_patch {
        previous
    } else {
        Some(renamed(&kept))
    };
    assert_eq!(read_if_any(&checkout, PREVIOUS), expected);
    // The server's binary is not built again, so it declares the version before.
    let findings = checkout.run(&["check", "--format", "json"]).findings();
    let others: Vec<_> = findings.iter().filter(|(id, _)| id != "SRV-INFO").collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn t15_a_new_minor_version_keeps_the_sdk_of_the_one_before() {
    let checkout = Checkout::copy("minor");
    let kept = checkout.read(KEPT);
    let version = next_minor(&version(&checkout));
    let run = checkout.run(&["release", &version]);
    if run
        .stderr
        .contains("cargo install --locked cargo-cyclonedx")
    {
        println!("skipped: {}", run.stderr);
        return;
    }
    assert_eq!(run.code, 0, "{version}: {}{}", run.stdout, run.stderr);
    assert_eq!(checkout.read(PREVIOUS), renamed(&kept));
    kept_sdk_is_the_present_one(&checkout);
}

/// The manifest of a kept SDK when the next minor version is released.
fn renamed(manifest: &str) -> String {
    let name = "name = \"released-billing-portal-client\"";
    manifest.replacen(name, "name = \"previous-billing-portal-client\"", 1)
}

fn read_if_any(checkout: &Checkout, file: &str) -> Option<String> {
    checkout.exists(file).then(|| checkout.read(file))
}

fn next_minor(version: &str) -> String {
    let parts: Vec<u32> = version
        .split('.')
        .map(|part| part.parse().expect("a number"))
        .collect();
    format!("{}.{}.0", parts[0], parts[1] + 1)
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
