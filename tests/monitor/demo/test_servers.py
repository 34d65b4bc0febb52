import subprocess
import sys
import time

import redis

from monitor.demo.servers import LocalPrometheus, LocalRedis, free_port


def test_redis_answers_while_it_is_open_and_is_gone_afterwards(tmp_path):
    with LocalRedis(tmp_path) as server:
        client = redis.Redis.from_url(server.url)
        assert client.set("key", "value")
        client.close()
    assert not server.answers()


def test_prometheus_starts_and_names_its_address(tmp_path):
    with LocalPrometheus(tmp_path, f"127.0.0.1:{free_port()}") as server:
        assert server.answers()
    assert not server.answers()


def test_a_server_does_not_outlive_a_demo_that_is_killed(tmp_path):
    program = (
        "import os, pathlib, signal, sys\n"
        "from monitor.demo.servers import LocalRedis\n"
        "with LocalRedis(pathlib.Path(sys.argv[1])) as server:\n"
        "    print(server.port, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE, text=True, check=False)
    assert killed.returncode == -9
    client = redis.Redis(port=int(killed.stdout), socket_timeout=1)
    try:
        for _ in range(200):
            try:
                client.ping()
            except redis.ConnectionError:
                return
            time.sleep(0.05)
        client.shutdown(nosave=True)
    finally:
        client.close()
    raise AssertionError("redis-server ran on without the demo")
