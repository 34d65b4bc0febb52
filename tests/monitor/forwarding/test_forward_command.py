"""`nicu-monitor forward` as people start it."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from ports import free_port
from redis_server import wait_until

from monitor.commands.forward import command
from monitor.errors import ConfigError
from monitor.forwarding.settings import read_forward_settings


@pytest.fixture
def config(redis_server, http_sink, tmp_path):
    path = tmp_path / "forward.yaml"
    document = {
        "redis": {"url": redis_server.url},
        "from_start": True,
        "destinations": [{"name": "pager", "type": "webhook", "url": http_sink.url, "refusals": 1}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


def _command(config, *options):
    return [Path(sys.executable).with_name("nicu-monitor"), "forward", "--config", str(config), *options]


@pytest.mark.e2e
def test_it_forwards_until_it_is_stopped_and_shows_metrics(config, stream, http_sink, tmp_path):
    import urllib.request

    port = free_port()
    process = subprocess.Popen(_command(config, "--metrics-port", str(port)), stderr=subprocess.DEVNULL)
    try:
        alert = stream.publish().alert_id
        wait_until(lambda: http_sink.alerts == [alert], 60, "the alert arrives")

        def metrics() -> str:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()

        # Counted once the answer has come, which is after the arrival.
        wait_until(lambda: 'nicu_forward_sent_total{destination="pager"} 1.0' in metrics(), 20, "it is counted")
        assert 'nicu_forward_redis_up{destination="pager"} 1.0' in metrics()
        assert 'nicu_forward_waiting_seconds{destination="pager"} 0.0' in metrics()
        (tmp_path / "forward-state" / "pager.dead.jsonl").mkdir()  # cannot be counted
        assert "nicu_forward_dead_letters{" not in metrics()
        process.send_signal(signal.SIGHUP)
        further = stream.publish().alert_id
        wait_until(lambda: http_sink.alerts == [alert, further], 60, "it goes on after a hang-up")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    assert (tmp_path / "forward-state" / "pager.progress.json").exists()


@pytest.mark.e2e
def test_the_address_of_a_webhook_is_in_no_log(config, stream, http_sink, tmp_path):
    document = yaml.safe_load(config.read_text())
    document["destinations"][0]["url"] = f"{http_sink.url}/PATHSECRET?sig=QUERYSECRET"
    config.write_text(yaml.safe_dump(document))
    http_sink.answers = [200, 500]
    alerts = [stream.publish().alert_id for _ in range(2)]
    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen(_command(config), stderr=log)
        try:
            wait_until(lambda: http_sink.alerts == alerts, 60, "both alerts arrive")
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()
        log.seek(0)
        text = log.read()
    assert "pager" in text
    assert "SECRET" not in text


@pytest.mark.e2e
def test_a_port_that_is_taken_is_said_in_a_sentence(config):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            _command(config, "--metrics-port", str(port)), capture_output=True, text=True, check=False
        )
    assert done.returncode == 3
    assert done.stderr.startswith(f"error: no metrics at port {port} (Address already in use)")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.e2e
def test_metrics_are_served_at_the_address_that_is_given(config):
    port = free_port()
    options = "--metrics-port", str(port), "--metrics-address"
    process = subprocess.Popen(_command(config, *options, "127.0.0.2"), stderr=subprocess.DEVNULL)

    def answers(address):
        try:
            socket.create_connection((address, port), timeout=5).close()
        except OSError:
            return False
        return True

    try:
        wait_until(lambda: answers("127.0.0.2"), 60, "the metrics")
        assert not answers("127.0.0.1")
    finally:
        process.kill()
        process.wait()
    done = subprocess.run(_command(config, *options, "192.0.2.1"), capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "of 192.0.2.1; choose another --metrics-port or --metrics-address" in done.stderr


@pytest.mark.e2e
def test_a_test_says_of_each_destination_whether_it_took_it(config, http_sink):
    good = subprocess.run(_command(config, "--test"), capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout) == (0, "pager: the test has arrived\n")
    http_sink.answers = [500]
    bad = subprocess.run(_command(config, "--test"), capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stdout) == (1, "pager: FAILED: the server answered HTTP 500\n")


def test_a_check_reads_the_secrets_too_and_sends_nothing(config, http_sink, tmp_path):
    def check():
        return CliRunner().invoke(command, ["--config", str(config), "--check"], standalone_mode=False)

    done = check()
    assert (done.return_value, done.output) == (0, f"{config} is right\n")
    assert http_sink.requests == []
    assert not (tmp_path / "forward-state").exists()
    document = yaml.safe_load(config.read_text())
    document["redis"]["password_file"] = "nowhere"  # noqa: S105 - the name of a file
    config.write_text(yaml.safe_dump(document))
    assert isinstance(check().exception, ConfigError)
    del document["redis"]["password_file"]
    document["destinations"][0]["secret_file"] = "nowhere"  # noqa: S105 - as above
    config.write_text(yaml.safe_dump(document))
    assert isinstance(check().exception, ConfigError)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("destinations: []", "destinations: Tuple should have at least 1 item"),
        ("destinations: [{name: a, type: pigeon}]", "destinations.0"),
        ("a: [", "forward.yaml:1 is no YAML"),
        (
            "destinations: [{name: a, type: webhook, url: 'http://x/'}, {name: a, type: webhook, url: 'http://y/'}]",
            "two destinations are called 'a'",
        ),
        ("destinations: []\ndestinations: []", "forward.yaml:2: destinations: given twice, first in line 1; keep one"),
        ("beds: [{id: bed-1}]", "seems to be a station's file, which `nicu-monitor check` checks"),
        ("destinations: [{name: a, type: mqtt, host: x, colour: red}]", "colour: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_file_is_refused_with_the_field(tmp_path, text, sentence):
    path = tmp_path / "forward.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        read_forward_settings(path)
    assert sentence in str(raised.value)


def test_a_secret_file_that_is_missing_stops_the_start_with_its_name(config):
    from monitor.clock import SystemClock
    from monitor.forwarding.forwarder import open_sender

    document = yaml.safe_load(config.read_text())
    document["destinations"][0]["secret_file"] = "nowhere"  # noqa: S105 - the name of a file
    config.write_text(yaml.safe_dump(document))
    settings = read_forward_settings(config)
    with pytest.raises(ConfigError, match=r"pager\.secret_file: .*nowhere cannot be read"):
        open_sender(settings.destinations[0], SystemClock())


@pytest.mark.parametrize("content", [None, "no certificate"])
@pytest.mark.parametrize("kind", ["webhook", "mqtt", "email"])
def test_an_authority_that_is_missing_or_none_stops_the_start_with_its_name(config, tmp_path, kind, content):
    of_kind = {
        "webhook": {"url": "https://pager.example/"},
        "mqtt": {"host": "broker.example", "tls": True},
        "email": {"host": "mail.example", "sender": "a@b", "to": ["c@d"]},
    }
    from monitor.clock import SystemClock
    from monitor.forwarding.forwarder import open_sender

    document = yaml.safe_load(config.read_text())
    document["destinations"] = [{"name": "pager", "type": kind, "ca_file": "ca.pem", **of_kind[kind]}]
    config.write_text(yaml.safe_dump(document))
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    settings = read_forward_settings(config)
    with pytest.raises(ConfigError, match=r"pager\.ca_file: .*ca\.pem (cannot be read|holds no certificate)"):
        open_sender(settings.destinations[0], SystemClock())


def test_the_example_file_is_right_and_has_every_kind_of_destination():
    settings = read_forward_settings(Path(__file__).parents[3] / "configs/forward.example.yaml")
    assert [destination.type for destination in settings.destinations] == ["webhook", "mqtt", "hl7", "email"]
