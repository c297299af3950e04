"""scraper: what is on a page, and where it is kept."""
