"""The history of intervals: closed windows in SQLite or PostgreSQL, as the sums that they were, and what is read from them."""
