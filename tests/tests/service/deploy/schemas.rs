//! The Kubernetes manifests and the compose file have the form that their schemas ask for. The schemas come with tools
//! written in Python; what a cluster or an engine makes of the values, only these can say.

use std::path::Path;
use std::process::Command;

use billing_portal_tests::python;
use billing_portal_tests::workspace;

/// Pinned: another version may have other schemas, which must be a change that a person makes.
const PACKAGES: [&str; 2] = ["kubernetes-validate==1.37.0", "check-jsonschema==0.39.0"];
/// The oldest that some cloud still runs, and the newest of the tool.
const KUBERNETES_VERSIONS: [&str; 2] = ["1.29", "1.37"];

/// Whether the tool accepts the file, and what it says.
fn check(tool: &Path, arguments: &[&str], file: &Path) -> (bool, String) {
    let output = Command::new(tool).args(arguments).arg(file).output();
    let output = output.expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.success(), said)
}

/// Asserts that the tool accepts the file that ships, and refuses it with the first text replaced by the second.
fn assert_checked(tool: &Path, arguments: &[&str], name: &str, wrong: (&str, &str)) {
    let file = workspace::root().join("server/deploy").join(name);
    let (accepted, said) = check(tool, arguments, &file);
    assert!(accepted, "{arguments:?}: {said}");
    let shipped = std::fs::read_to_string(file).expect("it ships");
    assert!(shipped.contains(wrong.0), "{}", wrong.0);
    let directory = tempfile::tempdir().expect("a folder");
    let file = directory.path().join(name);
    let broken = shipped.replace(wrong.0, wrong.1);
    std::fs::write(&file, broken).expect("written");
    let (accepted, said) = check(tool, arguments, &file);
    assert!(!accepted, "{arguments:?} with {}: {said}", wrong.1);
}

fn check_manifests(tool: &Path) {
    for version in KUBERNETES_VERSIONS {
        let arguments = ["--strict", "-k", version];
        for wrong in [
            ("maxUnavailable: 0", "maxUnavailble: 0"),
            ("containerPort: 8080", "containerPort: web"),
            ("minAvailable: 2", "minAvailable: [2]"),
            ("policyTypes: [Ingress, Egress]", "policyTypes: Ingress"),
        ] {
            assert_checked(tool, &arguments, "kubernetes.yaml", wrong);
        }
    }
}

fn check_compose_file(tool: &Path) {
    let arguments = ["--builtin-schema", "vendor.compose-spec"];
    for wrong in [
        ("read_only: true", "readonly: true"),
        ("cap_drop: [ALL]", "cap_drop: ALL"),
    ] {
        assert_checked(tool, &arguments, "compose.yaml", wrong);
    }
}

#[tokio::test]
#[ignore = "needs Python and its packages"]
async fn the_manifests_and_the_compose_file_have_the_form_of_their_schemas() {
    let programs = python::install("schemas", &PACKAGES).await;
    let programs = programs.expect("they are installed");
    check_manifests(&programs.join("kubernetes-validate"));
    check_compose_file(&programs.join("check-jsonschema"));
}
