"""RetinaFace as a network: layers, backbones, heads, anchors, decoding, and its weights out of a bundle."""
