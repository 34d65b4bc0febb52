"""One bed, from a frame to its alarms; station and replay share it."""
