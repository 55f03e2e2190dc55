-- The portal configuration that the service created at Stripe, in each mode. It is retrieved by its id instead of being
-- searched for among all that the account has.
CREATE TABLE portal_configurations (
    mode TEXT PRIMARY KEY NOT NULL CHECK (mode IN ('live', 'test')),
    id   TEXT NOT NULL
) STRICT;
