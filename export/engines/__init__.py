"""TensorRT engines: built in a process of their own, kept beside the bundle with a record of what they are."""
