"""The tables of `knowledge.db`. A newer file than we know is refused, an older one is brought forward."""

APPLICATION_ID = 0x5374_4B6E  # "StKn", so that `file` and we tell it from other databases
VERSION = 5

SCHEMA = """
CREATE TABLE collections (
    number INTEGER PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL,
    embedder TEXT NOT NULL DEFAULT '', dimensions INTEGER NOT NULL DEFAULT 0,
    removed INTEGER NOT NULL DEFAULT 0, analyser INTEGER NOT NULL, UNIQUE (tenant, name)
);
CREATE TABLE documents (
    number INTEGER PRIMARY KEY, collection INTEGER NOT NULL REFERENCES collections ON DELETE CASCADE,
    id TEXT NOT NULL, digest BLOB NOT NULL, version INTEGER NOT NULL, title TEXT NOT NULL, source TEXT NOT NULL,
    licence TEXT NOT NULL, tags TEXT NOT NULL, groups TEXT NOT NULL, valid_from REAL, valid_until REAL,
    changed_at REAL NOT NULL, UNIQUE (collection, id)
);
CREATE TABLE passages (
    number INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER NOT NULL,
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    place INTEGER NOT NULL, start INTEGER NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL,
    embedded INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX passages_of_document ON passages (document, place);
CREATE INDEX passages_of_collection ON passages (collection);
CREATE INDEX passages_to_embed ON passages (collection, number) WHERE embedded = 0;
CREATE TABLE vectors (
    number INTEGER PRIMARY KEY AUTOINCREMENT, passage INTEGER NOT NULL UNIQUE REFERENCES passages ON DELETE CASCADE,
    collection INTEGER NOT NULL, vector BLOB NOT NULL
);
CREATE INDEX vectors_of_collection ON vectors (collection, number);
CREATE TABLE segments (
    number INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER NOT NULL REFERENCES collections ON DELETE CASCADE,
    level INTEGER NOT NULL, passages INTEGER NOT NULL, terms INTEGER NOT NULL
);
CREATE INDEX segments_of_collection ON segments (collection);
CREATE TABLE postings (
    segment INTEGER NOT NULL REFERENCES segments ON DELETE CASCADE, term TEXT NOT NULL, list BLOB NOT NULL,
    PRIMARY KEY (segment, term)
) WITHOUT ROWID;
"""
SOURCES = """
CREATE TABLE sources (
    number INTEGER PRIMARY KEY, collection INTEGER NOT NULL REFERENCES collections ON DELETE CASCADE,
    name TEXT NOT NULL, UNIQUE (collection, name)
);
CREATE TABLE shown (
    source INTEGER NOT NULL REFERENCES sources ON DELETE CASCADE, key TEXT NOT NULL, state TEXT NOT NULL,
    documents TEXT NOT NULL, PRIMARY KEY (source, key)
) WITHOUT ROWID;
"""
RANKERS = """
CREATE TABLE rankers (
    number INTEGER PRIMARY KEY, collection INTEGER NOT NULL REFERENCES collections ON DELETE CASCADE,
    version INTEGER NOT NULL, made_at REAL NOT NULL, made_by TEXT NOT NULL, in_force INTEGER NOT NULL,
    ranker TEXT NOT NULL, questions INTEGER NOT NULL, plain REAL NOT NULL, tuned REAL NOT NULL, error REAL NOT NULL,
    UNIQUE (collection, version)
);
"""
STATE = """
CREATE TABLE state (mark TEXT NOT NULL, changes INTEGER NOT NULL);
INSERT INTO state VALUES (lower(hex(randomblob(8))), 0)
"""
TOLD = """
ALTER TABLE sources ADD COLUMN lost TEXT NOT NULL DEFAULT '';
ALTER TABLE shown ADD COLUMN labels TEXT NOT NULL DEFAULT ''
"""
STEPS = (SCHEMA, SOURCES, RANKERS, STATE, TOLD)
"""What brings a file from each version to the next; version 0 is an empty one."""
