"""Alerts over MQTT, at least once (QoS 1)."""

import secrets
import threading
from contextlib import suppress

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from monitor.forwarding.message import DeliveryError, Message, MessageRefusedError
from monitor.forwarding.settings import MqttSettings, read_secret
from monitor.tls import tls_context

__all__ = ["Mqtt"]

_QUALITY = 1


class Mqtt:
    """One broker.

    An alert goes to `PREFIX/STATION/BED/CODE` (`_station` where no bed is concerned), the state of a station, retained,
    to `PREFIX/STATION/_watching`. Alerts are not retained: a subscriber that comes later must not take an old one for
    the present.

    Args:
        settings: Where to.

    Raises:
        ConfigError: The password or the authority cannot be read.
    """

    def __init__(self, settings: MqttSettings) -> None:
        self._settings = settings
        self._password = read_secret(settings.password_file, f"{settings.name}.password_file")
        self._tls = tls_context(settings.ca_file, f"{settings.name}.ca_file")
        # A broker ends the session of who comes with the same id: a second forwarder, or `--resend` beside the first.
        self._client_id = f"nicu-forward-{settings.name}-{secrets.token_hex(4)}"
        self._client: paho.Client | None = None

    def send(self, message: Message) -> None:
        """Send one message, and wait until the broker has it.

        Raises:
            MessageRefusedError: Its station or bed has a name that no topic can hold.
            DeliveryError: The broker cannot be reached, or does not confirm.
        """
        alert = message.alert
        where = "_watching" if alert is None else f"{alert.bed or '_station'}/{alert.code}"
        topic = f"{self._settings.topic_prefix}/{message.station}/{where}"
        if not topic.isprintable() or "+" in topic or "#" in topic:
            raise MessageRefusedError("a topic cannot hold the name of its station or bed")
        try:
            client = self._connected()
            sent = client.publish(topic, message.to_json(), qos=_QUALITY, retain=alert is None)
            sent.wait_for_publish(self._settings.timeout_seconds)
        except (OSError, ValueError, RuntimeError) as error:
            self.close()
            raise DeliveryError(f"the broker cannot be reached ({type(error).__name__})") from error
        except DeliveryError:
            self.close()
            raise
        if not sent.is_published():
            self.close()
            raise DeliveryError("the broker does not confirm")

    def _connected(self) -> paho.Client:
        if self._client is not None and self._client.is_connected():
            return self._client
        self.close()
        settings = self._settings
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=self._client_id)
        if settings.username is not None:
            client.username_pw_set(settings.username, self._password)
        if settings.tls:
            client.tls_set_context(self._tls)
        client.connect_timeout = settings.timeout_seconds
        answered, refusals = threading.Event(), []

        def connected(_client: object, _data: object, _flags: object, code: ReasonCode, _properties: object) -> None:
            if code.is_failure:
                refusals.append(str(code))
            answered.set()

        client.on_connect = connected
        client.connect(settings.host, settings.port)
        client.loop_start()
        self._client = client
        if not answered.wait(settings.timeout_seconds):
            raise DeliveryError("the broker does not answer")
        if refusals:
            raise DeliveryError(f"the broker refused the connection ({refusals[0]})")
        return client

    def close(self) -> None:
        """Disconnect, and end the library's thread."""
        if self._client is not None:
            with suppress(OSError, ValueError):
                self._client.disconnect()
            self._client.loop_stop()
            self._client = None
