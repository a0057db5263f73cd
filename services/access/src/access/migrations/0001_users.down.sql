DROP TABLE data_keys;
DROP TABLE user_roles;
DROP TABLE users;
