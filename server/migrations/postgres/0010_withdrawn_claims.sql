-- 1: the customer names another organization now, or none. The row stays, so that an older event, which may arrive later,
-- does not make the claim again.
ALTER TABLE customer_claims ADD COLUMN withdrawn BIGINT NOT NULL DEFAULT 0 CHECK (withdrawn IN (0, 1));
