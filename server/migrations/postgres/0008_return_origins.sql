-- The origins to which return URLs of this organization may lead, separated by single spaces; an origin contains none. Empty:
-- those of the operator's list.
ALTER TABLE organizations ADD COLUMN return_origins TEXT NOT NULL DEFAULT '';
