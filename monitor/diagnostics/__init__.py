"""What `nicu-monitor doctor` examines."""
