"""The pages that people look at, built with NiceGUI; imported only by a running page server."""
