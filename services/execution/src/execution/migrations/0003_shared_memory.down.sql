DROP FUNCTION recall_answer;
DROP TABLE cache_fills;
DROP INDEX cache_entries_blueprint;
ALTER TABLE cache_entries
    DROP COLUMN blueprint_id, DROP COLUMN node_id, DROP COLUMN took_ms, DROP COLUMN tokens, DROP COLUMN cost;
DROP FUNCTION charge_tokens;
DROP FUNCTION take_places;
DROP TABLE rate_reservations;
ALTER TABLE rate_limits DROP COLUMN typical, ADD COLUMN refused boolean NOT NULL DEFAULT false;
ALTER TABLE rate_limits ALTER COLUMN refused DROP DEFAULT;
DROP FUNCTION leave_section;
DROP FUNCTION enter_section;
DROP FUNCTION grant_places;
DROP TABLE section_tickets;
DROP TABLE section_owners;
DROP TABLE sections;
DROP SEQUENCE section_turns;
