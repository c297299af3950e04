delete from opportunities where expires_at <= now() returning id
