delete from targets where url = any ($1::text[]) returning url
