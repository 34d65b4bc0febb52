"""Requests with values of every kind, for every operation of the API's own description: never an answer of 500."""

import json

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.e2e

_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
_FIELDS = st.dictionaries(st.sampled_from(["by", "reason", "seconds", "until", "bed", "minutes", "pseudonym"]), _JSON)
_BODIES = st.binary(max_size=40) | (_JSON | _FIELDS).map(lambda value: json.dumps(value).encode())
_TYPES = st.sampled_from(["application/json", "text/plain", "application/x-www-form-urlencoded", "application/xml"])
_NAMES = st.sampled_from(["bed-1", "b9", "%00", "%ff", "..", "a" * 3000, "%f0%9f%9b%8f", "-1", "{}", "%0d%0aX:y"])
_QUERIES = st.dictionaries(st.sampled_from(["bed", "open", "size", "next", "since", "limit"]), _NAMES, max_size=3)


@pytest.fixture(scope="module")
def operations(ward):
    with httpx.Client(base_url=ward.url, timeout=30, trust_env=False) as client:
        paths = client.get("/openapi.json").json()["paths"]
        yield client, sorted((method, path) for path, each in paths.items() for method in each if "event" not in path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=_NAMES, body=_BODIES, kind=_TYPES, query=_QUERIES)
def test_no_request_is_answered_with_500(operations, data, name, body, kind, query):
    client, known = operations
    method, path = data.draw(st.sampled_from(known))
    for field in ("{bed}", "{alert_id}"):
        path = path.replace(field, name)
    asked = path + "?" + "&".join(f"{key}={value}" for key, value in query.items())
    try:
        answer = client.request(
            method.upper(), asked, content=None if method == "get" else body, headers={"Content-Type": kind}
        )
    except (httpx.InvalidURL, httpx.LocalProtocolError):
        return
    assert answer.status_code < 500, (method, asked, body, answer.text[:300])
