//! The generators are the pinned ones.

use billing_portal_tests::workspace;

#[test]
fn the_named_generators_are_the_pinned_ones() {
    let read = |file: &str| std::fs::read_to_string(workspace::root().join(file)).expect(file);
    let generators = [
        (
            "client/src/generated.rs",
            "generators/Cargo.toml",
            "progenitor = { version = \"=",
        ),
        (
            "client/typescript/schema.d.ts",
            "client/typescript/package.json",
            "\"openapi-typescript\": \"",
        ),
    ];
    for (file, manifest, pin) in generators {
        let generated = read(file);
        let generator = generated
            .lines()
            .find_map(|line| line.strip_prefix("// generator: "));
        let (_, version) = generator
            .and_then(|it| it.split_once(' '))
            .expect("a name and a version");
        let pin = format!("{pin}{version}\"");
        assert!(
            read(manifest).contains(&pin),
            "{manifest} does not have {pin}"
        );
    }
}
