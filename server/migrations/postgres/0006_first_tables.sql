-- The same tables, columns and meanings as those of SQLite after its migration of this number.
-- Points in time are seconds since 1970 in UTC; days are `YYYY-MM-DD`. Ids are compared byte by byte, as SQLite does.

CREATE TABLE organizations (
    id             TEXT   COLLATE "C" PRIMARY KEY NOT NULL,
    name           TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    -- When an operator last decided which customer the organization has. Older events change nothing.
    customer_as_of BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE api_keys (
    id              TEXT   COLLATE "C" PRIMARY KEY NOT NULL,
    organization_id TEXT   COLLATE "C" NOT NULL REFERENCES organizations (id),
    -- The SHA-256 of the key; the key itself is never stored.
    hash            BYTEA  NOT NULL UNIQUE,
    -- NULL: the key was created before this column and has not been used since.
    mode            TEXT   CHECK (mode IN ('live', 'test')),
    name            TEXT,
    -- Separated by single spaces; a scope contains none.
    scopes          TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT,
    revoked_at      BIGINT,
    last_used_on    TEXT
);
CREATE INDEX api_keys_by_organization ON api_keys (organization_id);

CREATE TABLE customers (
    organization_id TEXT COLLATE "C" PRIMARY KEY NOT NULL REFERENCES organizations (id),
    -- A customer belongs to one organization only.
    customer        TEXT COLLATE "C" NOT NULL UNIQUE,
    state           TEXT NOT NULL CHECK (state IN ('active', 'stale')),
    stale_reason    TEXT CHECK (stale_reason IN ('missing_at_stripe', 'deleted')),
    -- Who made the mapping: an operator, by a command, or Stripe, by an event or a sync.
    source          TEXT NOT NULL DEFAULT 'operator' CHECK (source IN ('operator', 'stripe'))
);

-- Stripe's living customers that name an organization.
CREATE TABLE customer_claims (
    customer         TEXT   COLLATE "C" PRIMARY KEY NOT NULL,
    organization_id  TEXT   COLLATE "C" NOT NULL REFERENCES organizations (id),
    -- When Stripe created the customer; NULL if only a checkout named it.
    customer_created BIGINT,
    -- When the claim was true: the time and the id of the newest event, or the time of a sync.
    known_at         BIGINT NOT NULL,
    event            TEXT   COLLATE "C" NOT NULL
);
CREATE INDEX customer_claims_by_organization ON customer_claims (organization_id);

-- What an operator has to decide.
CREATE TABLE customer_conflicts (
    organization_id TEXT   COLLATE "C" NOT NULL REFERENCES organizations (id),
    customer        TEXT   COLLATE "C" NOT NULL,
    -- The customer or the organization that it conflicts with.
    other           TEXT   COLLATE "C" NOT NULL,
    reason          TEXT   NOT NULL CHECK (reason IN ('another_customer', 'another_organization')),
    seen_at         BIGINT NOT NULL,
    resolved_at     BIGINT,
    PRIMARY KEY (organization_id, customer, other, reason)
);

-- Customers that Stripe said were deleted.
CREATE TABLE deleted_customers (
    customer    TEXT   COLLATE "C" PRIMARY KEY NOT NULL,
    received_at BIGINT NOT NULL
);
CREATE INDEX deleted_customers_by_time ON deleted_customers (received_at);

-- Events that were applied, so that none is applied twice. Kept for longer than Stripe repeats them.
CREATE TABLE stripe_events (
    id          TEXT   COLLATE "C" PRIMARY KEY NOT NULL,
    received_at BIGINT NOT NULL
);
CREATE INDEX stripe_events_by_time ON stripe_events (received_at);

-- Where `customer sync` was when it ended early; one row at most. Stripe lists the newest first.
CREATE TABLE customer_sync (
    id       BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    newest   TEXT   NOT NULL,
    position TEXT   NOT NULL
);

-- What failed in the sync so far.
CREATE TABLE customer_sync_failures (
    customer TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    org      TEXT NOT NULL,
    problem  TEXT NOT NULL
);

-- The portal configuration that the service created at Stripe, in each mode.
CREATE TABLE portal_configurations (
    mode TEXT COLLATE "C" PRIMARY KEY NOT NULL CHECK (mode IN ('live', 'test')),
    id   TEXT NOT NULL
);

-- How often the tables were changed. Every writer raises the counter, which is also the lock that lets one writer at a
-- time decide. One row.
CREATE TABLE changes (
    id      BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    counter BIGINT NOT NULL
);
INSERT INTO changes (id, counter) VALUES (1, 0);
