"""The page behind nginx with TLS: the example of deploy/, started with a certificate of its own."""

import os
import re
import shutil
import ssl
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from ports import free_port

pytestmark = [pytest.mark.timeout(120), pytest.mark.browser]

EXAMPLE = Path(__file__).resolve().parents[3] / "deploy" / "nginx" / "nicu-monitor.conf"
MAIN = """
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log {directory}/access.log;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    include {directory}/nicu-monitor.conf;
}}
"""


@pytest.fixture
def nginx():
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed: apt-get install nginx")
    return program


@contextmanager
def running(nginx, directory, port):
    """Run an nginx whose nginx.conf lies in a directory, until the block ends."""
    process = subprocess.Popen([nginx, "-c", str(directory / "nginx.conf"), "-e", str(directory / "error.log")])
    try:
        give_up = time.monotonic() + 20
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
            except httpx.TransportError:
                assert time.monotonic() < give_up, (directory / "error.log").read_text()
                time.sleep(0.1)
            else:
                break
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def proxied(stage, tmp_path, users_file, nginx):
    """Address of the page behind the proxy, address of the port without TLS, and the station behind."""
    station = stage(
        web={"users_file": str(users_file(tmp_path)), "allowed_hosts": ["localhost"], "trusted_proxies": ["127.0.0.1"]}
    )
    directory = tmp_path / "nginx"
    directory.mkdir()
    plain, tls = free_port(), free_port()
    key, certificate = directory / "key", directory / "certificate"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(certificate),
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    text = EXAMPLE.read_text()
    text = re.sub(r"\n    listen \[::\].*", "", text)  # this machine may have no IPv6
    for old, new in (
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl", f"listen 127.0.0.1:{tls} ssl"),
        ("127.0.0.1:9108", station.url.removeprefix("http://")),
        ("/etc/nginx/nicu-monitor.crt", str(certificate)),
        ("/etc/nginx/nicu-monitor.key", str(key)),
        ("nicu.hospital.example", "localhost"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    (directory / "nicu-monitor.conf").write_text(text)
    (directory / "nginx.conf").write_text(MAIN.format(directory=directory))
    if os.geteuid() == 0:
        (directory / "nginx.conf").write_text("user root;\n" + (directory / "nginx.conf").read_text())
    with running(nginx, directory, plain):
        yield f"https://localhost:{tls}", f"http://localhost:{plain}", certificate, station


def test_the_page_is_live_through_the_proxy_and_its_cookie_never_leaves_tls(proxied, visit):
    url, _, _, station = proxied
    page = visit(url, ignore_https_errors=True)
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password or token").fill("another password")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector("[data-bed=bed-1][data-state=no_sign]")
    (cookie,) = [one for one in page.context.cookies() if one["name"] == "nicu_session"]
    assert (cookie["secure"], cookie["httpOnly"]) == (True, True)
    station.set_bed("bed-1", score=0.9)
    page.wait_for_selector("[data-bed=bed-1][data-state=pain_sustained]")
    # What changes something passes the check of its origin.
    station.wait_for_phase("bed-1", "escalate")
    page.get_by_role("button", name="Acknowledge bed-1").click()
    page.wait_for_selector("[data-bed=bed-1][data-acknowledged=true]")


def test_what_the_proxy_keeps_away(proxied):
    url, plain, certificate, _ = proxied
    moved = httpx.get(f"{plain}/wall?theme=dark", trust_env=False)
    assert (moved.status_code, moved.headers["location"]) == (301, "https://localhost/wall?theme=dark")
    trusted = ssl.create_default_context(cafile=str(certificate))
    with httpx.Client(base_url=url, verify=trusted, trust_env=False, timeout=20) as client:
        for path in ("/metrics", "/healthz", "/readyz"):
            assert client.get(path).status_code == 404, path
        answer = client.get("/api/v1/beds", headers={"Authorization": "Bearer " + "t" * 43})
        assert answer.status_code == 200
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert client.post("/login", content=b"x" * 70_000).status_code == 413
        foreign = {"Origin": "https://evil.example", "Authorization": "Bearer " + "t" * 43}
        assert client.post("/api/v1/beds/bed-1/pause", json={}, headers=foreign).status_code == 403
        with client.stream("GET", "/api/v1/events", headers={"Authorization": "Bearer " + "t" * 43}) as events:
            # The first event comes at once: nothing is held back.
            assert next(events.iter_lines()).startswith(("event:", "retry:", "data:"))


@pytest.fixture
def signed_on(stage, tmp_path, users_file, nginx):
    """Address of a page behind a proxy that asks for the login itself, and the station behind."""
    web = {"users_file": str(users_file(tmp_path)), "trusted_proxies": ["127.0.0.1"], "user_header": "X-Remote-User"}
    station = stage(web=web)
    directory, port = tmp_path / "nginx", free_port()
    directory.mkdir()
    (directory / "logins").write_text("anna:{PLAIN}of the hospital\nbert:{PLAIN}of the hospital\n")
    (directory / "nicu-monitor.conf").write_text(f"""
        server {{
            listen 127.0.0.1:{port};
            auth_basic "hospital";
            auth_basic_user_file {directory}/logins;
            location / {{
                proxy_pass {station.url};
                proxy_set_header Host $http_host;
                proxy_set_header X-Forwarded-For $remote_addr;
                proxy_set_header X-Remote-User $remote_user;
                proxy_http_version 1.1;
                proxy_set_header Upgrade $http_upgrade;
                proxy_set_header Connection "upgrade";
            }}
        }}""")
    root = "user root;\n" if os.geteuid() == 0 else ""
    (directory / "nginx.conf").write_text(root + MAIN.format(directory=directory))
    with running(nginx, directory, port):
        yield f"http://127.0.0.1:{port}", station


def test_who_has_logged_in_at_the_proxy_is_that_user_here(signed_on):
    url, station = signed_on
    with httpx.Client(base_url=url, trust_env=False, timeout=20) as client:
        assert client.get("/").status_code == 401, "the proxy's own"
        client.auth = ("anna", "of the hospital")
        forged = {"X-Remote-User": "wall"}
        assert client.get("/api/v1/session", headers=forged).json()["name"] == "anna"
        station.set_bed("bed-1", camera="lost")
        station.wait_for_phase("bed-1", "start")
        (alert,) = station.alerts("bed-1")
        path = f"/api/v1/alerts/{alert['alert']['alert_id']}/acknowledge"
        assert client.post(path, json={}, headers={"Origin": url}).json()["by"] == "anna"
        client.auth = ("bert", "of the hospital")
        refused = client.get("/api/v1/beds")
        assert (refused.status_code, refused.json()["detail"]) == (
            403, "the proxy names somebody who is not in this station's users file",
        )  # fmt: skip


def test_the_page_of_who_has_logged_in_at_the_proxy_stays_and_takes_what_they_do(signed_on, visit):
    url, station = signed_on
    page = visit(url, http_credentials={"username": "anna", "password": "of the hospital"})
    page.wait_for_selector("[data-bed=bed-1][data-state=no_sign]")
    station.set_bed("bed-1", score=0.9)
    page.wait_for_selector("[data-bed=bed-1][data-state=pain_sustained]")  # seconds later, the page is still there
    station.wait_for_phase("bed-1", "escalate")
    page.get_by_role("button", name="Acknowledge bed-1").click()
    page.wait_for_selector("[data-bed=bed-1][data-acknowledged=true]")
    assert {item["acknowledgement"]["by"] for item in station.alerts("bed-1")} == {"anna"}
    assert page.url == f"{url}/"


@pytest.mark.parametrize(
    ("trusted", "headers", "status"),
    [
        (["192.0.2.1"], [("X-Remote-User", "anna")], 401),
        (["127.0.0.0/8"], [("X-Remote-User", "anna")], 200),
        (["127.0.0.0/8"], [("X-Remote-User", "anna"), ("X-Remote-User", "wall")], 403),
        (["127.0.0.0/8"], [("X-Remote-User", "")], 401),
        (["127.0.0.0/8"], [("X-Forwarded-For", "192.0.2.7"), ("X-Remote-User", "anna")], 200),
        (["192.0.2.1"], [("X-Forwarded-For", "192.0.2.1"), ("X-Remote-User", "anna")], 401),
    ],
)
def test_nobody_but_a_trusted_proxy_names_a_user(make_server, tmp_path, users_file, trusted, headers, status):
    server = make_server(
        anonymous_role="none",
        users_file=str(users_file(tmp_path)),
        trusted_proxies=trusted,
        user_header="X-Remote-User",
    )
    server.start()
    url = f"http://127.0.0.1:{server.port}/api/v1/session"
    assert httpx.get(url, headers=headers, trust_env=False, timeout=30).status_code == status


def test_the_events_of_who_has_logged_in_at_the_proxy_go_on(make_server, tmp_path, users_file):
    """The stream asked for a cookie or a token after its first event, and ended where a proxy had vouched."""
    users = users_file(tmp_path)
    web = {"users_file": str(users), "trusted_proxies": ["127.0.0.0/8"], "user_header": "X-Remote-User"}
    server = make_server(anonymous_role="none", **web)
    server.start()
    url, headers = f"http://127.0.0.1:{server.port}/api/v1/events", {"X-Remote-User": "anna"}
    timeout = httpx.Timeout(30, read=2)
    with httpx.Client(trust_env=False, timeout=30) as client:
        client.get(url.replace("events", "session"), headers=headers)  # answers once the libraries are loaded
        with client.stream("GET", url, headers=headers, timeout=timeout) as answer, pytest.raises(httpx.ReadTimeout):
            for _ in answer.iter_lines():
                pass
        with client.stream("GET", url, headers=headers) as answer:
            lines = answer.iter_lines()
            assert next(lines)
            users.unlink()
            for _ in lines:
                pass  # ends, for who listens is no user any more
