"""A recorded video through the same chain as a live camera: every due frame, deterministically."""
