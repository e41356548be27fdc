-- The results store. What one run saw goes by run_id; texts that come back from run to run (names of
-- queries, statements) are kept once. Times are milliseconds, sizes bytes. Values of parameters are in
-- no column unless the record was made with --keep-values.

CREATE TABLE dbproof.runs (
    run_id text PRIMARY KEY,
    -- Empty where dbproof.toml gives the project no name.
    project text NOT NULL,
    started_at timestamptz NOT NULL,
    duration_ms double precision NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('pass', 'fail', 'inconclusive')),
    errors bigint NOT NULL,
    warnings bigint NOT NULL,
    infos bigint NOT NULL,
    -- The seed is 64 bits without a sign.
    seed numeric(20) NOT NULL,
    tool_version text NOT NULL,
    git_commit text,
    git_branch text,
    git_dirty boolean,
    host_cores bigint NOT NULL,
    host_os text NOT NULL,
    host_load double precision,
    server_engine text NOT NULL,
    server_version text NOT NULL,
    server_ephemeral boolean NOT NULL,
    server_settings jsonb NOT NULL,
    exported_at timestamptz NOT NULL
);
CREATE INDEX runs_by_project ON dbproof.runs (project, started_at);
CREATE INDEX runs_by_time ON dbproof.runs (started_at);

CREATE TABLE dbproof.scenarios (
    run_id text NOT NULL REFERENCES dbproof.runs ON DELETE CASCADE,
    scenario text NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('pass', 'fail', 'inconclusive')),
    PRIMARY KEY (run_id, scenario)
);

-- The monitored queries of each project.
CREATE TABLE dbproof.queries (
    query_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project text NOT NULL,
    name text NOT NULL,
    UNIQUE (project, name)
);

-- Statements without their values.
CREATE TABLE dbproof.templates (
    template_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- An index holds no text of any length, so the text's digest is what is unique.
    sha256 text NOT NULL UNIQUE,
    template text NOT NULL
);

CREATE TABLE dbproof.findings (
    run_id text NOT NULL REFERENCES dbproof.runs ON DELETE CASCADE,
    -- The place among the run's findings, the most severe first, from 1.
    position bigint NOT NULL,
    code text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('error', 'warning', 'info')),
    scenario text NOT NULL,
    subject text NOT NULL,
    title text NOT NULL,
    message text NOT NULL,
    file text,
    line bigint,
    evidence jsonb NOT NULL,
    remedy text,
    remedy_sql text,
    PRIMARY KEY (run_id, position)
);
CREATE INDEX findings_by_code ON dbproof.findings (code, run_id);

CREATE TABLE dbproof.slow_results (
    run_id text NOT NULL REFERENCES dbproof.runs ON DELETE CASCADE,
    query_id bigint NOT NULL REFERENCES dbproof.queries,
    verdict text NOT NULL,
    samples bigint NOT NULL,
    errors bigint NOT NULL,
    avg_ms double precision,
    p50_ms double precision,
    p95_ms double precision,
    p99_ms double precision,
    max_ms double precision,
    stddev_ms double precision,
    server_ms double precision,
    throughput_per_s double precision,
    -- The statistic that the threshold is held against, with its 99 % bounds.
    statistic text NOT NULL,
    measured_ms double precision,
    low_ms double precision,
    high_ms double precision,
    threshold_ms double precision NOT NULL,
    PRIMARY KEY (run_id, query_id)
);
CREATE INDEX slow_results_by_query ON dbproof.slow_results (query_id, run_id);

-- The change that regress tested.
CREATE TABLE dbproof.changes (
    run_id text PRIMARY KEY REFERENCES dbproof.runs ON DELETE CASCADE,
    change text NOT NULL,
    statements bigint NOT NULL,
    duration_ms double precision,
    wal_bytes bigint
);

CREATE TABLE dbproof.regress_results (
    run_id text NOT NULL REFERENCES dbproof.runs ON DELETE CASCADE,
    query_id bigint NOT NULL REFERENCES dbproof.queries,
    verdict text NOT NULL,
    parameter_set text,
    reasons text NOT NULL,
    -- After divided by before.
    time_ratio double precision,
    time_ratio_low double precision,
    time_ratio_high double precision,
    blocks_ratio double precision,
    cost_ratio double precision,
    timing text,
    before_blocks bigint,
    after_blocks bigint,
    before_temp_blocks bigint,
    after_temp_blocks bigint,
    before_rows double precision,
    after_rows double precision,
    before_execution_ms double precision,
    after_execution_ms double precision,
    before_cost double precision,
    after_cost double precision,
    before_shape text,
    after_shape text,
    PRIMARY KEY (run_id, query_id)
);
CREATE INDEX regress_results_by_query ON dbproof.regress_results (query_id, run_id);

CREATE TABLE dbproof.plan_changes (
    run_id text NOT NULL,
    query_id bigint NOT NULL,
    position bigint NOT NULL,
    kind text NOT NULL,
    effect text NOT NULL,
    relation text,
    was text,
    became text,
    PRIMARY KEY (run_id, query_id, position),
    FOREIGN KEY (run_id, query_id) REFERENCES dbproof.regress_results ON DELETE CASCADE
);

-- What nplusone and watch captured.
CREATE TABLE dbproof.captures (
    run_id text NOT NULL REFERENCES dbproof.runs ON DELETE CASCADE,
    scenario text NOT NULL CHECK (scenario IN ('nplusone', 'watch')),
    sessions bigint NOT NULL,
    executions bigint NOT NULL,
    complete boolean NOT NULL,
    dropped bigint NOT NULL,
    PRIMARY KEY (run_id, scenario)
);

CREATE TABLE dbproof.nplusone_groups (
    run_id text NOT NULL REFERENCES dbproof.runs ON DELETE CASCADE,
    -- The place among the run's groups, the worst first, from 1.
    position bigint NOT NULL,
    template_id bigint NOT NULL REFERENCES dbproof.templates,
    verdict text NOT NULL,
    executions bigint NOT NULL,
    distinct_values bigint NOT NULL,
    sessions bigint NOT NULL,
    units bigint NOT NULL,
    parent_template_id bigint REFERENCES dbproof.templates,
    parent_rows bigint,
    parent_column text,
    looped_ms double precision,
    batched_ms double precision,
    remedy text NOT NULL,
    remedy_sql text,
    -- Why it is left alone, where the configuration says so.
    ignored text,
    PRIMARY KEY (run_id, position)
);
CREATE INDEX nplusone_groups_by_template ON dbproof.nplusone_groups (template_id);
CREATE INDEX nplusone_groups_by_parent ON dbproof.nplusone_groups (parent_template_id);

CREATE TABLE dbproof.watched_statements (
    run_id text NOT NULL REFERENCES dbproof.runs ON DELETE CASCADE,
    -- The place among the run's statements, the most time first, from 1.
    position bigint NOT NULL,
    template_id bigint NOT NULL REFERENCES dbproof.templates,
    executions bigint NOT NULL,
    rows bigint NOT NULL,
    total_ms double precision NOT NULL,
    avg_ms double precision NOT NULL,
    p95_ms double precision,
    max_ms double precision,
    share double precision NOT NULL,
    PRIMARY KEY (run_id, position)
);
CREATE INDEX watched_statements_by_template ON dbproof.watched_statements (template_id);

CREATE TABLE dbproof.deadlock_shapes (
    run_id text NOT NULL REFERENCES dbproof.runs ON DELETE CASCADE,
    position bigint NOT NULL,
    name text NOT NULL,
    deadlock_timeout_ms double precision NOT NULL,
    expected text NOT NULL,
    runs bigint NOT NULL,
    as_expected bigint,
    deadlocks bigint NOT NULL,
    server_deadlocks bigint,
    victim text,
    detect_p50_ms double precision,
    detect_p95_ms double precision,
    outage_p50_ms double precision,
    outage_p95_ms double precision,
    outage_max_ms double precision,
    attempts_p50 double precision,
    wasted_work_p50_ms double precision,
    wasted_wal_bytes bigint,
    throughput_per_s double precision NOT NULL,
    queued_excess_p95_ms double precision,
    control_deadlocks bigint,
    mended_deadlocks bigint,
    PRIMARY KEY (run_id, position)
);

CREATE TABLE dbproof.deadlock_predictions (
    run_id text NOT NULL REFERENCES dbproof.runs ON DELETE CASCADE,
    position bigint NOT NULL,
    verdict text NOT NULL,
    transactions text[] NOT NULL,
    objects text[] NOT NULL,
    remedy text NOT NULL,
    PRIMARY KEY (run_id, position)
);
