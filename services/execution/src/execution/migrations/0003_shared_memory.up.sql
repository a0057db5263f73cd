-- What the middleware of all workers share. Each function is one round trip, and locks one row first, so that
-- whoever waits for it sees what the one before has done.

-- Critical sections: tickets queue for places, first come first served within an owner, and among owners the one who
-- was served longest ago goes first.

CREATE SEQUENCE section_turns;

CREATE TABLE sections (
    section_key text PRIMARY KEY,
    held integer NOT NULL DEFAULT 0
);

CREATE TABLE section_owners (
    section_key text NOT NULL REFERENCES sections ON DELETE CASCADE,
    owner text NOT NULL,
    waiting integer NOT NULL DEFAULT 0,
    served bigint NOT NULL DEFAULT 0,
    came bigint NOT NULL DEFAULT nextval('section_turns'),
    PRIMARY KEY (section_key, owner)
);
CREATE INDEX section_owners_next ON section_owners (section_key, served, came) WHERE waiting > 0;

CREATE TABLE section_tickets (
    ticket_id uuid PRIMARY KEY,
    section_key text NOT NULL REFERENCES sections,
    places integer NOT NULL,
    owner text NOT NULL,
    instance_id uuid NOT NULL,
    node_id text,
    visit integer,
    scope text NOT NULL,
    number bigint NOT NULL DEFAULT nextval('section_turns'),
    granted_at timestamptz,
    told boolean NOT NULL DEFAULT false,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    looked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX section_tickets_queue ON section_tickets (section_key, owner, number) WHERE granted_at IS NULL;
CREATE INDEX section_tickets_untold ON section_tickets (granted_at) WHERE granted_at IS NOT NULL AND NOT told;
CREATE INDEX section_tickets_looked_at ON section_tickets (looked_at);
CREATE INDEX section_tickets_instance ON section_tickets (instance_id);

CREATE FUNCTION grant_places(the_section text) RETURNS SETOF section_tickets LANGUAGE plpgsql AS $$
DECLARE
    following section_tickets;
BEGIN
    LOOP
        SELECT ticket.* INTO following
        FROM section_owners AS queue
        CROSS JOIN LATERAL (
            SELECT * FROM section_tickets AS waiting
            WHERE waiting.section_key = queue.section_key AND waiting.owner = queue.owner
                  AND waiting.granted_at IS NULL
            ORDER BY waiting.number LIMIT 1
        ) AS ticket
        WHERE queue.section_key = the_section AND queue.waiting > 0
        ORDER BY queue.served, queue.came LIMIT 1;
        EXIT WHEN NOT FOUND;
        UPDATE sections SET held = held + 1 WHERE section_key = the_section AND held < following.places;
        EXIT WHEN NOT FOUND;
        UPDATE section_owners SET waiting = waiting - 1, served = nextval('section_turns')
        WHERE section_key = the_section AND owner = following.owner;
        UPDATE section_tickets SET granted_at = clock_timestamp()
        WHERE ticket_id = following.ticket_id RETURNING * INTO following;
        RETURN NEXT following;
    END LOOP;
END
$$;

CREATE FUNCTION enter_section(
    the_ticket uuid, the_section text, the_places integer, the_owner text,
    the_instance uuid, the_node text, the_visit integer, the_scope text
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    inside boolean;
BEGIN
    INSERT INTO sections (section_key) VALUES (the_section)
    ON CONFLICT (section_key) DO UPDATE SET held = sections.held;
    INSERT INTO section_tickets (ticket_id, section_key, places, owner, instance_id, node_id, visit, scope)
    VALUES (the_ticket, the_section, the_places, the_owner, the_instance, the_node, the_visit, the_scope)
    ON CONFLICT (ticket_id) DO NOTHING;
    IF FOUND THEN
        INSERT INTO section_owners AS known (section_key, owner, waiting) VALUES (the_section, the_owner, 1)
        ON CONFLICT (section_key, owner) DO UPDATE SET waiting = known.waiting + 1;
        PERFORM grant_places(the_section);
    END IF;
    -- Whoever asks records the entry itself: nobody else needs to tell it.
    UPDATE section_tickets SET told = true WHERE ticket_id = the_ticket AND granted_at IS NOT NULL
    RETURNING true INTO inside;
    RETURN coalesce(inside, false);
END
$$;

CREATE FUNCTION leave_section(the_ticket uuid) RETURNS SETOF section_tickets LANGUAGE plpgsql AS $$
DECLARE
    left_one section_tickets;
    the_section text;
BEGIN
    SELECT section_key INTO the_section FROM section_tickets WHERE ticket_id = the_ticket;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM 1 FROM sections WHERE section_key = the_section FOR UPDATE;
    DELETE FROM section_tickets WHERE ticket_id = the_ticket RETURNING * INTO left_one;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF left_one.granted_at IS NULL THEN
        UPDATE section_owners SET waiting = waiting - 1 WHERE section_key = the_section AND owner = left_one.owner;
    ELSE
        UPDATE sections SET held = held - 1 WHERE section_key = the_section;
    END IF;
    RETURN QUERY SELECT * FROM grant_places(the_section);
    DELETE FROM sections WHERE section_key = the_section AND held = 0
        AND NOT EXISTS (SELECT 1 FROM section_tickets WHERE section_key = the_section);
END
$$;

-- Rate limits: `arrives_at` is when everything let in so far would have arrived at an even pace. What counts tokens
-- takes what is typical (`typical`, a moving average) when it begins and is corrected when it is known.

ALTER TABLE rate_limits DROP COLUMN refused, ADD COLUMN typical double precision;

CREATE TABLE rate_reservations (
    place text NOT NULL,
    limit_key text NOT NULL,
    tokens double precision NOT NULL,
    spacing double precision NOT NULL,
    due_at timestamptz NOT NULL,
    PRIMARY KEY (place, limit_key)
);
CREATE INDEX rate_reservations_due ON rate_reservations (due_at);

CREATE FUNCTION take_places(
    the_keys text[], the_spacings double precision[], the_windows double precision[], the_patience double precision[],
    the_counts_tokens boolean[], the_place text, OUT refused boolean, OUT wait double precision, OUT by_key text
) LANGUAGE plpgsql AS $$
DECLARE
    known rate_limits;
    instant timestamptz;
    units double precision[] := '{}';
    over double precision;
    reserved_until timestamptz;
BEGIN
    refused := false;
    wait := 0;
    INSERT INTO rate_limits (limit_key, arrives_at) SELECT asked, clock_timestamp() FROM unnest(the_keys) AS asked
    ON CONFLICT (limit_key) DO NOTHING;
    FOR spot IN 1 .. cardinality(the_keys) LOOP
        SELECT * INTO known FROM rate_limits WHERE limit_key = the_keys[spot] FOR UPDATE;
        instant := clock_timestamp();
        reserved_until := NULL;
        units[spot] := 1;
        IF the_counts_tokens[spot] THEN
            SELECT due_at INTO reserved_until FROM rate_reservations
            WHERE place = the_place AND limit_key = the_keys[spot];
            units[spot] := least(coalesce(known.typical, 1), the_windows[spot] / the_spacings[spot]);
        END IF;
        IF reserved_until IS NOT NULL THEN
            units[spot] := 0;
            over := extract(epoch FROM reserved_until - instant);
        ELSE
            over := greatest(extract(epoch FROM known.arrives_at - instant), 0)
                + the_spacings[spot] * units[spot] - the_windows[spot];
        END IF;
        -- Who may wait is let in later; a microsecond is the clock's own error.
        IF over > greatest(the_patience[spot], 0.000001) AND reserved_until IS NULL THEN
            IF NOT refused OR over > wait THEN
                by_key := the_keys[spot];
                wait := over;
            END IF;
            refused := true;
        ELSIF NOT refused AND (by_key IS NULL OR over > wait) THEN
            by_key := the_keys[spot];
            wait := greatest(over, 0);
        END IF;
    END LOOP;
    IF refused THEN
        RETURN;
    END IF;
    FOR spot IN 1 .. cardinality(the_keys) LOOP
        CONTINUE WHEN units[spot] = 0;
        UPDATE rate_limits
        SET arrives_at = greatest(arrives_at, clock_timestamp())
            + make_interval(secs => the_spacings[spot] * units[spot])
        WHERE limit_key = the_keys[spot];
        IF the_counts_tokens[spot] THEN
            INSERT INTO rate_reservations (place, limit_key, tokens, spacing, due_at)
            VALUES (the_place, the_keys[spot], units[spot], the_spacings[spot],
                    clock_timestamp() + make_interval(secs => wait));
        END IF;
    END LOOP;
END
$$;

CREATE FUNCTION charge_tokens(the_place text, the_tokens double precision) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    taken rate_reservations;
BEGIN
    FOR taken IN SELECT * FROM rate_reservations WHERE place = the_place ORDER BY limit_key COLLATE "C" LOOP
        UPDATE rate_limits
        SET arrives_at = CASE WHEN the_tokens > taken.tokens THEN greatest(arrives_at, clock_timestamp())
                ELSE arrives_at END + make_interval(secs => taken.spacing * (the_tokens - taken.tokens)),
            typical = coalesce(typical * 0.8 + the_tokens * 0.2, the_tokens)
        WHERE limit_key = taken.limit_key;
    END LOOP;
    DELETE FROM rate_reservations WHERE place = the_place;
END
$$;

-- The memory of answers: what giving them took, and who is working out the ones that are missing.

DELETE FROM cache_entries;
ALTER TABLE cache_entries
    ADD COLUMN blueprint_id uuid NOT NULL,
    ADD COLUMN node_id text,
    ADD COLUMN took_ms double precision NOT NULL,
    ADD COLUMN tokens bigint NOT NULL,
    ADD COLUMN cost numeric NOT NULL;
CREATE INDEX cache_entries_blueprint ON cache_entries (blueprint_id, node_id);

CREATE TABLE cache_fills (
    cache_key text PRIMARY KEY,
    filler uuid NOT NULL,
    blueprint_id uuid NOT NULL,
    node_id text,
    began_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX cache_fills_expiry ON cache_fills (expires_at);
CREATE INDEX cache_fills_blueprint ON cache_fills (blueprint_id, node_id);

CREATE FUNCTION recall_answer(
    the_key text, the_filler uuid, the_blueprint uuid, the_node text, the_lease double precision,
    OUT output bytea, OUT instance_id uuid, OUT took_ms double precision, OUT tokens bigint, OUT cost numeric,
    OUT awaited double precision
) LANGUAGE plpgsql AS $$
DECLARE
    filling cache_fills;
BEGIN
    FOR attempt IN 1 .. 2 LOOP
        SELECT entry.output, entry.instance_id, entry.took_ms, entry.tokens, entry.cost
        INTO output, instance_id, took_ms, tokens, cost
        FROM cache_entries AS entry WHERE entry.cache_key = the_key AND entry.expires_at > clock_timestamp();
        IF FOUND THEN
            -- It was stored between the first look and the lease: nobody needs to work it out.
            DELETE FROM cache_fills WHERE attempt = 2 AND cache_key = the_key AND filler = the_filler;
            RETURN;
        END IF;
        EXIT WHEN attempt = 2;
        INSERT INTO cache_fills AS known (cache_key, filler, blueprint_id, node_id, began_at, expires_at)
        VALUES (the_key, the_filler, the_blueprint, the_node, clock_timestamp(),
                clock_timestamp() + make_interval(secs => the_lease))
        ON CONFLICT (cache_key) DO UPDATE
        SET filler = excluded.filler, began_at = excluded.began_at, expires_at = excluded.expires_at
        WHERE known.filler = excluded.filler OR known.expires_at <= clock_timestamp();
        IF NOT FOUND THEN
            SELECT * INTO filling FROM cache_fills WHERE cache_key = the_key;
            awaited := greatest(extract(epoch FROM clock_timestamp() - filling.began_at), 0);
            awaited := coalesce(awaited, 0);
            RETURN;
        END IF;
    END LOOP;
END
$$;
