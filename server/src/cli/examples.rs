//! An example for every command, shown at the end of its help and of its manual page.

use clap::{Command, builder::Styles};

/// Each command by its words, with lines that can be run. A test parses every line.
#[rustfmt::skip]
pub(super) const EXAMPLES: &[(&str, &[&str])] = &[
    ("", &[
        "billing-portal config check",
        "billing-portal serve",
        "billing-portal doctor",
    ]),
    ("serve", &["billing-portal serve --config /etc/billing-portal/billing-portal.toml"]),
    ("reload", &["billing-portal reload"]),
    ("openapi", &["billing-portal openapi > openapi.json"]),
    ("org", &["billing-portal org create --id acme --name 'Acme Inc.'"]),
    ("org create", &[
        "billing-portal org create --name 'Acme Inc.'",
        "billing-portal org create --id acme --name 'Acme Inc.'",
    ]),
    ("org list", &["billing-portal org list"]),
    ("org show", &["billing-portal org show acme"]),
    ("org set", &[
        "billing-portal org set acme --name Acme",
        "billing-portal org set acme --profile emea",
    ]),
    ("org allow-return-url", &["billing-portal org allow-return-url acme https://app.acme.example"]),
    ("org disallow-return-url", &["billing-portal org disallow-return-url acme https://app.acme.example"]),
    ("org return-urls", &["billing-portal org return-urls acme"]),
    ("key", &["billing-portal key create --org acme --scope billing:write"]),
    ("key create", &[
        "billing-portal key create --org acme --scope billing:write --name backend --expires-in 90d",
        "billing-portal key create --org acme --scope billing:write --out acme.key",
    ]),
    ("key list", &["billing-portal key list --org acme"]),
    ("key show", &[
        "billing-portal key show key_01JTBQH2FZ8K1RXC0WJ4Z9P3VM",
        "billing-portal key show - < leaked.key",
    ]),
    ("key revoke", &[
        "billing-portal key revoke key_01JTBQH2FZ8K1RXC0WJ4Z9P3VM",
        "billing-portal key revoke - < leaked.key",
    ]),
    ("key rotate", &["billing-portal key rotate key_01JTBQH2FZ8K1RXC0WJ4Z9P3VM --overlap 24h"]),
    ("customer", &["billing-portal customer link --org acme cus_123 --verify"]),
    ("customer link", &["billing-portal customer link --org acme cus_123 --verify"]),
    ("customer unlink", &["billing-portal customer unlink --org acme"]),
    ("customer list", &["billing-portal customer list"]),
    ("customer conflicts", &["billing-portal customer conflicts"]),
    ("customer import", &[
        "billing-portal customer import customers.csv",
        "billing-portal customer import - --replace < customers.csv",
    ]),
    ("customer sync", &["billing-portal customer sync"]),
    ("portal-config", &["billing-portal portal-config show"]),
    ("portal-config show", &["billing-portal portal-config show"]),
    ("portal-config ensure", &["billing-portal portal-config ensure"]),
    ("portal-config verify", &["billing-portal portal-config verify"]),
    ("database", &["billing-portal database copy --from sqlite://billing-portal.db --to @/etc/billing-portal/database.url"]),
    ("database copy", &["billing-portal database copy --from sqlite://billing-portal.db --to @/etc/billing-portal/database.url"]),
    ("backup", &["billing-portal backup /backups/billing-portal.db"]),
    ("config", &["billing-portal config check"]),
    ("config check", &["billing-portal config check --config billing-portal.toml"]),
    ("config show", &["billing-portal config show"]),
    ("config schema", &["billing-portal config schema > billing-portal.schema.json"]),
    ("doctor", &["billing-portal doctor", "billing-portal doctor --json"]),
    ("healthcheck", &["billing-portal healthcheck --ready"]),
    ("why", &[
        "billing-portal why 01JTBQH2FZ8K1RXC0WJ4Z9P3VM --log /var/log/billing-portal.log",
        "journalctl -u billing-portal -o cat | billing-portal why 01JTBQH2FZ8K1RXC0WJ4Z9P3VM",
    ]),
    ("completions", &["billing-portal completions bash > /etc/bash_completion.d/billing-portal"]),
    ("man", &["billing-portal man /usr/local/share/man/man1"]),
];

/// The command with the examples of it and of all its subcommands.
pub(super) fn with_examples(command: Command) -> Command {
    add(command, "")
}

fn add(command: Command, path: &str) -> Command {
    let command = command.mut_subcommands(|subcommand| {
        let name = subcommand.get_name();
        let path = format!("{path} {name}");
        add(subcommand, path.trim_start())
    });
    let found = EXAMPLES.iter().find(|(known, _)| *known == path);
    match found {
        Some((_, lines)) => command.after_help(text(lines)),
        None => command,
    }
}

fn text(lines: &[&str]) -> String {
    let styles = Styles::styled();
    let header = styles.get_header();
    let title = if lines.len() == 1 {
        "Example:"
    } else {
        "Examples:"
    };
    format!("{header}{title}{header:#}\n  {}", lines.join("\n  "))
}
