select coalesce((select up_to from learnt), 0) as up_to
