"""Camera streams in: GStreamer pipelines, the newest frame, and whether the picture lives.

Importing this package, or `monitor.video.camera`, does not import GStreamer; opening a source does.
"""
