"""A push service for the tests: HTTPS, checks who sends as RFC 8292 wants it, and reads notices as a browser does."""

import base64
import datetime as dt
import http.server
import ipaddress
import json
import ssl
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import http_ece
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from redis_server import wait_until


def to_base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Subscription:
    """What a browser has made: its address at the push service, and its keys."""

    def __init__(self, url, name):
        self.endpoint = f"{url}/send/{name}"
        self.name = name
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._secret = bytes(range(16))
        point = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        self.p256dh = to_base64(self._private.public_key().public_bytes(*point))
        self.auth = to_base64(self._secret)

    def request(self, **choices):
        return {"endpoint": self.endpoint, "p256dh": self.p256dh, "auth": self.auth, **choices}

    def read(self, body):
        plain = http_ece.decrypt(body, private_key=self._private, auth_secret=self._secret, version="aes128gcm")
        return json.loads(plain)


@dataclass
class Received:
    name: str
    headers: dict
    body: bytes
    subject: str


class PushService:
    """Takes notices at `/send/NAME`, as an owner of `localhost`; `answers` says with which status, 201 when absent."""

    def __init__(self, directory):
        self.ca_file = directory / "push-ca.pem"
        key_file = directory / "push-key.pem"
        _write_certificate(self.ca_file, key_file)
        self.received, self.refused, self.answers, self.elsewhere = [], [], {}, []
        self.hang = threading.Event()
        self.stopping = threading.Event()
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                name = urlsplit(self.path).path.rsplit("/", 1)[1]
                if service.hang.is_set():
                    service.stopping.wait(60)
                    return
                status = service.answers.get(name, 201)
                try:
                    subject = service.check(dict(self.headers))
                except (ValueError, KeyError, InvalidSignature) as error:
                    service.refused.append(error)
                    status, subject = 403, ""
                if self.path.startswith("/elsewhere"):
                    service.elsewhere.append(name)
                if status == 201:
                    service.received.append(Received(name, dict(self.headers), body, subject))
                self.send_response(status)
                if status in range(300, 400):
                    self.send_header("Location", f"{service.url}/elsewhere/{name}")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, key_file)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.host = f"localhost:{self._server.server_port}"
        self.url = f"https://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def check(self, headers):
        """Return whom to ask about a notice; raises where its signature is not one for this service."""
        scheme, _, parameters = headers["Authorization"].partition(" ")
        found = dict(part.strip().split("=", 1) for part in parameters.split(","))
        signed, _, signature = found["t"].rpartition(".")
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), from_base64(found["k"]))
        raw = from_base64(signature)
        pair = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key.verify(pair, signed.encode(), ec.ECDSA(hashes.SHA256()))
        claims = json.loads(from_base64(signed.split(".")[1]))
        if scheme.lower() != "vapid" or claims["aud"] != self.url:
            raise ValueError(f"signed for {claims['aud']}")
        if not time.time() < claims["exp"] < time.time() + 86_400 or int(headers["TTL"]) < 0:
            raise ValueError("out of time")
        if headers["Content-Encoding"] != "aes128gcm":
            raise ValueError(headers["Content-Encoding"])
        return claims["sub"]

    def notices(self, subscription):
        """Return what one browser got, in the order in which it came."""
        return [subscription.read(one.body) for one in list(self.received) if one.name == subscription.name]

    def settings(self, **changes):
        """Return a station's section `web.push` that sends here."""
        return {
            "enabled": True,
            "contact": "mailto:it@hospital.example",
            "services": [self.host],
            "tls_ca_file": str(self.ca_file),
            **changes,
        }

    def close(self):
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def add(client, subscription, **choices):
    answer = client.post("/api/v1/push/devices", json=subscription.request(**choices))
    assert answer.status_code == 200, answer.text
    return answer.json()


def wait_for_notices(service, subscription, count=1):
    wait_until(lambda: len(service.notices(subscription)) >= count, 60, f"{count} notices")
    return service.notices(subscription)


def devices(client):
    return client.get("/api/v1/push").json()["devices"]


def _write_certificate(certificate_file, key_file):
    key = ec.generate_private_key(ec.SECP256R1())
    serial = x509.random_serial_number()
    # Two authorities of one name could not be distinguished.
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"push service {serial}")])
    now = dt.datetime.now(tz=dt.UTC)
    hosts = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(hosts, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(*plain))
