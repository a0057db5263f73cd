DROP TABLE dead_letters;
DROP TABLE relay;
DROP TABLE checkpoints;
