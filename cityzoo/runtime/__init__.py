"""Exported models at work, without TensorFlow and Keras: files in their runtimes, descriptions, probes."""
