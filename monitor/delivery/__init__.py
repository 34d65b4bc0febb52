"""The way of an alert to Redis and back: spool on disk, publisher, streams, subscriber."""
