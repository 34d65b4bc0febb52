"""RetinaFace: the network, its weights from elsewhere, and the graph that a bundle carries."""
