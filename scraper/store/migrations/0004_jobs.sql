-- What is to be done, and who is at it, is in the database and not in a process: any worker takes any task, and what a
-- worker leaves behind is taken up by another.

-- A schedule is advanced in the same transaction that asks for the run, by the database's own clock. `skips` counts
-- runs put off in a row: a job that was put off too often must run.
create table schedules (
    job         text primary key,
    rule        text not null,
    next_at     timestamptz not null,
    last_at     timestamptz,
    skips       integer not null default 0 check (skips >= 0),
    paused_at   timestamptz
);

-- `ticket` names one wish for a run, however often it is delivered. A run is planned when all its tasks are written.
alter table job_runs
    add column ticket uuid unique,
    add column worker text,
    add column deadline_at timestamptz,
    add column is_planned boolean not null default false,
    add column is_small boolean not null default false;

-- Nobody is at these any more.
update job_runs
set status = 'failed', reason = 'its process ended without a word', finished_at = clock_timestamp()
where status = 'running';

create unique index job_runs_open on job_runs (job) where status = 'running';

-- A part of a run that one worker does. `worker` is who is at it: whoever begins a task that still has one knows that
-- this one died, and at which page, since `at_post` is the one that was open. `yields` is what was read field by field.
create table tasks (
    id           bigint generated always as identity primary key,
    run          bigint not null references job_runs on delete cascade,
    job          text not null,
    payload      jsonb not null,
    state        text not null default 'open' check (state in ('open', 'done', 'held', 'dropped')),
    starts       integer not null default 0 check (starts >= 0),
    failures     integer not null default 0 check (failures >= 0),
    put_offs     integer not null default 0 check (put_offs >= 0),
    deaths       integer not null default 0 check (deaths >= 0),
    ending       text check (ending in ('success', 'partial', 'failed')),
    reason       text,
    worker       text,
    at_post      bigint references posts on delete set null,
    added_at     timestamptz not null default clock_timestamp(),
    not_before   timestamptz not null default clock_timestamp(),
    started_at   timestamptz,
    finished_at  timestamptz,
    peak_bytes   bigint,
    yields       jsonb not null default '[]',
    check ((state = 'open') = (finished_at is null))
);

create index tasks_by_run on tasks (run, id);
create index tasks_open on tasks (run, id) where state = 'open';

create table alarms (
    id          bigint generated always as identity primary key,
    job         text not null,
    kind        text not null,
    says        text not null,
    raised_at   timestamptz not null default clock_timestamp(),
    seen_at     timestamptz not null default clock_timestamp(),
    cleared_at  timestamptz
);

create unique index alarms_open on alarms (job, kind) where cleared_at is null;

-- A post is read once for each time that it is due: `task` is who was told to, `due_at` is what for.
alter table posts
    add column state text not null default 'followed' check (state in ('followed', 'paused', 'given_up', 'held')),
    add column state_reason text,
    add column task bigint references tasks on delete set null,
    add column growth real,
    add column worker_deaths integer not null default 0 check (worker_deaths >= 0),
    add column same_outcomes integer not null default 0 check (same_outcomes >= 0);

update posts set state = 'paused', due_at = now() where due_at = 'infinity';
drop index posts_due;
create index posts_due on posts (due_at, id) where state = 'followed';
create index posts_by_task on posts (task) where task is not null;

alter table snapshots add column due_at timestamptz;
create unique index snapshots_once_per_due_time on snapshots (post, due_at);

-- Targets have their turn like posts. What a watched one shows is followed.
alter table targets
    add column is_watched boolean not null default false,
    add column is_harvested boolean not null default true,
    add column due_at timestamptz not null default now(),
    add column task bigint references tasks on delete set null,
    add column failures integer not null default 0 check (failures >= 0),
    add column worker_deaths integer not null default 0 check (worker_deaths >= 0),
    add column held_reason text;

create index targets_due on targets (due_at, id);

-- An opportunity stays known when it is over, so that it is not found once more.
alter table opportunities
    add column state text not null default 'open' check (state in ('open', 'drafted', 'answered', 'rejected', 'expired')),
    add column closed_at timestamptz,
    add column lang text;

create index opportunities_open on opportunities (score desc, id) where state = 'open';

create table blocked_authors (
    site      text not null,
    author    text not null,
    added_at  timestamptz not null default now(),
    primary key (site, author)
);

-- How long until a post is read again: 5, 15 or 30 minutes, 2 or 6 hours, or a day, as it ages; one step sooner if it
-- grows by a tenth an hour, two if by half.
create function reading_interval(age interval, growth real) returns interval language sql immutable as $$
    select (array['5 minutes', '15 minutes', '30 minutes', '2 hours', '6 hours', '1 day']::interval[])[
        greatest(1, case
            when age < interval '1 hour' then 1
            when age < interval '6 hours' then 2
            when age < interval '1 day' then 3
            when age < interval '3 days' then 4
            when age < interval '14 days' then 5
            else 6
        end - case when growth >= 0.5 then 2 when growth >= 0.1 then 1 else 0 end)
    ]
$$;

-- What is removed by age, and what a run has written, is found without reading all of it.
create index snapshots_by_run on snapshots (run);
create index snapshots_by_time on snapshots (taken_at);
create index page_outcomes_by_run on page_outcomes (run);
create index page_outcomes_by_time on page_outcomes (at);
create index opportunities_by_run on opportunities (run);
