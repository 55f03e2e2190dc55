//! Links the rows of a batch that are new in every respect, with three statements for all of them: with a few for each
//! row, an import on PostgreSQL would wait for the network most of the time.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::{
    connection::Connection,
    mapping::{CustomerState, MappingSource},
    tables::placeholders,
    value::{self, Kind, Value},
};
use crate::ids::{CustomerId, OrganizationId};

/// An organization and the customer that is to be linked to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewMapping {
    /// The organization.
    pub org: OrganizationId,
    /// The name for the organization if it has to be created; `None`: its id.
    pub name: Option<String>,
    /// The customer.
    pub customer: CustomerId,
}

/// Creates the organizations of the rows that neither the database nor another row of the batch knows, with their
/// customers. Answers the ids of these organizations; the other rows are left as they are.
pub(super) async fn link_new(
    connection: &mut Connection,
    batch: &[NewMapping],
    now: DateTime<Utc>,
) -> Result<HashSet<String>, sqlx::Error> {
    let alone = alone(batch);
    if alone.is_empty() {
        return Ok(HashSet::new());
    }
    let new = unknown_to_database(connection, &alone).await?;
    let rows: Vec<_> = alone
        .into_iter()
        .filter(|mapping| new.contains(mapping.org.as_str()))
        .collect();
    if !rows.is_empty() {
        insert(connection, &rows, now).await?;
    }
    Ok(new)
}

/// The rows whose organization and customer are in no other row.
fn alone(batch: &[NewMapping]) -> Vec<&NewMapping> {
    let mut orgs: HashMap<&str, u32> = HashMap::new();
    let mut customers: HashMap<&str, u32> = HashMap::new();
    for NewMapping { org, customer, .. } in batch {
        *orgs.entry(org.as_str()).or_default() += 1;
        *customers.entry(customer.as_str()).or_default() += 1;
    }
    let is_alone = |mapping: &&NewMapping| {
        orgs[mapping.org.as_str()] == 1 && customers[mapping.customer.as_str()] == 1
    };
    batch.iter().filter(is_alone).collect()
}

/// The organizations of the rows of which the database has neither the organization nor the customer.
async fn unknown_to_database(
    connection: &mut Connection,
    rows: &[&NewMapping],
) -> Result<HashSet<String>, sqlx::Error> {
    let query = format!(
        "SELECT given.column1 FROM (VALUES {}) AS given \
         WHERE NOT EXISTS (SELECT 1 FROM organizations WHERE id = given.column1) \
         AND NOT EXISTS (SELECT 1 FROM customers WHERE customer = given.column2) \
         AND NOT EXISTS (SELECT 1 FROM deleted_customers WHERE customer = given.column2)",
        lists(rows.len(), 2)
    );
    let values = rows
        .iter()
        .flat_map(|row| [text(row.org.as_str()), text(row.customer.as_str())]);
    let values: Vec<_> = values.collect();
    let found = value::fetch(connection, query, &values, &[Kind::Text]).await?;
    let id = |value| match value {
        Value::Text(id) => id,
        Value::Number(_) | Value::Bytes(_) => None,
    };
    Ok(found.into_iter().flatten().filter_map(id).collect())
}

async fn insert(
    connection: &mut Connection,
    rows: &[&NewMapping],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let organization = |row: &&NewMapping| {
        let name = row.name.as_deref().unwrap_or(row.org.as_str());
        [
            text(row.org.as_str()),
            text(name),
            Value::Number(Some(now.timestamp())),
        ]
    };
    let statement = "INSERT INTO organizations (id, name, created_at) VALUES ";
    let values: Vec<_> = rows.iter().flat_map(organization).collect();
    value::execute(
        connection,
        statement.to_owned() + &lists(rows.len(), 3),
        &values,
    )
    .await?;
    let mapping = |row: &&NewMapping| {
        let (state, source) = (
            CustomerState::Active.as_str(),
            MappingSource::Operator.as_str(),
        );
        [row.org.as_str(), row.customer.as_str(), state, source].map(text)
    };
    let statement = "INSERT INTO customers (organization_id, customer, state, source) VALUES ";
    let values: Vec<_> = rows.iter().flat_map(mapping).collect();
    value::execute(
        connection,
        statement.to_owned() + &lists(rows.len(), 4),
        &values,
    )
    .await
}

/// `($1, $2), ($3, $4)` and so on.
fn lists(rows: usize, columns: usize) -> String {
    let lists = (0..rows).map(|row| placeholders(row * columns, columns));
    lists.collect::<Vec<_>>().join(", ")
}

fn text(text: &str) -> Value {
    Value::Text(Some(text.to_owned()))
}
