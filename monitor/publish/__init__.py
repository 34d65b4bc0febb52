"""Out of the program: alerts to Redis through an on-disk spool, metrics to Prometheus."""
