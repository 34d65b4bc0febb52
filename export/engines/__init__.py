"""TensorRT engines: built in a process of their own, stored beside the bundle with a record of what they are."""
