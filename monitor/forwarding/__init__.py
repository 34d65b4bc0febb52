"""Ways out: alerts from Redis to webhooks, MQTT, HL7 v2 and e-mail, each at least once."""
