"""Finds the ONVIF cameras of the networks that this machine is part of, by WS-Discovery."""

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from onveef.wsdiscovery import DiscoveredDevice, discover

from monitor.cameras.wording import printable
from monitor.config.addresses import split_address
from monitor.errors import VideoError

__all__ = ["FoundCamera", "find_cameras"]

_WEB_SCHEMES = frozenset({"http", "https"})


@dataclass(frozen=True, slots=True)
class FoundCamera:
    """A camera that answered. What it says of itself is unproven, and free of control characters.

    Attributes:
        address: Of its device service, for `cameras profiles`.
        host: In the address.
        name: What somebody called it.
        hardware: Its model.
        location: Where somebody said that it is.
        endpoint: Names the device for good; its address may change.
    """

    address: str
    host: str
    name: str
    hardware: str
    location: str
    endpoint: str


def find_cameras(seconds: float, interfaces: Sequence[str] = ()) -> list[FoundCamera]:
    """Ask all cameras who they are, and collect the answers.

    Args:
        seconds: How long to listen, on each network.
        interfaces: Own addresses from which to ask; all that are known when empty.

    Returns:
        Those with an address that can be used, in the order of their addresses.

    Raises:
        VideoError: One of `interfaces` is no IPv4 address of this machine.
    """
    for interface in interfaces:
        _check_own_address(interface)
    devices = discover(timeout_s=seconds, interface_ip=list(interfaces) or None)
    cameras = [camera for camera in map(_camera, devices) if camera is not None]
    return sorted(cameras, key=lambda camera: (_sortable(camera.host), camera.address))


def _check_own_address(text: str) -> None:
    """Refuse what nothing can be sent from: the search would be silent, as where no camera answers."""
    try:
        own = ipaddress.IPv4Address(text)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
            trial.bind((str(own), 0))
    except (ValueError, OSError):
        raise VideoError(
            f"{printable(text)} is no IPv4 address of this machine; `ip -4 address` lists them, such as 192.0.2.10"
        ) from None


def _camera(device: DiscoveredDevice) -> FoundCamera | None:
    addresses = [found for text in device.xaddrs for found in _web_addresses(text)]
    if not addresses:
        return None
    # A camera often has a link-local address as well, which other machines of the station cannot reach.
    host, address = min(addresses, key=lambda found: _is_link_local(found[0]))
    name, hardware, location = (printable(unquote(text)) for text in (device.name, device.hardware, device.location))
    return FoundCamera(address, host, name, hardware, location, printable(device.endpoint_reference))


def _web_addresses(text: str) -> list[tuple[str, str]]:
    try:
        address = split_address(text)
    except ValueError:
        return []
    if address.scheme not in _WEB_SCHEMES or len(address.hosts) != 1:
        return []
    return [(address.hosts[0][0], printable(f"{address.scheme}://{address.netloc}{address.path}"))]


def _is_link_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_link_local
    except ValueError:
        return False


def _sortable(host: str) -> tuple[int, int, str]:
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return 7, 0, host
    return found.version, int(found), host
