-- What is proposed to a person, and what the person made of it. Nothing of it is ever posted by the program.

-- A reply to a conversation. `text` is what stands now, `written` what the generator wrote, where a person changed it.
create table drafts (
    id           bigint generated always as identity primary key,
    opportunity  bigint not null references opportunities on delete cascade,
    run          bigint references job_runs on delete set null,
    generator    text not null,
    arm          text not null,
    text         text not null check (text <> ''),
    written      text,
    state        text not null default 'waiting' check (state in ('waiting', 'approved', 'rejected', 'expired')),
    made_at      timestamptz not null default clock_timestamp(),
    decided_at   timestamptz,
    decided_by   text,
    note         text,
    posted_at    timestamptz,
    posted_url   text,
    check ((state in ('approved', 'rejected')) = (decided_at is not null)),
    check (posted_at is null or state = 'approved')
);

create unique index drafts_one_at_a_time on drafts (opportunity) where state in ('waiting', 'approved');
create index drafts_by_opportunity on drafts (opportunity);
create index drafts_by_state on drafts (state, id);
create index drafts_by_day on drafts (made_at);

-- A post of one's own, on a topic.
create table planned_posts (
    id           bigint generated always as identity primary key,
    topic        text not null,
    run          bigint references job_runs on delete set null,
    generator    text not null,
    arm          text not null,
    text         text not null check (text <> ''),
    written      text,
    state        text not null default 'waiting' check (state in ('waiting', 'approved', 'rejected', 'expired')),
    made_at      timestamptz not null default clock_timestamp(),
    expires_at   timestamptz not null,
    decided_at   timestamptz,
    decided_by   text,
    note         text,
    posted_at    timestamptz,
    posted_url   text,
    check ((state in ('approved', 'rejected')) = (decided_at is not null)),
    check (posted_at is null or state = 'approved')
);

create index planned_posts_by_state on planned_posts (state, id);
create index planned_posts_by_topic on planned_posts (topic, made_at);

-- What a person said of a text: its first word counts. Rows are added under one lock, so that they become visible in
-- the order of their numbers, and a reader that has seen number n has seen all before it.
create table verdicts (
    id          bigint generated always as identity primary key,
    kind        text not null check (kind in ('reply', 'post')),
    subject     bigint not null,
    generator   text not null,
    arm         text not null,
    is_success  boolean not null,
    at          timestamptz not null default clock_timestamp(),
    unique (kind, subject)
);

-- Up to which verdict the weights have learnt. It moves in the transaction that writes them.
create table learnt (
    one     boolean primary key default true check (one),
    up_to   bigint not null default 0
);

-- What is known of each arm, as it stood at `as_of`: from there it fades towards alpha = beta = 1.
create table generator_weights (
    kind       text not null check (kind in ('reply', 'post')),
    generator  text not null,
    arm        text not null,
    alpha      double precision not null check (alpha >= 1),
    beta       double precision not null check (beta >= 1),
    as_of      timestamptz not null,
    run        bigint references job_runs on delete set null,
    primary key (kind, generator, arm)
);

-- What a generator that costs money has used, by day (UTC), for all machines together.
create table generator_spending (
    generator  text not null,
    day        date not null,
    requests   integer not null check (requests >= 0),
    tokens     bigint not null check (tokens >= 0),
    primary key (generator, day)
);
