update tasks set yields = yields || $2::jsonb where id = $1 returning id
