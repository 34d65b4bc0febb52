"""A whole station with synthetic infants: RTSP cameras, Redis, Prometheus, all on this machine."""
