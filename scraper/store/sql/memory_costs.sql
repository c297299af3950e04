select name, observations from memory_costs order by updated_at desc limit 1000
