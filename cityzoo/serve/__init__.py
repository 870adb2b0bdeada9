"""An HTTP server for exported models: Open Inference Protocol, versions, batching, access, metrics.

`app` makes the ASGI application, `inference` takes a request from its bytes to its answer, `served_model` holds a model
with its queue, `repository` the versions of all models. Nothing here imports TensorFlow or Keras.
"""
