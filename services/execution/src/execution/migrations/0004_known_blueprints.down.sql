DROP TABLE known_blueprints;
