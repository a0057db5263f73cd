-- A name is told to those alone who may see the blueprint now. Names are read anew: nobody remembered whose they are.
ALTER TABLE blueprint_names
    ADD COLUMN owner_id   text,
    ADD COLUMN team_id    text,
    ADD COLUMN visibility text;
DELETE FROM blueprint_names;
UPDATE checkpoints SET position = 0 WHERE projection = 'blueprint_names';
