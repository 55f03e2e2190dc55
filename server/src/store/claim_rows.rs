//! Which organization each of Stripe's customers names, as the database has it.

use super::{
    connection::Connection,
    mapping::UnixSeconds,
    statement::{execute, fetch_optional},
};
use crate::ids::{CustomerId, OrganizationId};

/// A customer that names an organization, as an event or a sync reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The organization.
    pub org: OrganizationId,
    /// The customer.
    pub customer: CustomerId,
    /// When Stripe created the customer; `None` if a checkout names it, which does not say.
    pub customer_created: Option<UnixSeconds>,
}

/// When a claim was true, by Stripe's clock, and by which event; `""` for a sync.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence<'a> {
    pub(super) known_at: UnixSeconds,
    pub(super) event: &'a str,
    /// The time that is compared with the operator's last command about the organization.
    pub(super) happened_at: UnixSeconds,
}

/// A claim that is recorded, withdrawn or not.
pub(super) struct RecordedClaim {
    pub(super) org: OrganizationId,
    pub(super) known_at: UnixSeconds,
    pub(super) is_withdrawn: bool,
    /// Whether the customer's metadata name the organization, not only a checkout.
    pub(super) is_by_metadata: bool,
}

/// What is recorded about the customer.
pub(super) async fn find_claim(
    connection: &mut Connection,
    customer: &CustomerId,
) -> Result<Option<RecordedClaim>, sqlx::Error> {
    let row: Option<(String, i64, i64, Option<i64>)> = fetch_optional!(
        connection,
        "SELECT organization_id, known_at, withdrawn, customer_created FROM customer_claims WHERE customer = $1",
        customer.as_str(),
    )?;
    Ok(row.map(
        |(org, known_at, withdrawn, customer_created)| RecordedClaim {
            org: OrganizationId::from_stored(org),
            known_at: UnixSeconds(known_at),
            is_withdrawn: withdrawn != 0,
            is_by_metadata: customer_created.is_some(),
        },
    ))
}

/// Records the claim. `false` if something newer is known about the customer. Events of the same second are ordered by
/// id, so that every instance picks the same one.
pub(super) async fn record_claim(
    connection: &mut Connection,
    claim: &Claim,
    evidence: Evidence<'_>,
) -> Result<bool, sqlx::Error> {
    let recorded = execute!(
        connection,
        "INSERT INTO customer_claims (customer, organization_id, customer_created, known_at, event) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (customer) DO UPDATE SET \
         organization_id = excluded.organization_id, known_at = excluded.known_at, event = excluded.event, \
         customer_created = excluded.customer_created, withdrawn = 0 \
         WHERE customer_claims.known_at < excluded.known_at \
         OR (customer_claims.known_at = excluded.known_at AND customer_claims.event <= excluded.event)",
        claim.customer.as_str(),
        claim.org.as_str(),
        claim.customer_created.map(|created| created.0),
        evidence.known_at.0,
        evidence.event,
    )?;
    Ok(recorded == 1)
}

/// Records that the customer no longer names the organization. `false` if something newer is known about the customer,
/// or if there is no such organization. Without the time of creation, what a checkout says later is not taken for
/// metadata.
pub(super) async fn record_withdrawal(
    connection: &mut Connection,
    customer: &CustomerId,
    org: &OrganizationId,
    evidence: Evidence<'_>,
) -> Result<bool, sqlx::Error> {
    let recorded = execute!(
        connection,
        "INSERT INTO customer_claims (customer, organization_id, known_at, event, withdrawn) \
         SELECT $1, id, $3, $4, 1 FROM organizations WHERE id = $2 ON CONFLICT (customer) DO UPDATE SET \
         customer_created = NULL, known_at = excluded.known_at, event = excluded.event, withdrawn = 1 \
         WHERE customer_claims.known_at < excluded.known_at \
         OR (customer_claims.known_at = excluded.known_at AND customer_claims.event <= excluded.event)",
        customer.as_str(),
        org.as_str(),
        evidence.known_at.0,
        evidence.event,
    )?;
    Ok(recorded == 1)
}

/// The customer that Stripe created last, by its own time and then by its id, so that every instance picks the same.
/// A customer that another organization has does not count.
pub(super) async fn newest_claim(
    connection: &mut Connection,
    org: &OrganizationId,
) -> Result<Option<CustomerId>, sqlx::Error> {
    let newest: Option<(String,)> = fetch_optional!(
        connection,
        "SELECT customer FROM customer_claims WHERE organization_id = $1 AND withdrawn = 0 AND NOT EXISTS \
         (SELECT 1 FROM customers m WHERE m.customer = customer_claims.customer AND m.organization_id <> $1) \
         ORDER BY COALESCE(customer_created, -1) DESC, customer DESC LIMIT 1",
        org.as_str(),
    )?;
    Ok(newest.map(|(customer,)| CustomerId::from_stored(customer)))
}

/// Removes the customer's claim. One that was withdrawn stays, because an older event may still arrive.
pub(super) async fn delete_claim(
    connection: &mut Connection,
    customer: &CustomerId,
) -> Result<(), sqlx::Error> {
    execute!(
        connection,
        "DELETE FROM customer_claims WHERE customer = $1 AND withdrawn = 0",
        customer.as_str(),
    )?;
    Ok(())
}

/// Ends the claims on an organization: an operator removed its customer. The rows stay, so that an older event, about
/// another organization too, does not make a claim.
pub(super) async fn withdraw_claims(
    connection: &mut Connection,
    org: &OrganizationId,
) -> Result<(), sqlx::Error> {
    execute!(
        connection,
        "UPDATE customer_claims SET withdrawn = 1, customer_created = NULL WHERE organization_id = $1",
        org.as_str(),
    )?;
    Ok(())
}
