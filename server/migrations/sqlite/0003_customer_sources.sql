-- Who made a mapping: an operator, by a command, or Stripe, by an event or a sync. Stripe's events never replace an
-- operator's active mapping.
ALTER TABLE customers ADD COLUMN source TEXT NOT NULL DEFAULT 'operator' CHECK (source IN ('operator', 'stripe'));

-- Stripe's living customers that name an organization. The one that was created last at Stripe is the organization's
-- customer, unless an operator linked another.
CREATE TABLE customer_claims (
    customer         TEXT    PRIMARY KEY NOT NULL,
    organization_id  TEXT    NOT NULL REFERENCES organizations (id),
    -- When Stripe created the customer; NULL if only a checkout named it.
    customer_created INTEGER,
    -- When the claim was true: the time and the id of the newest event, or the time of a sync.
    known_at         INTEGER NOT NULL,
    event            TEXT    NOT NULL
) STRICT;
CREATE INDEX customer_claims_by_organization ON customer_claims (organization_id);

-- What an operator has to decide.
CREATE TABLE customer_conflicts (
    organization_id TEXT    NOT NULL REFERENCES organizations (id),
    -- The customer that names the organization.
    customer        TEXT    NOT NULL,
    -- The customer or the organization that it conflicts with.
    other           TEXT    NOT NULL,
    reason          TEXT    NOT NULL CHECK (reason IN ('another_customer', 'another_organization')),
    seen_at         INTEGER NOT NULL,
    resolved_at     INTEGER,
    PRIMARY KEY (organization_id, customer, other, reason)
) STRICT;
