import subprocess

import pytest

from monitor.video.rtsp_feed import PaintedFeed
from monitor.video.rtsp_server import Credentials, TlsFiles
from monitor.video.status import CameraState


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Make an authority, a certificate of 127.0.0.1 that it signed, and another authority."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*arguments: object) -> None:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    for name in ("ca", "other"):
        openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN=test {name}"),
            *("-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"),
        )
    names = folder / "names"
    names.write_text("subjectAltName=IP:127.0.0.1\n", encoding="utf-8")
    openssl(
        *("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=camera"),
        *("-keyout", folder / "camera.key", "-out", folder / "camera.csr"),
    )
    openssl(
        *("x509", "-req", "-days", "30", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial"),
        *("-in", folder / "camera.csr", "-out", folder / "camera.pem", "-extfile", names),
    )
    return folder


def test_rtsps_with_digest(certificates, serve, make_camera, noise, eventually):
    server = serve(
        PaintedFeed(noise(), (320, 240)),
        tls=TlsFiles(certificates / "camera.pem", certificates / "camera.key"),
        credentials=Credentials("ward", "right-horse"),
    )
    camera = make_camera(
        server.url("/bed"),
        tls_ca_file=certificates / "ca.pem",
        username="ward",
        password="right-horse",  # noqa: S106 - a test's own server
    )
    eventually(lambda: camera.status().frames >= 3)
    assert server.url("/bed").startswith("rtsps://")
    assert camera.status().state is CameraState.PLAYING


@pytest.mark.parametrize("authority", [None, "other.pem"])
def test_certificate_that_is_not_trusted_is_refused(certificates, serve, make_camera, noise, eventually, authority):
    server = serve(
        PaintedFeed(noise(), (320, 240)), tls=TlsFiles(certificates / "camera.pem", certificates / "camera.key")
    )
    camera = make_camera(server.url("/bed"), tls_ca_file=None if authority is None else certificates / authority)
    eventually(lambda: camera.status().last_error)
    assert "TLS certificate that is not trusted; set tls_ca_file" in camera.status().last_error
    assert camera.status().frames == 0


def test_authority_that_cannot_be_read(certificates, make_camera, eventually, tmp_path):
    camera = make_camera("rtsps://127.0.0.1:1/bed", tls_ca_file=tmp_path / "none.pem")
    eventually(lambda: camera.status().last_error)
    assert "none.pem cannot be used" in camera.status().last_error
