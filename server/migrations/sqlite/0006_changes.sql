-- How often the tables were changed. Every writer raises the counter, and every instance reads it to learn that what it
-- has cached may be out of date. One row.
CREATE TABLE changes (
    id      INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    counter INTEGER NOT NULL
) STRICT;
INSERT INTO changes (id, counter) VALUES (1, 0);

-- The event that last changed an organization's customer: the claims have that since 0003.
ALTER TABLE organizations DROP COLUMN customer_event;
