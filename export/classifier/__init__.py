"""Pain classifiers: the graph around a trained network, and its bundle."""
