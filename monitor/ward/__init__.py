"""All beds of all stations together, read from Redis: nothing here watches a bed."""
