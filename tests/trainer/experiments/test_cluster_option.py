"""What `--cluster` refuses before it asks any cluster."""

import sys

import click
import pytest
from ports import free_port

from trainer.commands.options import open_cluster
from trainer.errors import SettingsError, TrainingError


def test_a_cluster_and_a_number_of_processes_are_refused_together():
    with pytest.raises(click.UsageError, match="leave out --jobs"), open_cluster("203.0.113.1:6379", 2):
        pass


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SettingsError, match=r"pip install 'nicu-pain-monitor\[cluster\]'"), open_cluster("auto"):
        pass


def test_no_cluster_is_none():
    with open_cluster(None, 2) as found:
        assert found is None


def cluster_at(address):
    with open_cluster(address):
        pytest.fail("there is none")


def test_an_address_where_nothing_listens_is_one_sentence(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(TrainingError, match=f"^no Ray cluster answers at {address}; start one"):
        cluster_at(address)


@pytest.mark.parametrize("address", ["head", "ray://head:10001", "head:", ":6379"])
def test_what_is_no_address_is_one_sentence(monkeypatch, address):
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    with pytest.raises(SettingsError, match="give HOST:PORT of the cluster's head"):
        cluster_at(address)


def test_a_cluster_without_authentication_is_refused(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(SettingsError, match=r"^RAY_AUTH_MODE is not `token`: everybody who reaches an open Ray port"):
        cluster_at("127.0.0.1:6379")
