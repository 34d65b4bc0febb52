"""What operators see of the equipment: metrics, health, heartbeats, the service manager."""
