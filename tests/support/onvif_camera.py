"""An ONVIF camera: SOAP over HTTP, logins that are checked, answers to WS-Discovery, and bad manners on request."""

import base64
import copy
import hashlib
import re
import socket
import struct
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from xml.sax.saxutils import escape

from defusedxml.ElementTree import fromstring

__all__ = ["DISCOVERY_GROUP", "DISCOVERY_PORT", "SoapCamera", "Stream"]

DISCOVERY_GROUP, DISCOVERY_PORT = "239.255.255.250", 3702
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" '
    'xmlns:tr2="http://www.onvif.org/ver20/media/wsdl" xmlns:tt="http://www.onvif.org/ver10/schema" '
    'xmlns:ter="http://www.onvif.org/ver10/error" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" '
    'xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><s:Header/><s:Body>{}</s:Body></s:Envelope>'
)
_BOMB = (
    '<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {n} "{f"&{p};" * 10}">' for p, n in zip("abcdefgh", "bcdefghi", strict=True))
    + "]><s>&i;</s>"
)
_LONGEST_AGE = timedelta(minutes=5)
_OPEN = {"GetSystemDateAndTime"}


@dataclass(slots=True)
class Stream:
    """One profile and its encoder. `codec` None: the profile has no encoder."""

    token: str
    size: tuple[int, int] = (1920, 1080)
    codec: str | None = "H264"
    rate: int = 25
    gop: int = 50
    kbit: int = 4096
    url: str = "rtsp://192.0.2.1:554/stream1"
    note: str = "left alone"


@dataclass(slots=True)
class SoapCamera:
    """A camera on the loopback interface; use it as a context manager.

    Attributes:
        streams: Its profiles.
        login: (user, password); None asks for none.
        clock_error: How far its clock is ahead.
        manners: `good`, `no media`, `bomb`, `bomb in utf-16`, `endless`, `silent`, `web page`, `redirect`, `basic`,
            `digest` (asks for HTTP digest instead of WS-UsernameToken), `garbage`, `stubborn` (refuses every setting).
        media: Which media services it has.
        name: In its scopes, percent-encoded.
        discoverable: Whether it answers WS-Discovery's probes on the loopback interface.
        asked: What was asked for, and with which Authorization headers.
    """

    streams: list[Stream]
    login: tuple[str, str] | None = ("admin", "s3cret & <more>")
    clock_error: timedelta = timedelta()
    manners: str = "good"
    media: tuple[str, ...] = ("ver10", "ver20")
    name: str = "Cot%201"
    discoverable: bool = False
    endpoint: str = field(default_factory=lambda: f"urn:uuid:{uuid.uuid4()}")
    asked: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    _nonces: set[str] = field(default_factory=set)
    _server: Any = None
    _udp: Any = None
    _threads: list[threading.Thread] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def address(self) -> str:
        return f"http://{self.host}/onvif/device_service"

    def __enter__(self) -> Self:
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                camera.answer(self)

            do_GET = do_POST  # noqa: N815 - the name is the library's

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._start(lambda: self._server.serve_forever(0.05))
        if self.discoverable:
            self._listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join()
        if self._udp is not None:
            self._udp.close()

    def _listen(self) -> None:
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._udp.bind((DISCOVERY_GROUP, DISCOVERY_PORT))
        group = struct.pack("4s4s", socket.inet_aton(DISCOVERY_GROUP), socket.inet_aton("127.0.0.1"))
        self._udp.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        self._udp.settimeout(0.05)
        self._start(self._answer_probes)

    def _start(self, work: Any) -> None:
        thread = threading.Thread(target=work)
        thread.start()
        self._threads.append(thread)

    def _answer_probes(self) -> None:
        while not self._stopping.is_set():
            try:
                data, sender = self._udp.recvfrom(65_535)
            except TimeoutError:
                continue
            if b"NetworkVideoTransmitter" not in data:
                continue
            asked = re.search(rb"MessageID>([^<]+)<", data)
            match = (
                f"<d:ProbeMatches><d:ProbeMatch><a:EndpointReference><a:Address>{self.endpoint}</a:Address>"
                "</a:EndpointReference><d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>onvif://www.onvif.org/name/"
                f"{self.name} onvif://www.onvif.org/hardware/NICU-1</d:Scopes>"
                f"<d:XAddrs>http://169.254.1.1/onvif/device_service {self.address}</d:XAddrs>"
                "<d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches>"
            )
            answer = _ENVELOPE.format(match)
            if asked is not None:
                relates = f"<s:Header><a:RelatesTo>{asked[1].decode()}</a:RelatesTo></s:Header>"
                answer = answer.replace("<s:Header/>", relates)
            self._udp.sendto(_BOMB.encode() if self.manners == "bomb" else answer.encode(), sender)

    def answer(self, http: Any) -> None:
        """Answer one request."""
        body = http.rfile.read(int(http.headers.get("Content-Length", 0)))
        authorization = http.headers.get("Authorization")
        if authorization is not None:
            self.authorizations.append(authorization)
        odd = {
            "bomb": (200, _BOMB.encode()),
            "bomb in utf-16": (200, _BOMB.replace('"1.0"', '"1.0" encoding="utf-16"').encode("utf-16")),
            "web page": (200, b"<html><body>Welcome<br></body></html>"),
            "garbage": (200, bytes(range(256))),
        }
        if self.manners in odd:
            self._send(http, *odd[self.manners])
        elif self.manners == "silent":
            self._stopping.wait()
        elif self.manners == "redirect":
            self._send(http, 302, b"", Location="http://127.0.0.1:1/")
        elif self.manners == "endless":
            self._endless(http)
        else:
            self._answer_soap(http, body, authorization)

    def _endless(self, http: Any) -> None:
        http.send_response(200)
        http.end_headers()
        while not self._stopping.wait(0.02):
            try:
                http.wfile.write(b"<a>")
            except OSError:
                return

    def _answer_soap(self, http: Any, body: bytes, authorization: str | None) -> None:
        root = fromstring(body)
        [call] = next(element for element in root.iter() if element.tag.endswith("}Body"))
        name = call.tag.rpartition("}")[2]
        self.asked.append(name)
        self.requests.append(body.decode())
        if self.manners in {"digest", "basic"} and not self._is_http_login(http, authorization):
            kinds = {"digest": 'Digest realm="cam", nonce="n1", qop="auth"', "basic": 'Basic realm="cam"'}
            self._send(http, 401, b"", **{"WWW-Authenticate": kinds[self.manners]})
        elif self.manners not in {"digest", "basic"} and name not in _OPEN and not self._is_token(root):
            self._fault(http, "ter:NotAuthorized", "Sender not Authorized")
        else:
            respond = getattr(self, "_on_" + re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower(), None)
            if respond is None:
                self._fault(http, "ter:ActionNotSupported", "Optional Action Not Implemented")
            else:
                respond(http, call)

    def _is_token(self, root: Any) -> bool:
        """Check a WS-UsernameToken: digest, age by this camera's clock, and that it was not used before."""
        if self.login is None:
            return True
        values = {element.tag.rpartition("}")[2]: element for element in root.iter()}
        if not {"Username", "Password", "Nonce", "Created"} <= set(values):
            return False
        nonce, created = values["Nonce"].text, values["Created"].text
        signed = base64.b64decode(nonce) + created.encode() + self.login[1].encode()
        digest = hashlib.sha1(signed).digest()  # noqa: S324 - as the standard has it
        age = datetime.now(UTC) + self.clock_error - datetime.fromisoformat(created)
        is_new = nonce not in self._nonces
        self._nonces.add(nonce)
        is_digest = values["Password"].get("Type", "").endswith("#PasswordDigest")
        is_right = values["Password"].text == base64.b64encode(digest).decode()
        return (
            values["Username"].text == self.login[0] and is_digest and is_right and is_new and abs(age) < _LONGEST_AGE
        )

    def _is_http_login(self, http: Any, authorization: str | None) -> bool:
        if self.login is None or authorization is None or not authorization.startswith("Digest "):
            return False
        parts = dict(re.findall(r'(\w+)="?([^",]*)"?', authorization))

        def md5(*texts: str) -> str:
            return hashlib.md5(":".join(texts).encode()).hexdigest()  # noqa: S324 - as the standard has it

        secret = md5(self.login[0], "cam", self.login[1])
        asked = md5(http.command, parts.get("uri", ""))
        right = md5(secret, "n1", parts.get("nc", ""), parts.get("cnonce", ""), "auth", asked)
        return parts.get("response") == right

    def _send(self, http: Any, status: int, content: bytes, **headers: str) -> None:
        http.send_response(status)
        for name, value in {"Content-Type": "application/soap+xml", **headers}.items():
            http.send_header(name, value)
        http.send_header("Content-Length", str(len(content)))
        http.end_headers()
        http.wfile.write(content)

    def _reply(self, http: Any, body: str) -> None:
        self._send(http, 200, _ENVELOPE.format(body).encode())

    def _fault(self, http: Any, code: str, reason: str) -> None:
        fault = (
            f"<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{code}</s:Value></s:Subcode></s:Code>"
            f'<s:Reason><s:Text xml:lang="en">{escape(reason)}</s:Text></s:Reason></s:Fault>'
        )
        self._send(http, 400, _ENVELOPE.format(fault).encode())

    def _on_get_system_date_and_time(self, http: Any, _: Any) -> None:
        now = datetime.now(UTC) + self.clock_error
        self._reply(
            http,
            "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:UTCDateTime>"
            f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second>"
            f"</tt:Time><tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>"
            "</tt:Date></tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>",
        )

    def _on_get_services(self, http: Any, _: Any) -> None:
        names = {"device": "ver10/device"} | {
            version: f"{version}/media" for version in self.media if self.manners != "no media"
        }
        # As behind a router: what a camera says of its own address is not where it was reached.
        services = "".join(
            f"<tds:Service><tds:Namespace>http://www.onvif.org/{path}/wsdl</tds:Namespace>"
            f"<tds:XAddr>http://10.9.8.7/onvif/{name}</tds:XAddr></tds:Service>"
            for name, path in names.items()
        )
        self._reply(http, f"<tds:GetServicesResponse>{services}</tds:GetServicesResponse>")

    def _on_get_device_information(self, http: Any, _: Any) -> None:
        self._reply(
            http,
            "<tds:GetDeviceInformationResponse><tds:Manufacturer>Drawn\x85</tds:Manufacturer><tds:Model>NICU-1</tds:Model>"
            "<tds:FirmwareVersion>1.2</tds:FirmwareVersion></tds:GetDeviceInformationResponse>",
        )

    def _on_get_profiles(self, http: Any, call: Any) -> None:
        is_new = "ver20" in call.tag
        rows = "".join(self._profile(stream, is_new=is_new) for stream in self.streams)
        tag = "tr2" if is_new else "trt"
        self._reply(http, f"<{tag}:GetProfilesResponse>{rows}</{tag}:GetProfilesResponse>")

    def _profile(self, stream: Stream, *, is_new: bool) -> str:
        tag = "tr2" if is_new else "trt"
        # The older service does not know H.265.
        shows = stream.codec is not None and (is_new or stream.codec != "H265")
        encoder = self._encoder(stream, is_new=is_new) if shows else ""
        inner = f"<tr2:Configurations>{encoder}</tr2:Configurations>" if is_new else encoder
        return (
            f'<{tag}:Profiles token="{stream.token}" fixed="true"><tt:Name>{stream.token} name</tt:Name>{inner}'
            f"</{tag}:Profiles>"
        )

    def _encoder(self, stream: Stream, *, is_new: bool, element: str = "") -> str:
        width, height = stream.size
        size = f"<tt:Resolution><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height></tt:Resolution>"
        common = f"<tt:Name>{stream.note}</tt:Name><tt:UseCount>2</tt:UseCount>"
        if is_new:
            element = element or "tr2:VideoEncoder"
            return (
                f'<{element} token="enc-{stream.token}" GovLength="{stream.gop}" Profile="High">{common}'
                f'<tt:Encoding>{stream.codec}</tt:Encoding>{size}<tt:RateControl ConstantBitRate="true">'
                f"<tt:FrameRateLimit>{stream.rate}.0</tt:FrameRateLimit><tt:BitrateLimit>{stream.kbit}</tt:BitrateLimit>"
                f"</tt:RateControl><tt:Quality>4.5</tt:Quality></{element}>"
            )
        element = element or "tt:VideoEncoderConfiguration"
        return (
            f'<{element} token="enc-{stream.token}">{common}<tt:Encoding>{stream.codec}</tt:Encoding>{size}'
            f"<tt:Quality>4.5</tt:Quality><tt:RateControl><tt:FrameRateLimit>{stream.rate}</tt:FrameRateLimit>"
            f"<tt:EncodingInterval>1</tt:EncodingInterval><tt:BitrateLimit>{stream.kbit}</tt:BitrateLimit></tt:RateControl>"
            f"<tt:H264><tt:GovLength>{stream.gop}</tt:GovLength><tt:H264Profile>High</tt:H264Profile></tt:H264>"
            "<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>239.1.2.3</tt:IPv4Address></tt:Address>"
            "<tt:Port>4000</tt:Port><tt:TTL>3</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>"
            f"<tt:SessionTimeout>PT77S</tt:SessionTimeout></{element}>"
        )

    def _on_get_stream_uri(self, http: Any, call: Any) -> None:
        token = next(element.text for element in call.iter() if element.tag.endswith("ProfileToken"))
        stream = next(one for one in self.streams if one.token == token)
        self._reply(
            http,
            f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{escape(stream.url)}</tt:Uri></trt:MediaUri>"
            "</trt:GetStreamUriResponse>",
        )

    def _on_get_video_encoder_configurations(self, http: Any, call: Any) -> None:
        is_new = "ver20" in call.tag
        tag = "tr2" if is_new else "trt"
        rows = "".join(
            self._encoder(stream, is_new=is_new, element=f"{tag}:Configurations")
            for stream in self.streams
            if stream.codec
        )
        self._reply(
            http, f"<{tag}:GetVideoEncoderConfigurationsResponse>{rows}</{tag}:GetVideoEncoderConfigurationsResponse>"
        )

    def _on_get_video_encoder_configuration_options(self, http: Any, call: Any) -> None:
        sizes = "".join(
            f"<tt:ResolutionsAvailable><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height></tt:ResolutionsAvailable>"
            for width, height in ((1920, 1080), (1280, 720), (640, 360))
        )
        if "ver20" in call.tag:
            self._reply(
                http,
                '<tr2:GetVideoEncoderConfigurationOptionsResponse><tr2:Options GovLengthRange="1 100" '
                'FrameRatesSupported="25 15 10 5"><tt:Encoding>H264</tt:Encoding>'
                f"{sizes}<tt:BitrateRange><tt:Min>64</tt:Min><tt:Max>8192</tt:Max></tt:BitrateRange></tr2:Options>"
                "</tr2:GetVideoEncoderConfigurationOptionsResponse>",
            )
            return
        self._reply(
            http,
            f"<trt:GetVideoEncoderConfigurationOptionsResponse><trt:Options><tt:H264>{sizes}<tt:GovLengthRange>"
            "<tt:Min>1</tt:Min><tt:Max>100</tt:Max></tt:GovLengthRange><tt:FrameRateRange><tt:Min>1</tt:Min>"
            "<tt:Max>25</tt:Max></tt:FrameRateRange></tt:H264></trt:Options>"
            "</trt:GetVideoEncoderConfigurationOptionsResponse>",
        )

    def _on_set_video_encoder_configuration(self, http: Any, call: Any) -> None:
        if self.manners == "stubborn":
            self._fault(http, "ter:ConfigModify", f"cannot, says \x1b[31m{self.login[1] if self.login else ''}")
            return
        configuration = next(element for element in call.iter() if element.tag.endswith("}Configuration"))
        stream = next(one for one in self.streams if f"enc-{one.token}" == configuration.get("token"))
        values = {element.tag.rpartition("}")[2]: element.text for element in configuration.iter()}
        wanted = copy.copy(stream)
        wanted.size = int(values["Width"]), int(values["Height"])
        wanted.rate = int(float(values["FrameRateLimit"]))
        wanted.kbit = int(values["BitrateLimit"])
        wanted.gop = int(configuration.get("GovLength") or values["GovLength"])
        wanted.note = values["Name"]
        # Whoever sends less than the camera gave would change it.
        expected = fromstring(
            _ENVELOPE.format(self._encoder(wanted, is_new="ver20" in call.tag, element="tt:Configuration"))
        )
        [inner] = [element for element in expected.iter() if element.tag.endswith("}Configuration")]
        if _leaves(inner) != _leaves(configuration):
            self._fault(http, "ter:ConfigModify", f"something else was changed: {_leaves(configuration)}")
            return
        self.streams[self.streams.index(stream)] = wanted
        tag = "tr2" if "ver20" in call.tag else "trt"
        self._reply(http, f"<{tag}:SetVideoEncoderConfigurationResponse/>")


def _leaves(element: Any) -> list[tuple[str, str]]:
    local = [(one.tag.rpartition("}")[2], (one.text or "").strip()) for one in element.iter()]
    return sorted(
        (name, str(float(text)) if name == "FrameRateLimit" else text)
        for name, text in local
        if name != "Configuration"
    )
