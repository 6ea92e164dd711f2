CREATE TABLE ledger (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
    id VARCHAR NOT NULL, 
    at DOUBLE NOT NULL, 
    tenant VARCHAR NOT NULL, 
    task VARCHAR NOT NULL, 
    model VARCHAR NOT NULL, 
    rung VARCHAR NOT NULL, 
    release VARCHAR NOT NULL, 
    ladder_release VARCHAR NOT NULL, 
    confidence DOUBLE NOT NULL, 
    top BOOLEAN NOT NULL, 
    drawn BOOLEAN NOT NULL, 
    status VARCHAR NOT NULL, 
    stream BOOLEAN NOT NULL, 
    prompt_tokens BIGINT NOT NULL, 
    completion_tokens BIGINT NOT NULL, 
    cost DOUBLE NOT NULL, 
    latency_ms DOUBLE NOT NULL, 
    overhead_ms DOUBLE NOT NULL, 
    source VARCHAR NOT NULL, 
    config_hash VARCHAR NOT NULL, 
    low_rung VARCHAR, 
    low_confidence DOUBLE, 
    low_answer TEXT, 
    answer TEXT NOT NULL, 
    error TEXT NOT NULL, 
    text TEXT NOT NULL, 
    fields TEXT NOT NULL, 
    turns TEXT NOT NULL, 
    "key" VARCHAR DEFAULT '' NOT NULL, 
    estimated BOOLEAN DEFAULT 0 NOT NULL, 
    grounds TEXT DEFAULT '' NOT NULL, 
    remarks TEXT DEFAULT '' NOT NULL, 
    subject VARCHAR DEFAULT '' NOT NULL, 
    training BOOLEAN DEFAULT 1 NOT NULL, 
    tools TEXT DEFAULT '' NOT NULL, 
    parent VARCHAR DEFAULT '' NOT NULL, 
    UNIQUE (id)
);
CREATE INDEX ledger_subjects ON ledger (subject) WHERE subject <> '';
CREATE INDEX ledger_labels ON ledger (task, status, top, seq, drawn);
CREATE INDEX ledger_times ON ledger (task, at);
CREATE INDEX ledger_parents ON ledger (parent) WHERE parent <> '';
CREATE INDEX ledger_outcomes ON ledger (task, ladder_release, drawn, seq);
CREATE TABLE keys (
    hash VARCHAR NOT NULL, 
    name VARCHAR NOT NULL, 
    admin BOOLEAN NOT NULL, 
    last4 VARCHAR NOT NULL, 
    created_at DOUBLE NOT NULL, 
    revoked_at DOUBLE, 
    tenant VARCHAR DEFAULT '' NOT NULL, 
    expires_at DOUBLE, 
    role VARCHAR DEFAULT '' NOT NULL, 
    scopes VARCHAR DEFAULT '' NOT NULL, 
    groups VARCHAR DEFAULT '[]' NOT NULL, 
    person VARCHAR DEFAULT '' NOT NULL, 
    PRIMARY KEY (hash)
);
CREATE INDEX keys_name ON keys (name);
CREATE TABLE accounts (
    name VARCHAR NOT NULL, 
    role VARCHAR NOT NULL, 
    password VARCHAR NOT NULL, 
    created_at DOUBLE NOT NULL, 
    disabled_at DOUBLE, 
    failures INTEGER NOT NULL, 
    locked_until DOUBLE NOT NULL, 
    PRIMARY KEY (name)
);
CREATE TABLE sessions (
    hash VARCHAR NOT NULL, 
    account VARCHAR NOT NULL, 
    created_at DOUBLE NOT NULL, 
    expires_at DOUBLE NOT NULL, 
    role VARCHAR DEFAULT '' NOT NULL, 
    PRIMARY KEY (hash)
);
CREATE INDEX sessions_account ON sessions (account);
CREATE TABLE spending (
    day INTEGER NOT NULL, 
    tenant VARCHAR NOT NULL, 
    "key" VARCHAR NOT NULL, 
    slot INTEGER NOT NULL, 
    nanos BIGINT NOT NULL, 
    answers BIGINT NOT NULL, 
    tokens BIGINT NOT NULL, 
    PRIMARY KEY (day, tenant, "key", slot)
);
CREATE TABLE conversations (
    request_id VARCHAR NOT NULL, 
    tenant VARCHAR NOT NULL, 
    conversation VARCHAR NOT NULL, 
    at DOUBLE NOT NULL, 
    confidential BOOLEAN NOT NULL, 
    PRIMARY KEY (request_id)
);
CREATE INDEX conversations_whose ON conversations (tenant, conversation, at);
CREATE TABLE journal (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
    at DOUBLE NOT NULL, 
    who VARCHAR NOT NULL, 
    what VARCHAR NOT NULL, 
    detail TEXT NOT NULL, 
    "before" VARCHAR DEFAULT '' NOT NULL, 
    digest VARCHAR DEFAULT '' NOT NULL
);
CREATE TABLE rollouts (
    task VARCHAR NOT NULL, 
    live VARCHAR, 
    candidate VARCHAR, 
    share DOUBLE NOT NULL, 
    previous VARCHAR, 
    version INTEGER NOT NULL, 
    draw DOUBLE, 
    PRIMARY KEY (task)
);
CREATE TABLE rollout_history (
    task VARCHAR NOT NULL, 
    version INTEGER NOT NULL, 
    live VARCHAR, 
    candidate VARCHAR, 
    share DOUBLE NOT NULL, 
    previous VARCHAR, 
    draw DOUBLE, 
    at DOUBLE NOT NULL, 
    who VARCHAR NOT NULL, 
    why TEXT NOT NULL, 
    PRIMARY KEY (task, version)
);
CREATE TABLE switches (
    task VARCHAR NOT NULL, 
    mode VARCHAR NOT NULL, 
    who VARCHAR NOT NULL, 
    at DOUBLE NOT NULL, 
    PRIMARY KEY (task)
);
CREATE TABLE entries (
    task VARCHAR NOT NULL, 
    kind VARCHAR NOT NULL, 
    "key" VARCHAR NOT NULL, 
    answer TEXT NOT NULL, 
    who VARCHAR NOT NULL, 
    at DOUBLE NOT NULL, 
    PRIMARY KEY (task, kind, "key")
);
CREATE TABLE entry_changes (
    id INTEGER NOT NULL, 
    task VARCHAR NOT NULL, 
    kind VARCHAR NOT NULL, 
    "key" VARCHAR NOT NULL, 
    "before" TEXT, 
    "after" TEXT, 
    undoes INTEGER, 
    who VARCHAR NOT NULL, 
    at DOUBLE NOT NULL, 
    PRIMARY KEY (id)
);
CREATE INDEX entry_changes_of_task ON entry_changes (task, id);
CREATE TABLE entry_versions (
    task VARCHAR NOT NULL, 
    version BIGINT NOT NULL, 
    PRIMARY KEY (task)
);
CREATE TABLE datasets (
    task VARCHAR NOT NULL, 
    hash VARCHAR NOT NULL, 
    sizes TEXT NOT NULL, 
    created_at DOUBLE NOT NULL, 
    PRIMARY KEY (task, hash)
);
CREATE TABLE releases (
    id VARCHAR NOT NULL, 
    task VARCHAR NOT NULL, 
    rung VARCHAR NOT NULL, 
    recipe VARCHAR NOT NULL, 
    dataset VARCHAR NOT NULL, 
    digest VARCHAR NOT NULL, 
    metrics TEXT NOT NULL, 
    created_at DOUBLE NOT NULL, 
    PRIMARY KEY (id)
);
CREATE INDEX releases_task ON releases (task, created_at);
CREATE TABLE ladder_releases (
    id VARCHAR NOT NULL, 
    task VARCHAR NOT NULL, 
    number INTEGER NOT NULL, 
    rungs TEXT NOT NULL, 
    thresholds TEXT NOT NULL, 
    certificate TEXT, 
    top VARCHAR NOT NULL, 
    created_at DOUBLE NOT NULL, 
    PRIMARY KEY (id), 
    CONSTRAINT ladder_releases_number UNIQUE (task, number)
);
CREATE TABLE numbers (
    task VARCHAR NOT NULL, 
    number INTEGER NOT NULL, 
    PRIMARY KEY (task)
);
CREATE TABLE leases (
    name VARCHAR NOT NULL, 
    holder VARCHAR NOT NULL, 
    until DOUBLE NOT NULL, 
    PRIMARY KEY (name)
);
CREATE TABLE progress (
    task VARCHAR NOT NULL, 
    stage VARCHAR NOT NULL, 
    done BIGINT NOT NULL, 
    total BIGINT NOT NULL, 
    message TEXT NOT NULL, 
    at DOUBLE NOT NULL, 
    PRIMARY KEY (task)
);
CREATE TABLE turns (
    task VARCHAR NOT NULL, 
    state TEXT NOT NULL, 
    PRIMARY KEY (task)
);
CREATE TABLE settings (
    name VARCHAR NOT NULL, 
    value TEXT NOT NULL, 
    PRIMARY KEY (name)
);
CREATE TABLE stamps (
    id INTEGER NOT NULL, 
    value BIGINT NOT NULL, 
    PRIMARY KEY (id)
);
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, 
    PRIMARY KEY (version_num)
);
CREATE TABLE held (
    id VARCHAR NOT NULL, 
    at DOUBLE NOT NULL, 
    due DOUBLE NOT NULL, 
    tenant VARCHAR NOT NULL, 
    task VARCHAR NOT NULL, 
    model VARCHAR NOT NULL, 
    side VARCHAR NOT NULL, 
    state VARCHAR NOT NULL, 
    fallback VARCHAR NOT NULL, 
    reviewer VARCHAR NOT NULL, 
    wanted INTEGER NOT NULL, 
    text TEXT NOT NULL, 
    request TEXT NOT NULL, 
    remarks TEXT NOT NULL, 
    answer TEXT NOT NULL, 
    correction TEXT NOT NULL, 
    pictures TEXT DEFAULT '' NOT NULL, 
    PRIMARY KEY (id)
);
CREATE INDEX held_state ON held (state, due);
CREATE TABLE vaults (
    name VARCHAR NOT NULL, 
    sealed BLOB NOT NULL, 
    expires DOUBLE NOT NULL, 
    PRIMARY KEY (name)
);
CREATE INDEX vaults_expires ON vaults (expires);
CREATE TABLE decisions (
    held VARCHAR NOT NULL, 
    reviewer VARCHAR NOT NULL, 
    at DOUBLE NOT NULL, 
    decision VARCHAR NOT NULL, 
    correction TEXT NOT NULL, 
    comment TEXT NOT NULL, 
    person VARCHAR DEFAULT '' NOT NULL, 
    PRIMARY KEY (held, reviewer)
);
CREATE TABLE data_keys (
    id VARCHAR NOT NULL, 
    tenant VARCHAR NOT NULL, 
    master VARCHAR NOT NULL, 
    wrapped BLOB, 
    created_at DOUBLE NOT NULL, 
    erased_at DOUBLE, 
    PRIMARY KEY (id)
);
CREATE INDEX data_keys_tenant ON data_keys (tenant, created_at);
CREATE TABLE drifts (
    task VARCHAR NOT NULL, 
    release VARCHAR NOT NULL, 
    reference BLOB NOT NULL, 
    state TEXT NOT NULL, 
    PRIMARY KEY (task, release)
);
CREATE TABLE sources (
    task VARCHAR NOT NULL, 
    tenant VARCHAR NOT NULL, 
    "key" VARCHAR NOT NULL, 
    source VARCHAR NOT NULL, 
    trust VARCHAR NOT NULL, 
    who VARCHAR NOT NULL, 
    at DOUBLE NOT NULL, 
    PRIMARY KEY (task, tenant, "key", source)
);
CREATE TABLE runs (
    id VARCHAR NOT NULL, 
    name VARCHAR NOT NULL, 
    began_at DOUBLE NOT NULL, 
    ended_at DOUBLE, 
    failed BIGINT NOT NULL, 
    settings TEXT NOT NULL, 
    figures TEXT NOT NULL, 
    PRIMARY KEY (id)
);
CREATE TABLE run_steps (
    run VARCHAR NOT NULL, 
    step BIGINT NOT NULL, 
    figures TEXT NOT NULL, 
    PRIMARY KEY (run, step)
);
CREATE TABLE audits (
    seq INTEGER NOT NULL, 
    at DOUBLE NOT NULL, 
    task VARCHAR NOT NULL, 
    ladder_release VARCHAR NOT NULL, 
    agreed BOOLEAN NOT NULL, 
    prompt_tokens BIGINT NOT NULL, 
    completion_tokens BIGINT NOT NULL, 
    cost DOUBLE NOT NULL, 
    latency_ms DOUBLE NOT NULL, 
    status VARCHAR NOT NULL, 
    top_answer TEXT NOT NULL, 
    PRIMARY KEY (seq), 
    FOREIGN KEY(seq) REFERENCES ledger (seq)
);
CREATE INDEX audits_labels ON audits (task, status, seq);
CREATE TABLE feedback (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
    seq INTEGER NOT NULL, 
    at DOUBLE NOT NULL, 
    tenant VARCHAR NOT NULL, 
    answer TEXT, 
    score DOUBLE, 
    source VARCHAR, 
    comment TEXT, 
    "key" VARCHAR DEFAULT '' NOT NULL, 
    state VARCHAR DEFAULT '' NOT NULL, 
    FOREIGN KEY(seq) REFERENCES ledger (seq)
);
CREATE INDEX feedback_question ON feedback (seq, id);

INSERT INTO alembic_version (version_num) VALUES ('0015');
INSERT INTO stamps (id, value) VALUES (1, 1);
