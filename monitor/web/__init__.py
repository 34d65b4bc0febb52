"""The page that people look at, and its API."""
