-- The portal profile of this organization, a name in the settings. NULL: the default one.
ALTER TABLE organizations ADD COLUMN portal_profile TEXT COLLATE "C";

-- The portal configurations that the service created at Stripe for profiles; portal_configurations has the default one.
CREATE TABLE profile_configurations (
    mode    TEXT COLLATE "C" NOT NULL CHECK (mode IN ('live', 'test')),
    profile TEXT COLLATE "C" NOT NULL,
    id      TEXT NOT NULL,
    PRIMARY KEY (mode, profile)
);
