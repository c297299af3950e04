select count(*) as planned from planned_posts
where made_at >= date_trunc('day', clock_timestamp(), 'UTC')
