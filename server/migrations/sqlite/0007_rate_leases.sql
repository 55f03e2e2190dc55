-- The instances' shares of the calls to Stripe that the deployment may make, in millionths. An instance that does not
-- renew its lease loses its share. Times are milliseconds since 1970 by the clock of the database.
CREATE TABLE rate_leases (
    instance   TEXT    PRIMARY KEY NOT NULL,
    share      INTEGER NOT NULL,
    -- What it would use if it could.
    wanted     INTEGER NOT NULL,
    renewed_at INTEGER NOT NULL
) STRICT;
