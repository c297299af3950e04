-- Memory over time, what was done about it, and what work costs. `process` is "host:pid": many share one database.

create table memory_samples (
    id               bigint generated always as identity primary key,
    process          text not null,
    at               timestamptz not null,
    level            text not null check (level in ('normal', 'elevated', 'critical', 'emergency')),
    limit_bytes      bigint,
    used_bytes       bigint,
    peak_used_bytes  bigint,
    promised_bytes   bigint not null,
    unused_bytes     bigint not null,
    pressure         real,
    oom_kills        bigint,
    bound_by         text,
    by_role          jsonb not null default '{}',
    by_component     jsonb not null default '{}'
);

create index memory_samples_by_time on memory_samples (at);

create table ladder_runs (
    id           bigint generated always as identity primary key,
    process      text not null,
    at           timestamptz not null,
    reason       text not null,
    is_calm      boolean not null,
    freed_bytes  bigint not null check (freed_bytes >= 0),
    seconds      real not null,
    steps        jsonb not null
);

create index ladder_runs_by_time on ladder_runs (at);

-- Operations that did not run for lack of memory, and critical ones that ran small.
create table memory_skips (
    id          bigint generated always as identity primary key,
    process     text not null,
    at          timestamptz not null,
    component   text not null,
    name        text not null,
    ending      text not null check (ending in ('skipped', 'small')),
    need_bytes  bigint not null check (need_bytes >= 0),
    reason      text not null
);

create index memory_skips_by_time on memory_skips (at);

-- The last observations of each class of work, oldest first.
create table memory_costs (
    name          text primary key,
    observations  bigint[] not null,
    updated_at    timestamptz not null default now()
);
