-- What access says, as far as a run needs it: secrets, sealed as they were told, and quotas.

CREATE TABLE known_secrets (
    kind text NOT NULL,
    owner text NOT NULL,
    name text NOT NULL,
    sealed text NOT NULL,
    PRIMARY KEY (kind, owner, name)
);

CREATE TABLE known_quotas (
    kind text NOT NULL,
    owner text NOT NULL,
    position bigint NOT NULL,
    executions_per_day bigint,
    concurrent_executions bigint,
    tokens_per_day bigint,
    cost_per_day numeric,
    PRIMARY KEY (kind, owner)
);
COMMENT ON COLUMN known_quotas.position IS 'of the fact in the ledger of access: the later word counts';

-- What is used up under quotas. The counters are shared by all workers; each execution has a place under each quota
-- that it counts for, so that asking twice counts once, and what was lost on the way is given back.

CREATE TABLE quota_usage (
    kind text NOT NULL,
    owner text NOT NULL,
    day date NOT NULL,
    executions bigint NOT NULL DEFAULT 0,
    tokens bigint NOT NULL DEFAULT 0,
    cost numeric NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, owner, day)
);
CREATE INDEX quota_usage_day ON quota_usage (day);

CREATE TABLE quota_places (
    instance_id uuid NOT NULL,
    kind text NOT NULL,
    owner text NOT NULL,
    day date NOT NULL,
    counted boolean NOT NULL,
    live boolean NOT NULL DEFAULT true,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    tokens bigint NOT NULL DEFAULT 0,
    cost numeric NOT NULL DEFAULT 0,
    PRIMARY KEY (instance_id, kind, owner)
);
COMMENT ON COLUMN quota_places.counted IS 'whether it is an execution of its own; a child that its parent waits for is none';
COMMENT ON COLUMN quota_places.since IS 'when it was taken, or last changed between living and ended';
COMMENT ON COLUMN quota_places.tokens IS 'those that have been counted already';
CREATE INDEX quota_places_live ON quota_places (kind, owner) WHERE live AND counted;
CREATE INDEX quota_places_since ON quota_places (live, since);

CREATE FUNCTION take_quota(
    the_instance uuid, the_day date, the_kinds text[], the_owners text[], the_executions bigint[],
    the_concurrent bigint[], the_tokens bigint[], the_costs numeric[], is_counted boolean,
    OUT over_spot integer, OUT over_limit text
) LANGUAGE plpgsql AS $$
DECLARE
    used quota_usage;
    held bigint;
BEGIN
    -- Who waits for the lock sees what the one before has taken.
    FOR spot IN 1 .. cardinality(the_kinds) LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended('quota/' || the_kinds[spot] || '/' || the_owners[spot], 0));
    END LOOP;
    PERFORM 1 FROM quota_places WHERE instance_id = the_instance;
    IF FOUND THEN
        RETURN;
    END IF;
    FOR spot IN 1 .. cardinality(the_kinds) LOOP
        EXIT WHEN NOT is_counted;
        SELECT * INTO used FROM quota_usage
        WHERE kind = the_kinds[spot] AND owner = the_owners[spot] AND day = the_day;
        over_limit := CASE
            WHEN coalesce(used.executions, 0) >= the_executions[spot] THEN 'executions_per_day'
            WHEN coalesce(used.tokens, 0) >= the_tokens[spot] THEN 'tokens_per_day'
            WHEN coalesce(used.cost, 0) >= the_costs[spot] THEN 'cost_per_day'
        END;
        IF over_limit IS NULL AND the_concurrent[spot] IS NOT NULL THEN
            SELECT count(*) INTO held FROM quota_places
            WHERE kind = the_kinds[spot] AND owner = the_owners[spot] AND live AND counted;
            IF held >= the_concurrent[spot] THEN
                over_limit := 'concurrent_executions';
            END IF;
        END IF;
        IF over_limit IS NOT NULL THEN
            over_spot := spot;
            RETURN;
        END IF;
    END LOOP;
    FOR spot IN 1 .. cardinality(the_kinds) LOOP
        INSERT INTO quota_places (instance_id, kind, owner, day, counted)
        VALUES (the_instance, the_kinds[spot], the_owners[spot], the_day, is_counted);
        CONTINUE WHEN NOT is_counted;
        INSERT INTO quota_usage AS known (kind, owner, day, executions)
        VALUES (the_kinds[spot], the_owners[spot], the_day, 1)
        ON CONFLICT (kind, owner, day) DO UPDATE SET executions = known.executions + 1;
    END LOOP;
END
$$;

-- What a run has used in all, and whether it lives: told twice, it is counted once.
CREATE FUNCTION charge_quota(
    the_instance uuid, the_day date, all_tokens bigint, all_cost numeric, is_live boolean
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    place quota_places;
BEGIN
    FOR place IN SELECT * FROM quota_places WHERE instance_id = the_instance ORDER BY kind, owner FOR UPDATE LOOP
        UPDATE quota_places
        SET tokens = greatest(all_tokens, place.tokens), cost = greatest(all_cost, place.cost), live = is_live,
            since = CASE WHEN live = is_live THEN since ELSE clock_timestamp() END
        WHERE instance_id = place.instance_id AND kind = place.kind AND owner = place.owner;
        CONTINUE WHEN all_tokens <= place.tokens AND all_cost <= place.cost;
        INSERT INTO quota_usage AS known (kind, owner, day, tokens, cost)
        VALUES (place.kind, place.owner, the_day, greatest(all_tokens - place.tokens, 0),
                greatest(all_cost - place.cost, 0))
        ON CONFLICT (kind, owner, day) DO UPDATE
        SET tokens = known.tokens + excluded.tokens, cost = known.cost + excluded.cost;
    END LOOP;
END
$$;

-- Places whose execution was never recorded, because its worker died in between, are given back.
CREATE FUNCTION give_back_quota(the_seconds double precision) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    place quota_places;
    given integer := 0;
BEGIN
    FOR place IN
        SELECT * FROM quota_places AS lost
        WHERE live AND since < clock_timestamp() - make_interval(secs => the_seconds)
              AND NOT EXISTS (SELECT FROM events WHERE originator_id = lost.instance_id)
        ORDER BY kind, owner
    LOOP
        DELETE FROM quota_places
        WHERE instance_id = place.instance_id AND kind = place.kind AND owner = place.owner;
        IF FOUND THEN
            UPDATE quota_usage SET executions = greatest(executions - 1, 0)
            WHERE kind = place.kind AND owner = place.owner AND day = place.day AND place.counted;
            given := given + 1;
        END IF;
    END LOOP;
    RETURN given;
END
$$;
