-- When something was last planned on each topic.
select topic, max(made_at) as last_at from planned_posts where topic = any($1::text[]) group by topic
