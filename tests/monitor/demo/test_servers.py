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
