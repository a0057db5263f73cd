DROP FUNCTION give_back_quota, charge_quota, take_quota;
DROP TABLE quota_places, quota_usage, known_quotas, known_secrets;
