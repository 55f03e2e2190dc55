//! Colours and columns: on a terminal only, and no colours where the user wants none.

use billing_portal_server::cli::Terminals;

use crate::harness::command::{Outcome, run_on};
use crate::harness::deployment::Deployment;

const TERMINAL: Terminals = Terminals {
    stdout: true,
    stderr: true,
};

async fn on(terminals: Terminals, line: &str, more: &[(&str, &str)]) -> Outcome {
    let deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    deployment.json("org create --name B --id longer-id").await;
    let mut variables = deployment.variables();
    let more = more.iter();
    variables.extend(more.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let words: Vec<&str> = line.split(' ').collect();
    run_on(terminals, &words, &variables, "").await
}

#[tokio::test]
async fn colours_are_for_terminals_whose_user_wants_them() {
    let none: &[(&str, &str)] = &[];
    #[rustfmt::skip]
    let rows = [
        (TERMINAL, none, true, "a terminal"),
        (Terminals::default(), none, false, "a pipe"),
        (TERMINAL, &[("NO_COLOR", "1")], false, "no-color.org"),
        (TERMINAL, &[("NO_COLOR", "0")], false, "whatever its value"),
        (TERMINAL, &[("NO_COLOR", "")], true, "an empty variable is as unset"),
        (TERMINAL, &[("TERM", "dumb")], false, "a terminal without colours"),
    ];
    for (terminals, variables, coloured, why) in rows {
        for line in ["doctor", "--help", "nonsense", "org show nobody"] {
            let Outcome { stdout, stderr, .. } = on(terminals, line, variables).await;
            let printed = format!("{stdout}{stderr}");
            assert_eq!(
                printed.contains('\u{1b}'),
                coloured,
                "{line}, {why}: {printed:?}"
            );
        }
    }
}

#[tokio::test]
async fn json_never_has_colours_and_one_stream_may_be_a_terminal_alone() {
    let json = on(TERMINAL, "doctor --json", &[]).await;
    assert!(!json.stdout.contains('\u{1b}'), "{}", json.stdout);
    let stdout_only = Terminals {
        stderr: false,
        ..TERMINAL
    };
    let failed = on(stdout_only, "nonsense", &[]).await;
    assert!(!failed.stderr.contains('\u{1b}'), "{}", failed.stderr);
}

#[tokio::test]
async fn a_list_has_headers_and_columns_on_a_terminal_and_tabs_elsewhere() {
    let piped = on(Terminals::default(), "org list", &[]).await.stdout;
    assert!(piped.starts_with("acme\tAcme\t20"), "{piped}");
    let shown = on(TERMINAL, "org list", &[]).await.stdout;
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 3, "{shown}");
    assert_eq!(lines[0], "ORG        NAME  CREATED               PROFILE");
    assert!(lines[1].starts_with("acme       Acme  20"), "{shown}");
    assert!(lines[2].starts_with("longer-id  B     20"), "{shown}");
    let empty = on(TERMINAL, "customer list", &[]).await.stdout;
    assert_eq!(empty, "ORG  CUSTOMER  STATE  SOURCE\n");
}

#[tokio::test]
async fn linking_another_customer_says_which_one_it_replaces() {
    let deployment = Deployment::new().await;
    deployment.json("org create --name Acme --id acme").await;
    let link = "customer link --org acme";
    let first = deployment.json(&format!("{link} cus_1")).await;
    let again = deployment.json(&format!("{link} cus_1")).await;
    assert!(first.get("replaced").is_none() && again.get("replaced").is_none());
    let text = deployment.run(&format!("{link} cus_2")).await.stdout;
    assert!(text.contains("replaced cus_1 (active, operator)"), "{text}");
    let third = deployment.json(&format!("{link} cus_3")).await;
    assert_eq!(third["replaced"], "cus_2");
}
