"""Real receivers of forwarded alerts, and a stream of alerts to forward."""

import asyncio
import contextlib
import http.server
import json
import shutil
import socketserver
import subprocess
import threading
from datetime import UTC, datetime

import hl7.mllp
from aiosmtpd.controller import Controller
from alerts import make_draft
from ports import free_port

from monitor.alerts.record import Alert


def make_alert(alert_id="alert-1", seq=1, bed="bed-1", **changes):
    draft = make_draft(alert_id, bed=bed, **changes)
    return Alert(
        **draft.model_dump(by_alias=False), producer_id="station-1", seq=seq, published_at=datetime.now(tz=UTC)
    )


class Stream:
    """The alert stream, written as a station writes it."""

    def __init__(self, server):
        self.server = server
        self.client = server.client()
        self.count = 0

    def publish(self, alert_id=None, bed="bed-1", **changes):
        self.count += 1
        alert = make_alert(alert_id or f"alert-{self.count}", self.count, bed, **changes)
        self.client.xadd("nicu:alerts", {"alert": alert.model_dump_json()})
        return alert


def drain(forwarder):
    """Forward everything that waits."""
    while forwarder.forward_waiting():
        pass


class HttpSink:
    """A web server that stores what it gets, and answers what it is told to."""

    def __init__(self):
        self.requests, self.answers = [], []
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = sink.answers.pop(0) if sink.answers else 200
                if status in range(200, 300):
                    sink.requests.append((dict(self.headers), body))
                self.send_response(status)
                if status in range(300, 400):
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/alerts"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def alerts(self):
        return [json.loads(body)["alert"]["alert_id"] for _, body in self.requests]

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class EndlessSink:
    """A server whose answer begins as it should, and goes on byte after byte without an end."""

    def __init__(self, beginning, *, speaks_first=False, context=None):
        sink = self
        self.received, self._ended = [], threading.Event()

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                connection = self.request if context is None else context.wrap_socket(self.request, server_side=True)
                with connection:
                    if not speaks_first:
                        sink.received.append(connection.recv(65_536))
                    connection.sendall(beginning)
                    with contextlib.suppress(OSError):
                        while not sink._ended.wait(0.05):
                            connection.sendall(b".")

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self):
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Hl7Sink:
    """A receiver of HL7 v2 by the server of the library `hl7`, in a loop of its own."""

    def __init__(self):
        self.messages, self.answers, self.port = [], [], free_port()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        start = hl7.mllp.start_hl7_server(self._serve, "127.0.0.1", self.port, encoding="utf-8")
        self._server = asyncio.run_coroutine_threadsafe(start, self._loop).result(10)
        self._handlers = set()

    async def _serve(self, reader, writer):
        self._handlers.add(asyncio.current_task())
        try:
            while True:
                message = await reader.readmessage()
                code = self.answers.pop(0) if self.answers else "AA"
                if code == "drop":
                    break
                self.messages.append(message)
                writer.writemessage(message.create_ack(code))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def close(self):
        async def end():
            self._server.close()
            for task in self._handlers:
                task.cancel()
            await asyncio.gather(*self._handlers, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class MailSink:
    """A mail server that stores what it gets."""

    def __init__(self):
        self.mails, self.refusals, self.port = [], [], free_port()
        self.is_busy = False
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 - the library's name
        if self.is_busy:
            return "451 try again later"
        if address in self.refusals:
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - the library's name
        self.mails.append((tuple(envelope.rcpt_tos), envelope.content.decode()))
        return "250 OK"

    def close(self):
        self._controller.stop()


class Broker:
    """A real mosquitto."""

    def __init__(self, directory, password=None):
        self.port = free_port()
        lines = [f"listener {self.port} 127.0.0.1", f"allow_anonymous {'true' if password is None else 'false'}"]
        # Started by root, it would become a user that cannot read the test's folder.
        lines.append("user root")
        if password is not None:
            users = directory / "users"
            users.touch(0o600)
            subprocess.run(["mosquitto_passwd", "-b", users, "nurse", password], check=True)
            lines.append(f"password_file {users}")
        self._file = directory / "mosquitto.conf"
        self._file.write_text("\n".join(lines) + "\n")
        self._process = None

    def start(self):
        command = [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", str(self._file)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None
