//! Manifests with and without reasons.

use crate::manifests::without_reason;

#[test]
fn a_dependency_without_a_reason_is_named() {
    let manifest = "[package]\nname = \"a\"\n\n[dependencies]\nserde = \"1\"\n# For URLs.\nurl = \"2\"\n\nhmac = \"0.12\"\n\
                    sha2 = \"0.10\" # hashes\ntokio = { workspace = true }\n\n[dev-dependencies]\nproptest = \"1\"\n";
    assert_eq!(
        without_reason("Cargo.toml", manifest),
        [
            "Cargo.toml:5 has no reason for serde",
            "Cargo.toml:9 has no reason for hmac",
            "Cargo.toml:14 has no reason for proptest",
        ]
    );
}
