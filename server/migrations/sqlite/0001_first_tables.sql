-- Points in time are seconds since 1970 in UTC; days are `YYYY-MM-DD`.

CREATE TABLE organizations (
    id         TEXT    PRIMARY KEY NOT NULL,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
    id              TEXT    PRIMARY KEY NOT NULL,
    organization_id TEXT    NOT NULL REFERENCES organizations (id),
    -- The SHA-256 of the key; the key itself is never stored.
    hash            BLOB    NOT NULL UNIQUE,
    name            TEXT,
    -- Separated by single spaces; a scope contains none.
    scopes          TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER,
    revoked_at      INTEGER,
    last_used_on    TEXT
) STRICT;

CREATE INDEX api_keys_by_organization ON api_keys (organization_id);

CREATE TABLE customers (
    organization_id TEXT    PRIMARY KEY NOT NULL REFERENCES organizations (id),
    -- A customer belongs to one organization only.
    customer        TEXT    NOT NULL UNIQUE,
    state           TEXT    NOT NULL CHECK (state IN ('active', 'stale'))
) STRICT;
