"""Camera streams in: GStreamer pipelines, the newest frame, and whether the picture lives."""
