-- Posts that are followed, what was read of them, and what was found worth a reply.

create table posts (
    id            bigint generated always as identity primary key,
    site          text not null,
    post_id       text not null,
    url           text not null,
    author        text,
    author_name   text,
    text          text,
    title         text,
    link          text,
    posted_at     timestamptz,
    added_at      timestamptz not null default now(),
    due_at        timestamptz not null default now(),
    last_outcome  text,
    last_read_at  timestamptz,
    failures      integer not null default 0 check (failures >= 0),
    unique (site, post_id)
);

create index posts_due on posts (due_at, id);

create table job_runs (
    id            bigint generated always as identity primary key,
    job           text not null,
    status        text not null check (status in ('running', 'success', 'partial', 'failed', 'skipped')),
    reason        text,
    started_at    timestamptz not null default clock_timestamp(),
    finished_at   timestamptz,
    pages         integer not null default 0,
    rows_written  integer not null default 0,
    peak_bytes    bigint,
    check ((status = 'running') = (finished_at is null))
);

create index job_runs_by_job on job_runs (job, id desc);

-- Append-only. A metric is null where it is not known exactly; "approximate" then may hold the range that the site
-- showed: {"views": {"low": 32000, "high": 32999, "text": "32K"}}.
create table snapshots (
    id           bigint generated always as identity primary key,
    post         bigint not null references posts on delete cascade,
    run          bigint not null references job_runs,
    taken_at     timestamptz not null default clock_timestamp(),
    views        bigint check (views >= 0),
    likes        bigint check (likes >= 0),
    reposts      bigint check (reposts >= 0),
    replies      bigint check (replies >= 0),
    bookmarks    bigint check (bookmarks >= 0),
    score        bigint,
    approximate  jsonb not null default '{}',
    sources      jsonb not null default '{}',
    warnings     jsonb not null default '[]',
    layout       text,
    unique (post, run)
);

create index snapshots_by_post on snapshots (post, taken_at desc);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'snapshots are append-only';
end
$$;

create trigger snapshots_append_only before update on snapshots
    for each row execute function refuse_change();

-- What opening a page turned out to be, every time.
create table page_outcomes (
    id        bigint generated always as identity primary key,
    run       bigint not null references job_runs,
    site      text not null,
    url       text not null,
    post      bigint references posts on delete cascade,
    outcome   text not null,
    reason    text,
    seconds   real not null,
    at        timestamptz not null default clock_timestamp()
);

create index page_outcomes_by_site on page_outcomes (site, at desc);

create table targets (
    id                 bigint generated always as identity primary key,
    site               text not null,
    url                text not null unique,
    added_at           timestamptz not null default now(),
    last_harvested_at  timestamptz,
    last_outcome       text
);

create table opportunities (
    id            bigint generated always as identity primary key,
    site          text not null,
    post_id       text not null,
    url           text not null,
    author        text,
    text          text,
    posted_at     timestamptz,
    likes         bigint,
    replies       bigint,
    views         bigint,
    score         real not null,
    tier          text not null,
    because       text not null,
    target        bigint references targets on delete set null,
    run           bigint not null references job_runs,
    found_at      timestamptz not null default now(),
    refreshed_at  timestamptz not null default now(),
    expires_at    timestamptz not null,
    unique (site, post_id)
);

create index opportunities_best on opportunities (score desc, id);
