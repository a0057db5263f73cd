ALTER TABLE blueprint_names
    DROP COLUMN owner_id,
    DROP COLUMN team_id,
    DROP COLUMN visibility;
