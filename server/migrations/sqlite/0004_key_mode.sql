-- The mode of the key, which only its text has and the text is not stored. NULL: the key was created before this column
-- and has not been used since.
ALTER TABLE api_keys ADD COLUMN mode TEXT CHECK (mode IN ('live', 'test'));
