-- Who may do what in a Wardline store on PostgreSQL. As the database's owner make the store and its cabinet
-- (`wardline vault status` does), then run this in the store's database, and again after each upgrade:
--
--     psql -d wardline -f deploy/postgres-roles.sql
--     CREATE USER hospital_engine PASSWORD '…' IN ROLE wardline_engine;
--     CREATE USER hospital_console PASSWORD '…' IN ROLE wardline_console;
--     CREATE USER hospital_privacy PASSWORD '…' IN ROLE wardline_reidentify;
--     CREATE USER hospital_auditor PASSWORD '…' IN ROLE wardline_readonly;
--
-- The owner alone changes tables and takes away what was audited: upgrades, `wardline vault rotate`, and
-- `wardline purge` once entries of the audit are past their years.
-- wardline_engine       `wardline run` and the commands of operators; reads no sealed identifier and no seal key
-- wardline_console      `wardline console` and `wardline user`: the same, and who may come with which roles
-- wardline_reidentify   `wardline reidentify serve`; reads those, no message and no effect
-- wardline_readonly     status and audit; reads no content, no effect, no sealed identifier, no key

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY[
    'wardline_engine', 'wardline_console', 'wardline_reidentify', 'wardline_readonly'
  ] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', name);
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name);
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', name);
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA public FROM %I', name);
    EXECUTE format('GRANT SELECT ON schema_version, keys, uses TO %I', name);
  END LOOP;
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;

-- The engine.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO wardline_engine;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO wardline_engine;
REVOKE INSERT, UPDATE, DELETE ON schema_version FROM wardline_engine;
REVOKE ALL ON tokens, seal_keys FROM wardline_engine;
GRANT INSERT ON tokens, seal_keys TO wardline_engine;
GRANT SELECT (token, domain, tenant, key_id, subject, created_at, merged_into, moved_to, erased_at)
  ON tokens TO wardline_engine;
GRANT UPDATE (sealed, merged_into, moved_to, erased_at) ON tokens TO wardline_engine;
GRANT SELECT (id, reader, made_at) ON seal_keys TO wardline_engine;
REVOKE UPDATE, DELETE ON audit, audit_checkpoints, activations FROM wardline_engine;
REVOKE DELETE ON editions FROM wardline_engine;
REVOKE ALL ON users, sessions, api_tokens FROM wardline_engine;

-- The console: what the engine's commands may, and the accounts. An engine that is taken over makes none.
GRANT wardline_engine TO wardline_console;
GRANT SELECT, INSERT, UPDATE ON users, api_tokens TO wardline_console;
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO wardline_console;

-- The cabinet, when it lies in this database.
DO $$
BEGIN
  IF to_regnamespace('wardline_cabinet') IS NOT NULL THEN
    GRANT USAGE ON SCHEMA wardline_cabinet TO wardline_engine, wardline_reidentify;
    GRANT SELECT ON ALL TABLES IN SCHEMA wardline_cabinet TO wardline_engine, wardline_reidentify;
    GRANT INSERT ON wardline_cabinet.erasures TO wardline_engine;
    -- Whoever destroys a key writes the table anew (VACUUM FULL), which PostgreSQL lets its owner only.
    GRANT wardline_engine TO CURRENT_USER;
    GRANT CREATE ON SCHEMA wardline_cabinet TO wardline_engine;
    ALTER TABLE wardline_cabinet.keys OWNER TO wardline_engine;
    REVOKE CREATE ON SCHEMA wardline_cabinet FROM wardline_engine;
  END IF;
END $$;

-- Re-identification.
GRANT SELECT ON tokens, seal_keys, lookups, merges, erasures, cabinets, audit, audit_head, audit_checkpoints, configured
  TO wardline_reidentify;
GRANT INSERT ON audit, audit_checkpoints TO wardline_reidentify;
GRANT INSERT, UPDATE ON audit_head TO wardline_reidentify;
GRANT SELECT (id) ON messages TO wardline_reidentify;
GRANT SELECT (key_id) ON contents TO wardline_reidentify;
GRANT SELECT (key_id) ON revisions TO wardline_reidentify;
GRANT SELECT (message_id, chain) ON versions TO wardline_reidentify;

-- Looking on.
GRANT SELECT (id, channel, type, state, received_at, answered, original, bytes, effects, step, reason, warnings)
  ON messages TO wardline_readonly;
GRANT SELECT (id, message_id, channel, destination, lane, state, attempts, due_at, settled_at)
  ON deliveries TO wardline_readonly;
GRANT SELECT ON audit, audit_checkpoints, erasures, configured, owed, pulse, activations, running
  TO wardline_readonly;
GRANT SELECT (number, digest, state, at, who, why, ticket, sites, decided_by, decided_at)
  ON editions TO wardline_readonly;
GRANT SELECT (message_id, revision, at, who, why) ON revisions TO wardline_readonly;
GRANT SELECT ON holds, alerts, notices, measures, latest TO wardline_readonly;
GRANT SELECT (number, at, who, state, gaps) ON checks TO wardline_readonly;
GRANT SELECT (number, check_number, state, at, who, why, ticket, decided_by, decided_at)
  ON repairs TO wardline_readonly;
GRANT SELECT (token, domain, tenant, created_at, merged_into, erased_at) ON tokens TO wardline_readonly;
