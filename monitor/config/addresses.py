"""The one rule for network addresses: where a host is, which credentials the address holds, and what may be shown.

An address is taken apart by RFC 3986 with two additions, because passwords are pasted into addresses as they are:

- Only the part before the first `/`, `?` or `#` can hold a login. An `@` after it is refused: nobody can know whether
  it belongs to a path or ends a password with one of these characters, and a wrong guess would print the password.
- Many cameras take a login in the path or the query. `display` therefore holds no query, and only those parts of a path
  that are words for streams and channels; everything else in it is `***`.

No message of this module repeats a part of an address.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

__all__ = [
    "CAMERA_SCHEMES",
    "NetworkAddress",
    "camera_address",
    "host_name",
    "scheme_of",
    "split_address",
]

CAMERA_SCHEMES = ("rtsp", "rtsps", "http", "https", "file", "v4l2", "synthetic")
_NETWORK_SCHEMES = frozenset({"rtsp", "rtsps", "http", "https"})
# What is no file's path but an address without `://`; as a path it would be printed, with the password in it.
_FORGOTTEN_SCHEME = re.compile(r"(?:rtsps?|https?):|(?![/.~]).*:.*@", re.IGNORECASE | re.DOTALL)

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_ADDRESS = re.compile(r"([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?", re.DOTALL)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+(?:%[\w.~-]+)?\]|[^\s:@\[\]\\,]+)(?::(\d{1,5}))?:?")
_HOST_NAME = re.compile(r"[a-z0-9:](?:[a-z0-9_.:-]*[a-z0-9:])?")
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f]")
_LAST_PORT = 65_535

_STREAM_WORDS = (
    "api av avc axis bed beds cam camera cameras cgi ch chan channel channels default extra feed first h h264 h265 "
    "hevc high img jpeg jpg live low main media mjpeg mjpg mpeg4 onvif play preview primary profile profiles "
    "realmonitor rtsp second secondary snapshot stream streaming streams sub third track trackid tracks "
    "unicast video videos"
)
_HARMLESS_TOKEN = re.compile(
    rf"(?:(?:{'|'.join(sorted(_STREAM_WORDS.split(), key=len, reverse=True))})+\d{{0,3}}|[a-z]?\d{{0,3}}|amp|sdp)",
    re.IGNORECASE,
)
_ESCAPES = "# as %23, ? as %3F, / as %2F and @ as %40"


@dataclass(frozen=True, slots=True)
class NetworkAddress:
    """One address, taken apart.

    Attributes:
        scheme: In small letters.
        hosts: (host, port) in their order; an IPv6 address without its brackets, None for a port that is not given.
        path: As written, from its first slash; may hold a login.
        query: As written, without the question mark; may hold a login.
        username: Decoded; None where there is none.
        password: Decoded; None where there is none.
    """

    scheme: str
    hosts: tuple[tuple[str, int | None], ...]
    path: str = field(repr=False)
    query: str = field(repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def netloc(self) -> str:
        """The hosts and ports as an address holds them."""
        return ",".join(
            (f"[{host}]" if ":" in host else host) + ("" if port is None else f":{port}") for host, port in self.hosts
        )

    @property
    def location(self) -> str:
        """The address without user and password; a path or query may still hold a login."""
        return f"{self.scheme}://{self.netloc}{self.path}" + (f"?{self.query}" if self.query else "")

    @property
    def display(self) -> str:
        """The address for people: no credential, whichever part of the address held it."""
        return f"{self.scheme}://{self.netloc}{_shown_path(self.path)}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every text that must not be repeated where others' messages are passed on, the longest first."""
        hidden = [part for part in self.path.split("/") if part and _is_hidden(part)]
        found = [self.password or "", quote(self.password or "", safe=""), self.query, *hidden]
        return tuple(sorted({text for text in found if text}, key=len, reverse=True))


def host_name(text: str) -> str:
    """Return a host's name as browsers send it: small letters, ASCII, no scheme, port or dot at its end.

    Raises:
        ValueError: It is no name of one host.
    """
    name = text.strip()
    if (scheme := scheme_of(name)) is not None:
        name = name[len(scheme) + 3 :]
    found = _HOST.fullmatch(name.rstrip("/"))
    try:
        plain = "" if found is None else found[1].strip("[]").rstrip(".").encode("idna").decode().lower()
    except UnicodeError:
        plain = ""
    if not _HOST_NAME.fullmatch(plain):
        raise ValueError("write the name of one host, such as nicu.hospital.example; patterns with * are not known")
    return plain


def scheme_of(text: str) -> str | None:
    """Return the scheme of an address in small letters; None where there is none."""
    found = _SCHEME.match(text)
    return None if found is None else found[1].lower()


def camera_address(url: str) -> NetworkAddress | None:
    """Return a network camera's address, taken apart; None for a file and the other kinds.

    Raises:
        ValueError: It is none; the message repeats nothing of it.
    """
    scheme = scheme_of(url)
    if scheme is None:
        if _FORGOTTEN_SCHEME.match(url):
            raise ValueError("a network address begins with its scheme, such as rtsp://")
        return None
    if scheme not in CAMERA_SCHEMES:
        raise ValueError(f"unknown kind of address; use one of {', '.join(f'{s}://' for s in CAMERA_SCHEMES)}")
    if scheme not in _NETWORK_SCHEMES:
        return None
    address = split_address(url)
    if len(address.hosts) > 1:
        raise ValueError("the address names several hosts; a camera has one")
    return address


def _shown_path(path: str) -> str:
    """Return a path with `***` for every part that is not a word for a stream or a channel."""
    return "/".join("***" if _is_hidden(part) else part for part in path.split("/"))


def split_address(text: str, *, needs_host: bool = True) -> NetworkAddress:
    """Take an address apart.

    Args:
        text: `scheme://[user[:password]@]host[:port][,host[:port]...][/path][?query]`.
        needs_host: Whether an address without a host is refused; a Unix socket has none.

    Raises:
        ValueError: It cannot be read; the message is a sentence that repeats nothing of it.
    """
    scheme = scheme_of(text)
    if scheme is None:
        raise ValueError("an address begins with its scheme, such as rtsp:// or redis://")
    found = _ADDRESS.fullmatch(text, len(scheme) + 3)
    if found is None:  # the expression matches every text
        raise ValueError("the address cannot be read")
    authority, path, query, fragment = found[1], found[2], found[3] or "", found[4]
    if "@" in path + query + (fragment or ""):
        raise ValueError(
            f"the address has an @ after a /, ? or #; write, in a password and in a path, {_ESCAPES}, or give the "
            "login in `username` and `password_file`"
        )
    if fragment is not None:
        raise ValueError("the address has a #, which ends an address; write it as %23")
    userinfo, at, hosts_text = authority.rpartition("@")
    if _UNPRINTABLE.search(hosts_text + path + query):
        raise ValueError("the address has a blank or a control character in it; write a blank as %20")
    hosts = _hosts(hosts_text)
    if needs_host and not hosts:
        raise ValueError("the address names no host")
    user, colon, password = userinfo.partition(":")
    return NetworkAddress(
        scheme, hosts, path, query, unquote(user) if at else None, unquote(password) if colon else None
    )


def _hosts(text: str) -> tuple[tuple[str, int | None], ...]:
    hosts: list[tuple[str, int | None]] = []
    for item in text.split(","):
        if not item:
            continue
        found = _HOST.fullmatch(item)
        port = None if found is None or found[2] is None else int(found[2])
        if found is None or port == 0 or (port or 1) > _LAST_PORT:
            raise ValueError(
                "the address has a host or port that cannot be read; a port is a number from 1 to 65535, and in a "
                f"password write {_ESCAPES}"
            )
        hosts.append((found[1].strip("[]"), port))
    return tuple(hosts)


def _is_hidden(part: str) -> bool:
    return not all(_HARMLESS_TOKEN.fullmatch(token) for token in re.split(r"[._-]", part))
