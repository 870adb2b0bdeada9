"""Where events go: files, webhooks, MQTT, e-mail, NGSI-LD brokers."""
