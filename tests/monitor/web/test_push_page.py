"""Notices on a device, in a real Chromium: the settings, the worker of the browser, and the notice that it shows.

No push service of a browser's maker is reached here: the browser's subscription is made by the test, at a push service
of its own. What the station sends there is handed to the worker as the browser hands a message over. The slow ones run
with `make slow`.
"""

import json
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from push_service import PushService, Subscription
from redis_server import wait_until
from reliability import allowance

from monitor.control.access import Role
from monitor.web.users import User, write_users

pytestmark = [pytest.mark.timeout(180), pytest.mark.browser]

_DELIVERIES, _SHOWN_SECONDS = 6, 5.0

# A subscription at a push service that answers, in place of one that the browser makes over the internet.
SUBSCRIBE = """(() => {
    const made = %s;
    const plain = text => text.replaceAll("-", "+").replaceAll("_", "/");
    const bytes = text => Uint8Array.from(atob(plain(text)), one => one.charCodeAt(0)).buffer;
    const subscription = {
        endpoint: made.endpoint,
        getKey: name => bytes(made[name]),
        unsubscribe: async () => localStorage.removeItem("subscribed"),
        get options() { return { applicationServerKey: bytes(localStorage.getItem("subscribed")) } },
    };
    const joined = data => btoa(String.fromCharCode(...new Uint8Array(data)));
    const text = data => joined(data).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
    PushManager.prototype.subscribe = async options => {
        if (!options.userVisibleOnly) throw new Error("not visible");
        localStorage.setItem("subscribed", text(options.applicationServerKey));
        return subscription;
    };
    PushManager.prototype.getSubscription = async () => localStorage.getItem("subscribed") ? subscription : null;
})()"""


# The answer on which a page that was opened renews its device comes after those that somebody has asked for since.
FIRST_ANSWER_LATE = """(() => {
    const usual = window.fetch;
    window.fetch = async (path, options) => {
        const answer = await usual(path, options);
        if (path === "/api/v1/push" && window.late === undefined) {
            window.late = true;
            await new Promise(done => setTimeout(done, 3000));
            window.late = false;
        }
        return answer;
    };
})()"""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    made = PushService(tmp_path_factory.mktemp("push"))
    yield made
    made.close()


@pytest.fixture
def phone(service, request):
    return Subscription(service.url, request.node.name)


@pytest.fixture(scope="module")
def station(staged_module, secrets, tmp_path_factory, service):
    users = tmp_path_factory.mktemp("users") / "users"
    write_users(users, [User("anna", Role.NURSE, secrets["anna"])])
    return staged_module(web={"users_file": str(users), "push": service.settings()})


def log_in(page, url, language="en"):
    page.goto(f"{url}/language/{language}?next=/login")
    page.locator("#name").fill("anna")
    page.locator("#secret").fill("another password")
    page.locator("button[type=submit]").click()
    page.wait_for_selector("[data-bed=bed-1]")


def open_settings(page):
    page.locator(".push-open").click()
    page.locator("#push[open]").wait_for()
    page.locator("#push .push-mine li").first.wait_for()


def wait_for_words(page, text):
    page.locator("#push-state").filter(has_text=text).wait_for()


@pytest.fixture
def subscribed(station, browser, phone):
    """A page of a nurse whose browser has a push service and may show notices."""
    context = browser.new_context(viewport={"width": 1366, "height": 900})
    context.grant_permissions(["notifications"], origin=station.url)
    made = {"endpoint": phone.endpoint, "p256dh": phone.p256dh, "auth": phone.auth}
    context.add_init_script(SUBSCRIBE % json.dumps(made))
    page = context.new_page()
    page.set_default_timeout(45_000)
    yield page
    context.close()


def deliver(page, url, notice, is_shown):
    """Hand a message to the worker as the browser does when one comes from its push service, until it is shown.

    On a busy machine, messages of this tool of the browser's get lost; a notice with the same tag replaces the first.
    """
    for _ in range(_DELIVERIES):
        hand_over(page, url, notice)
        give_up = time.monotonic() + _SHOWN_SECONDS * allowance()
        while time.monotonic() < give_up:
            if is_shown(shown(page)):
                return
            time.sleep(0.1)
    pytest.fail(f"the browser did not show the notice, which it was handed {_DELIVERIES} times")


def hand_over(page, url, notice):
    session = page.context.new_cdp_session(page)
    found = []
    session.on("ServiceWorker.workerRegistrationUpdated", lambda event: found.extend(event["registrations"]))
    session.send("ServiceWorker.enable")
    page.wait_for_function("navigator.serviceWorker.ready.then(ready => ready.active?.state === 'activated')")
    wait_until(lambda: page.evaluate("1") and found, 45, "the registration of the worker")
    message = {"origin": url, "registrationId": found[-1]["registrationId"], "data": notice}
    session.send("ServiceWorker.deliverPushMessage", message)
    session.detach()


def shown(page):
    """Return the notices that the browser shows."""
    return page.evaluate(
        """async () => (await (await navigator.serviceWorker.ready).getNotifications())
        .map(one => ({title: one.title, body: one.body, lang: one.lang, tag: one.tag, path: one.data.path}))"""
    )


def test_a_nurse_turns_notices_on_and_gets_one_in_her_language_that_opens_the_bed(station, subscribed, service, phone):
    page = subscribed
    log_in(page, station.url, "pt-BR")
    open_settings(page)
    wait_for_words(page, "Desligados neste dispositivo.")
    page.locator("#push input[name=technical]").check()
    page.locator("#push .push-save").click()
    wait_for_words(page, "Ligados neste dispositivo")
    page.locator("#push .push-try").click()
    wait_for_words(page, "O serviço de push o aceitou.")
    station.set_bed("bed-2", score=0.9)
    wait_until(lambda: len(service.notices(phone)) >= 2, 60, "the notice of an alert")
    assert service.refused == []
    notice = service.notices(phone)[1]
    deliver(page, station.url, json.dumps(notice), bool)
    (seen,) = shown(page)
    assert seen["title"].startswith("bed-2: ")
    assert seen["title"] != "bed-2: Sign of pain"
    assert seen["body"].endswith("Observe o bebê.")
    assert (seen["lang"], seen["path"], seen["tag"]) == ("pt-BR", "/bed/bed-2", notice["tag"])
    # A click opens the bed. A browser without a screen opens no window, so the worker's wish is what is read.
    (worker,) = page.context.service_workers
    opened = worker.evaluate(
        """async () => {
            const opened = [];
            self.clients.openWindow = async address => { opened.push(address); };
            const [notification] = await self.registration.getNotifications();
            const event = new NotificationEvent("notificationclick", { notification });
            const waits = [];
            event.waitUntil = promise => waits.push(promise);
            self.dispatchEvent(event);
            await Promise.all(waits);
            return opened;
        }"""
    )
    assert opened == [f"{station.url}/bed/bed-2"]
    # What cannot be read is shown all the same: a browser takes the right away from who shows nothing.
    deliver(page, station.url, "no JSON", lambda notices: "NICU pain monitor" in [one["title"] for one in notices])


def test_settings_are_stored_and_a_device_is_turned_off(station, subscribed, service):
    page = subscribed
    log_in(page, station.url)
    open_settings(page)
    wait_for_words(page, "Off on this device.")
    assert page.locator("#push .push-try").is_hidden()
    found = Axe().run(page, "#push").response["violations"]
    assert not found, [(item["id"], [node["failureSummary"] for node in item["nodes"]]) for item in found]
    page.locator("#push .push-save").click()
    wait_for_words(page, "On for this device")
    page.locator("#push input[name=unwatched]").uncheck()
    page.locator("#push .push-save").click()
    wait_for_words(page, "Saved.")
    page.reload()
    open_settings(page)
    wait_for_words(page, "On for this device")
    assert not page.locator("#push input[name=unwatched]").is_checked()
    assert page.locator("#push input[name=pain]").is_checked()
    assert "this device" in page.locator("#push .push-mine").inner_text()
    page.locator("#push .push-off").click()
    wait_for_words(page, "Off on this device.")
    assert "this device" not in page.locator("#push .push-mine").inner_text()
    assert page.evaluate("localStorage.getItem('subscribed')") is None


def test_what_is_turned_off_while_a_page_renews_it_stays_off(station, subscribed):
    page = subscribed
    log_in(page, station.url)
    open_settings(page)
    page.locator("#push .push-save").click()
    wait_for_words(page, "On for this device")
    page.add_init_script(FIRST_ANSWER_LATE)
    page.reload()
    page.wait_for_function("window.late !== undefined")
    open_settings(page)
    wait_for_words(page, "On for this device")
    page.locator("#push .push-off").click()
    wait_for_words(page, "Off on this device.")
    page.wait_for_function("window.late === false")
    page.wait_for_timeout(500)
    assert page.evaluate("localStorage.getItem('subscribed')") is None
    assert page.evaluate("localStorage.getItem('nicu_push')") is None


@pytest.mark.slow
def test_a_station_that_does_not_reach_the_push_service_says_so(station, subscribed, service, phone):
    page = subscribed
    log_in(page, station.url)
    open_settings(page)
    page.locator("#push .push-save").click()
    wait_for_words(page, "On for this device")
    service.answers[phone.name] = 503
    page.locator("#push .push-try").click()
    wait_for_words(page, "This station does not reach the push service: it answers with HTTP 503.")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("", "This browser blocks notices of this page."),
        pytest.param(
            "Object.defineProperty(window, 'isSecureContext', {get: () => false})",
            "This page came without HTTPS",
            marks=pytest.mark.slow,
        ),
        pytest.param("delete window.PushManager", "This browser has no Web Push.", marks=pytest.mark.slow),
    ],
)
def test_the_page_says_why_there_are_no_notices(station, browser, script, words):
    context = browser.new_context()
    # What is not among the permissions is denied.
    context.grant_permissions(["notifications" if script else "geolocation"], origin=station.url)
    if script:
        context.add_init_script(script)
    page = context.new_page()
    page.set_default_timeout(45_000)
    log_in(page, station.url)
    open_settings(page)
    wait_for_words(page, words)
    assert page.locator("#push form").is_hidden()
    context.close()


@pytest.mark.slow
def test_a_browser_that_reaches_no_push_service_is_not_turned_on(station, browser):
    context = browser.new_context()
    context.grant_permissions(["notifications"], origin=station.url)
    context.add_init_script("PushManager.prototype.subscribe = async () => { throw new Error('push service error') }")
    page = context.new_page()
    page.set_default_timeout(45_000)
    log_in(page, station.url)
    open_settings(page)
    page.locator("#push .push-save").click()
    wait_for_words(page, "The browser did not reach its push service, or has none: push service error")
    context.close()


@pytest.mark.slow
def test_without_a_login_there_are_no_notices_and_where_they_are_off_no_button(stage, service, visit):
    page = visit(stage(web={"anonymous_role": "nurse", "push": service.settings()}).url)
    open_settings(page)
    wait_for_words(page, "Only who is logged in with a name has notices")
    plain = visit(stage().url)
    plain.locator(".sound-test").wait_for()
    assert plain.locator(".push-open").count() == 0
    assert plain.locator("#push").count() == 0
