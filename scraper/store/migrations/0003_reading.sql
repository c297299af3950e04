-- What was read of a field, day by day, so that one that is read no more is noticed.
create table field_yields (
    site    text not null,
    layout  text not null,
    kind    text not null,
    field   text not null,
    day     date not null default current_date,
    posts   bigint not null check (posts > 0),
    found   bigint not null check (found between 0 and posts),
    pages   bigint not null check (pages between 0 and posts),
    primary key (site, day, layout, kind, field)
);

-- When a host may be asked next, for all who ask. `refusals` counts those in a row, since it last answered.
create table hosts (
    host          text primary key,
    next_turn_at  timestamptz not null,
    quiet_until   timestamptz,
    refusals      integer not null default 0 check (refusals >= 0)
);

-- Where the screenshot and the HTML of a page are that was not what was asked for.
alter table page_outcomes add column evidence text;
