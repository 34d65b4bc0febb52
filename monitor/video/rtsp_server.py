"""A small RTSP server: the cameras of the demo, of the benchmark and of the tests.

It runs on a GLib context and a thread of its own. Streams are shared: however many watch, each is encoded once.
"""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from monitor.errors import VideoError
from monitor.video.gst import gi_module, gstreamer
from monitor.video.rtsp_feed import Feed, FeedThread

__all__ = ["Credentials", "RtspServer", "TlsFiles"]

_ROLE = "viewer"
_STOP_SECONDS = 10.0
_log = logging.getLogger(__name__)
_abandoned: list["RtspServer"] = []


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who may watch; asked for by RTSP digest authentication."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Certificate and private key, PEM."""

    certificate: Path
    key: Path


class RtspServer:
    """Serves feeds under paths of one address.

    Use it as a context manager, or call `start` and `stop`.

    Args:
        feeds: Path of the stream, for example `/bed-1`, to its feed.
        host: Address to listen on.
        port: 0 takes a free port.
        credentials: Required of clients; None lets every client watch.
        tls: Serve rtsps:// instead of rtsp://.
    """

    def __init__(
        self,
        feeds: Mapping[str, Feed],
        host: str = "127.0.0.1",
        port: int = 0,
        credentials: Credentials | None = None,
        tls: TlsFiles | None = None,
    ) -> None:
        gstreamer()
        self._glib = gi_module("GLib", "2.0")
        self._rtsp = gi_module("GstRtspServer")
        self._host = host
        self._scheme = "rtsp" if tls is None else "rtsps"
        self._context = self._glib.MainContext.new()
        self._loop = self._glib.MainLoop(context=self._context)
        self._source: Any = None
        self._thread: threading.Thread | None = None
        self._threads: dict[str, FeedThread] = {}
        self._lock = threading.Lock()
        self._server = self._rtsp.RTSPServer.new()
        self._server.set_address(host)
        self._server.set_service(str(port))
        # A thread for each client: a stream that waits for its first key frame holds only those who wait for it.
        self._server.get_thread_pool().set_max_threads(-1)
        if credentials is not None or tls is not None:
            self._server.set_auth(self._auth(credentials, tls))
        mounts = self._server.get_mount_points()
        for path, feed in feeds.items():
            mounts.add_factory(path, self._factory(path, feed, restricted=credentials is not None))

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    @property
    def port(self) -> int:
        """Where it listens; known once it has started."""
        return int(self._server.get_bound_port())

    def url(self, path: str) -> str:
        """Return the address of one stream, without credentials."""
        return f"{self._scheme}://{self._host}:{self.port}{path}"

    def start(self) -> None:
        """Listen.

        Raises:
            VideoError: The address cannot be bound.
        """
        try:
            self._source = self._server.create_source(None)
        except self._glib.Error as error:
            raise VideoError(
                f"the RTSP server cannot listen on {self._host}:{self._server.get_service()} ({error.message})"
            ) from error
        self._source.attach(self._context)
        self._thread = threading.Thread(target=self._loop.run, name="rtsp-server", daemon=True)
        self._thread.start()

    def disconnect_clients(self) -> int:
        """Cut the connections of every client; they may come back at once.

        Returns:
            How many there were.
        """
        removed: list[Any] = []

        def remove(_server: Any, client: Any) -> Any:  # noqa: ANN401 - from gi
            removed.append(client)
            return self._rtsp.RTSPFilterResult.REMOVE

        self._server.client_filter(remove)
        return len(removed)

    def stop(self) -> None:
        """Cut all connections, stop listening, end the threads."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        # Everything that touches the server happens on its own thread: clients come and go there at the same time.
        quitting = self._glib.idle_source_new()
        quitting.set_callback(lambda _: self._quit())
        quitting.attach(self._context)
        thread.join(_STOP_SECONDS)
        if thread.is_alive():
            # The loop still uses all of this; to free it now would pull the ground from under it.
            _abandoned.append(self)
            _log.warning("the RTSP server did not stop within %.0f s and was left behind", _STOP_SECONDS)
        # The port is free only once nothing refers to the source any more.
        self._source = None
        with self._lock:
            threads = list(self._threads.values())
            self._threads.clear()
        for feed in threads:
            feed.stop()

    def _quit(self) -> bool:
        """Cut all connections, stop listening, end the loop; on the loop's thread."""
        self.disconnect_clients()
        self._source.destroy()
        self._loop.quit()
        return False

    def _factory(self, path: str, feed: Feed, *, restricted: bool) -> Any:  # noqa: ANN401 - from gi
        factory = self._rtsp.RTSPMediaFactory.new()
        factory.set_launch(f"( {feed.launch} )")
        factory.set_shared(True)
        # A hurried client must not wait for the linger time of one that has left.
        factory.set_latency(0)
        if restricted:
            permissions, allowed = self._rtsp.RTSPPermissions.new(), True
            for permission in ("media.factory.access", "media.factory.construct"):
                permissions.add_permission_for_role(_ROLE, permission, allowed)
            factory.set_permissions(permissions)
        factory.connect("media-configure", lambda _, media: self._begin(path, feed, media))
        return factory

    def _begin(self, path: str, feed: Feed, media: Any) -> None:  # noqa: ANN401 - from gi
        gst = gstreamer()
        source = media.get_element().get_by_name_recurse_up("feed")
        properties = {
            "caps": gst.Caps.from_string(feed.caps),
            "format": gst.Format.TIME,
            "is-live": True,
            # A client that does not read must not make the pictures pile up.
            "leaky-type": 2,
            "max-time": 2 * gst.SECOND,
        }
        for name, value in properties.items():
            source.set_property(name, value)
        thread = FeedThread(feed, source)
        with self._lock:
            former, self._threads[path] = self._threads.get(path), thread
        if former is not None:
            former.stop()
        media.connect("unprepared", lambda _: thread.cancel())
        thread.start()

    def _auth(self, credentials: Credentials | None, tls: TlsFiles | None) -> Any:  # noqa: ANN401 - from gi
        auth = self._rtsp.RTSPAuth.new()
        if tls is not None:
            gio = gi_module("Gio", "2.0")
            try:
                auth.set_tls_certificate(gio.TlsCertificate.new_from_files(str(tls.certificate), str(tls.key)))
            except self._glib.Error as error:
                raise VideoError(f"the TLS certificate {tls.certificate} cannot be used ({error.message})") from error
        token = self._rtsp.RTSPToken.new()
        token.set_string("media.factory.role", _ROLE)
        if credentials is None:
            auth.set_default_token(token)
        else:
            digest = gi_module("GstRtsp").RTSPAuthMethod.DIGEST
            auth.set_supported_methods(digest)
            auth.add_digest(credentials.username, credentials.password, token)
        return auth
