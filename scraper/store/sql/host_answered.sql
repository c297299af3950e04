update hosts set refusals = 0 where host = $1 and refusals > 0 returning host
