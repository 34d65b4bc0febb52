"""A whole station with drawn infants: RTSP cameras, Redis, Prometheus, all on this machine."""
