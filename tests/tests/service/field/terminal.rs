//! S12: what somebody else wrote does nothing to a terminal.

use serde_json::json;

use crate::harness::command;
use crate::harness::deployment::Deployment;

/// Names that clear the screen, begin another line or field, or change the direction of text.
const NAMES: [(&str, &str); 7] = [
    ("a\u{1b}[2Jb", "a\\u001b[2Jb"),
    ("a\nacme2\tb", "a\\nacme2\\tb"),
    ("a\rb\u{8}", "a\\rb\\u0008"),
    ("a\u{202e}b\u{2066}", "a\\u202eb\\u2066"),
    ("a\u{ad}b\u{e0041}", "a\\u00adb\\udb40\\udc41"),
    ("a\u{9b}31mb\u{7f}", "a\\u009b31mb\\u007f"),
    ("Müller 😀 & Söhne", "Müller 😀 & Söhne"),
];

#[tokio::test]
async fn s12_text_output_escapes_what_moves_a_terminal_and_json_does_not() {
    for (name, shown) in NAMES {
        let deployment = Deployment::new().await;
        let variables = deployment.variables();
        let create = ["org", "create", "--id", "acme", "--name", name];
        let created = command::run(&create, &variables).await;
        let create = [
            "key", "create", "--org", "acme", "--scope", "a:b", "--mode", "live", "--name", name,
        ];
        let key = command::run(&create, &variables).await;
        assert_eq!((created.code, key.code), (0, 0));
        for line in ["org list", "org show acme", "key list --org acme"] {
            let text = deployment.run(line).await.stdout;
            assert!(text.contains(shown), "{line}: {text:?}");
            assert_eq!(text.lines().count(), 1, "{line}: {text:?}");
            let json = deployment.json(line).await;
            let json = if line == "org show acme" {
                &json
            } else {
                &json[0]
            };
            assert_eq!(json["name"], name, "{line}");
        }
        assert!(created.stdout.contains(shown) && key.stdout.contains(shown));
    }
}

#[tokio::test]
async fn s12_a_name_at_stripe_and_a_field_of_a_file_are_escaped_in_messages() {
    let deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    for (text, shown) in NAMES {
        let metadata = json!({"metadata": {"org_id": text}});
        deployment.stripe.add_customer_with("cus_1", &metadata);
        let verified = deployment
            .run("customer link --org acme cus_1 --verify")
            .await;
        let expected = format!("belongs to organization {shown} by its metadata");
        assert!(verified.stderr.contains(&expected), "{:?}", verified.stderr);
        let named = ["org", "show", text];
        let refused = command::run(&named, &deployment.variables()).await;
        // The command's own caller wrote this; it is shown on several lines.
        let is_safe = |character: char| matches!(character, '\n' | '\t') || !character.is_control();
        assert!(refused.stderr.chars().all(is_safe), "{:?}", refused.stderr);
    }
}
