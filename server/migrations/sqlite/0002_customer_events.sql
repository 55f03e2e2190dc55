-- Whose word about the organization's customer was the last: when it was said (a link's own time, or `created` of
-- Stripe's event), and by which event. An older event that arrives late changes nothing.
ALTER TABLE organizations ADD COLUMN customer_as_of INTEGER NOT NULL DEFAULT 0;
ALTER TABLE organizations ADD COLUMN customer_event TEXT    NOT NULL DEFAULT '';

-- Mappings of before were made by operators, and no event of before speaks against them.
UPDATE organizations SET customer_as_of = CAST(strftime('%s', 'now') AS INTEGER)
    WHERE id IN (SELECT organization_id FROM customers);

-- Why a mapping is stale.
ALTER TABLE customers ADD COLUMN stale_reason TEXT CHECK (stale_reason IN ('missing_at_stripe', 'deleted'));
UPDATE customers SET stale_reason = 'missing_at_stripe' WHERE state = 'stale';

-- Customers that Stripe said were deleted: an event of before, arriving late, does not bring one back.
CREATE TABLE deleted_customers (
    customer    TEXT    PRIMARY KEY NOT NULL,
    received_at INTEGER NOT NULL
) STRICT;
CREATE INDEX deleted_customers_by_time ON deleted_customers (received_at);

-- Events that were applied, so that none is applied twice. Kept for longer than Stripe repeats them.
CREATE TABLE stripe_events (
    id          TEXT    PRIMARY KEY NOT NULL,
    received_at INTEGER NOT NULL
) STRICT;
CREATE INDEX stripe_events_by_time ON stripe_events (received_at);

-- Where `customer sync` was when it ended early; one row at most.
CREATE TABLE customer_sync (
    id       INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    -- The newest customer when it began, and the last one that was read. Stripe lists the newest first.
    newest   TEXT    NOT NULL,
    position TEXT    NOT NULL
) STRICT;

-- What failed on the walk so far.
CREATE TABLE customer_sync_failures (
    customer TEXT PRIMARY KEY NOT NULL,
    org      TEXT NOT NULL,
    problem  TEXT NOT NULL
) STRICT;
