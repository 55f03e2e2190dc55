//! The tables with their columns, for what handles all of them alike. A test compares them with the migrations.

use super::value::Kind::{self, Bytes, Number, Text};

/// A table, as both engines have it.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// The columns of the primary key come first.
    pub(super) key_columns: usize,
    pub(super) columns: &'static [(&'static str, Kind)],
}

/// Every table but the change counter and the leases, which each database has for itself. A table comes after those
/// that it refers to.
pub(super) const TABLES: [Table; 11] = [
    Table {
        name: "organizations",
        key_columns: 1,
        columns: &[
            ("id", Text),
            ("name", Text),
            ("created_at", Number),
            ("customer_as_of", Number),
            ("return_origins", Text),
            ("portal_profile", Text),
        ],
    },
    Table {
        name: "api_keys",
        key_columns: 1,
        columns: &[
            ("id", Text),
            ("organization_id", Text),
            ("hash", Bytes),
            ("mode", Text),
            ("name", Text),
            ("scopes", Text),
            ("created_at", Number),
            ("expires_at", Number),
            ("revoked_at", Number),
            ("last_used_on", Text),
        ],
    },
    Table {
        name: "customers",
        key_columns: 1,
        columns: &[
            ("organization_id", Text),
            ("customer", Text),
            ("state", Text),
            ("stale_reason", Text),
            ("source", Text),
        ],
    },
    Table {
        name: "customer_claims",
        key_columns: 1,
        columns: &[
            ("customer", Text),
            ("organization_id", Text),
            ("customer_created", Number),
            ("known_at", Number),
            ("event", Text),
            ("withdrawn", Number),
        ],
    },
    Table {
        name: "customer_conflicts",
        key_columns: 4,
        columns: &[
            ("organization_id", Text),
            ("customer", Text),
            ("other", Text),
            ("reason", Text),
            ("seen_at", Number),
            ("resolved_at", Number),
        ],
    },
    Table {
        name: "deleted_customers",
        key_columns: 1,
        columns: &[("customer", Text), ("received_at", Number)],
    },
    Table {
        name: "stripe_events",
        key_columns: 1,
        columns: &[("id", Text), ("received_at", Number)],
    },
    Table {
        name: "customer_sync",
        key_columns: 1,
        columns: &[("id", Number), ("newest", Text), ("position", Text)],
    },
    Table {
        name: "customer_sync_failures",
        key_columns: 1,
        columns: &[("customer", Text), ("org", Text), ("problem", Text)],
    },
    Table {
        name: "portal_configurations",
        key_columns: 1,
        columns: &[("mode", Text), ("id", Text)],
    },
    Table {
        name: "profile_configurations",
        key_columns: 2,
        columns: &[("mode", Text), ("profile", Text), ("id", Text)],
    },
];

impl Table {
    /// The next rows after the one with the key `$1`, `$2`, …, or the first ones.
    pub(super) fn select(&self, is_first: bool, rows: usize) -> String {
        let Self { name, .. } = self;
        let (columns, key) = (self.names(self.columns.len()), self.names(self.key_columns));
        let after = placeholders(0, self.key_columns);
        let condition = if is_first {
            String::new()
        } else {
            format!("WHERE ({key}) > {after} ")
        };
        format!("SELECT {columns} FROM {name} {condition}ORDER BY {key} LIMIT {rows}")
    }

    /// The key of the last row.
    pub(super) fn select_last_key(&self) -> String {
        let Self { name, .. } = self;
        let names = self.columns[..self.key_columns].iter();
        let descending: Vec<String> = names.map(|(name, _)| format!("{name} DESC")).collect();
        let (key, descending) = (self.names(self.key_columns), descending.join(", "));
        format!("SELECT {key} FROM {name} ORDER BY {descending} LIMIT 1")
    }

    /// Writes so many rows at once.
    pub(super) fn insert(&self, rows: usize) -> String {
        let Self { name, columns, .. } = self;
        let values = (0..rows).map(|row| placeholders(row * columns.len(), columns.len()));
        let (columns, values) = (self.names(columns.len()), values.collect::<Vec<_>>());
        format!(
            "INSERT INTO {name} ({columns}) VALUES {}",
            values.join(", ")
        )
    }

    /// The kinds of the first columns.
    pub(super) fn kinds(&self, columns: usize) -> Vec<Kind> {
        self.columns[..columns]
            .iter()
            .map(|(_, kind)| *kind)
            .collect()
    }

    fn names(&self, columns: usize) -> String {
        let names = self.columns[..columns].iter().map(|(name, _)| *name);
        names.collect::<Vec<_>>().join(", ")
    }
}

pub(super) fn placeholders(after: usize, count: usize) -> String {
    let numbers = (after + 1..=after + count).map(|number| format!("${number}"));
    format!("({})", numbers.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, SqliteConnection, migrate::Migrator};

    use super::*;

    static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

    /// What the migrations have, in the form of the list.
    async fn columns(connection: &mut SqliteConnection) -> Vec<(String, String, String)> {
        let columns = sqlx::query_as(
            "SELECT t.name, c.name, c.type FROM sqlite_schema t, pragma_table_info(t.name) c \
             WHERE t.type = 'table' AND t.name NOT IN ('_sqlx_migrations', 'changes', 'rate_leases') ORDER BY 1, 2",
        );
        columns.fetch_all(connection).await.expect("it can be read")
    }

    #[tokio::test]
    async fn the_list_has_every_column_of_every_table() {
        let connection = SqliteConnection::connect("sqlite::memory:").await;
        let mut connection = connection.expect("there is memory");
        MIGRATIONS.run(&mut connection).await.expect("migrated");
        let mut listed = Vec::new();
        for table in &TABLES {
            for (column, kind) in table.columns {
                let kind = match kind {
                    Text => "TEXT",
                    Number => "INTEGER",
                    Bytes => "BLOB",
                };
                listed.push((table.name.to_owned(), (*column).to_owned(), kind.to_owned()));
            }
        }
        listed.sort();
        assert_eq!(listed, columns(&mut connection).await);
    }
}
