-- Schema 7 of the job store. Applied once, in one transaction, to a new file;
-- later versions are steps in sqlite_migrate.c, and what they lead to is here.
--
-- Numbers of states, causes and events are those of proto/names.h. All times
-- are wall-clock milliseconds. 0 means "none" wherever a number is optional:
-- SQLite keeps 0 in no bytes at all.

-- One row. Numbers are given out from here and never twice, also after the
-- rows that had them were purged. identity: of this store alone, 16 bytes.
CREATE TABLE meta (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	next_job INTEGER NOT NULL,
	next_seq INTEGER NOT NULL,
	next_token INTEGER NOT NULL,
	next_event INTEGER NOT NULL,
	next_group INTEGER NOT NULL,
	next_context INTEGER NOT NULL,
	identity BLOB
);
INSERT INTO meta VALUES (1, 1, 1, 1, 1, 1, 1, randomblob(16));

-- One queue and one handler. The counts are kept in the same transactions as
-- the rows they count, live and finished; ids are dense.
CREATE TABLE lane (
	id INTEGER PRIMARY KEY,
	queue TEXT NOT NULL,
	handler TEXT NOT NULL,
	held INTEGER NOT NULL DEFAULT 0,
	blocked INTEGER NOT NULL DEFAULT 0,
	scheduled INTEGER NOT NULL DEFAULT 0,
	ready INTEGER NOT NULL DEFAULT 0,
	running INTEGER NOT NULL DEFAULT 0,
	succeeded INTEGER NOT NULL DEFAULT 0,
	failed INTEGER NOT NULL DEFAULT 0,
	cancelled INTEGER NOT NULL DEFAULT 0,
	UNIQUE (queue, handler)
);

-- Live jobs only, narrow. priority is stored negated, so that the index walks
-- forward; seq is the order of becoming ready. rest has in one column what no
-- statement asks for by name (sqlite_pack.h); there is no index on the group,
-- see member. No NOT NULL here and in done: each would be an instruction for
-- each row, and store_verify() looks.
CREATE TABLE job (
	id INTEGER PRIMARY KEY,
	lane INTEGER,
	state INTEGER,
	priority INTEGER,
	seq INTEGER,
	attempt INTEGER,
	flags INTEGER,
	run_at INTEGER,
	started INTEGER,
	worker INTEGER,
	token INTEGER,
	expire INTEGER,
	rest BLOB
);
-- A live job is in at most one of these: a million sleeping jobs never stand
-- before the ready ones, and what runs is found without looking at what waits.
CREATE INDEX job_ready ON job (lane, priority, seq) WHERE state = 3;
CREATE INDEX job_due ON job (run_at) WHERE state = 2;
CREATE INDEX job_running ON job (state) WHERE state = 4;
-- What waits and may not wait for ever.
CREATE INDEX job_expire ON job (expire) WHERE state < 4 AND expire > 0;

-- Finished jobs. result: one that is short, of a job that left nothing else.
CREATE TABLE done (
	id INTEGER PRIMARY KEY,
	lane INTEGER,
	state INTEGER,
	flags INTEGER,
	rest BLOB,
	result TEXT
);

-- The jobs of a group, live and finished: first to last. Neighbours that came
-- in one batch are one row, which goes with the last of them that is purged.
CREATE TABLE member (
	grp INTEGER,
	last INTEGER,
	first INTEGER NOT NULL,
	PRIMARY KEY (grp, last)
) WITHOUT ROWID;

-- What the submitter sent: written once, never moved, removed at purge. The
-- words come first, so that reading them does not follow a long spec.
CREATE TABLE body (
	id INTEGER PRIMARY KEY,
	name TEXT,
	key TEXT,
	tags TEXT,
	spec TEXT
);

-- Only for jobs that have one of these (flags say which). tries and losses are
-- the max_attempts and crash_limit that it had before a retry raised them.
-- callbacks: what is entered when it ends. follows: it is a callback of that
-- job, or of that group, which may be gone by now.
CREATE TABLE extra (
	id INTEGER PRIMARY KEY,
	retry TEXT,
	word TEXT,
	keep INTEGER,
	purge_at INTEGER,
	tries INTEGER,
	losses INTEGER,
	callbacks TEXT,
	follows INTEGER,
	follows_group INTEGER
);
CREATE INDEX extra_purge ON extra (purge_at) WHERE purge_at > 0;
CREATE INDEX extra_follows ON extra (follows) WHERE follows > 0;

-- Only for jobs that have more to say than a short result.
CREATE TABLE result (
	id INTEGER PRIMARY KEY,
	reason TEXT,
	failure TEXT,
	result TEXT,
	log BLOB
);

-- Attempts before the current one.
CREATE TABLE attempt (
	job INTEGER NOT NULL,
	attempt INTEGER NOT NULL,
	cause INTEGER NOT NULL,
	flags INTEGER NOT NULL,
	worker INTEGER NOT NULL,
	started INTEGER NOT NULL,
	finished INTEGER NOT NULL,
	exit_code INTEGER NOT NULL,
	signal INTEGER NOT NULL,
	cpu_us INTEGER NOT NULL,
	peak_kib INTEGER NOT NULL,
	stdout_bytes INTEGER NOT NULL,
	stderr_bytes INTEGER NOT NULL,
	failure TEXT,
	log BLOB,
	PRIMARY KEY (job, attempt)
) WITHOUT ROWID;

-- Interned by content. refs counts the jobs, live and finished, that name it;
-- at 0 it goes with the purge that took the last one.
CREATE TABLE context (
	id INTEGER PRIMARY KEY,
	refs INTEGER NOT NULL,
	hash BLOB NOT NULL UNIQUE,
	text TEXT NOT NULL
);

CREATE TABLE key (
	uid INTEGER NOT NULL,
	key TEXT NOT NULL,
	id INTEGER NOT NULL,
	PRIMARY KEY (uid, key)
) WITHOUT ROWID;

-- The unique words of live jobs.
CREATE TABLE uniq (
	uid INTEGER NOT NULL,
	word TEXT NOT NULL,
	id INTEGER NOT NULL,
	PRIMARY KEY (uid, word)
) WITHOUT ROWID;

-- Live jobs that were given descriptors. Those are in the memory of a broker:
-- what waits for them when another one begins can never be started.
CREATE TABLE carried (
	id INTEGER PRIMARY KEY
);

-- Settings of queues that have any.
CREATE TABLE queue (
	name TEXT PRIMARY KEY,
	paused INTEGER NOT NULL,
	max_length INTEGER NOT NULL,
	overflow INTEGER NOT NULL,
	callbacks TEXT
) WITHOUT ROWID;

-- The counts of ends are of all that ended, also of jobs that are gone by now:
-- a group has not gone well because what failed was purged. told: its callbacks
-- were entered, which happens once. changed: opened, or a job of it changed its
-- state. tie 1: it is closed when nobody holds it; 2: it was.
CREATE TABLE grp (
	id INTEGER PRIMARY KEY,
	name TEXT,
	total INTEGER NOT NULL,
	closed INTEGER NOT NULL,
	uid INTEGER NOT NULL,
	changed INTEGER NOT NULL,
	held INTEGER NOT NULL DEFAULT 0,
	blocked INTEGER NOT NULL DEFAULT 0,
	scheduled INTEGER NOT NULL DEFAULT 0,
	ready INTEGER NOT NULL DEFAULT 0,
	running INTEGER NOT NULL DEFAULT 0,
	succeeded INTEGER NOT NULL DEFAULT 0,
	failed INTEGER NOT NULL DEFAULT 0,
	cancelled INTEGER NOT NULL DEFAULT 0,
	callbacks TEXT,
	told INTEGER NOT NULL DEFAULT 0,
	tie INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX grp_owing ON grp (id) WHERE callbacks IS NOT NULL AND told = 0;
CREATE INDEX grp_tied ON grp (id) WHERE tie = 1 AND closed = 0;

CREATE TABLE worker (
	id INTEGER PRIMARY KEY,
	slot INTEGER NOT NULL,
	pool TEXT NOT NULL,
	pid INTEGER NOT NULL,
	start_ticks INTEGER NOT NULL,
	boot_id TEXT NOT NULL,
	secret BLOB NOT NULL
);

-- One row a batch; sqlite_event.h documents the packing.
CREATE TABLE event (
	first INTEGER PRIMARY KEY,
	count INTEGER NOT NULL,
	at_ms INTEGER NOT NULL,
	packed BLOB NOT NULL
);
