DROP TABLE quotas;
DROP TABLE secrets;
DROP TABLE api_keys;
