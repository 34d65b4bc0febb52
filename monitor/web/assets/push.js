// Notices on this device while the page is closed: the settings, and why there are none where there are none. The
// station sends only to who is logged in; a device that is on is renewed whenever its owner opens a page.
"use strict";
(() => {
  const KEY = "nicu_push";
  const API = "/api/v1/push";
  const dialog = () => document.getElementById("push");
  const words = () => JSON.parse(dialog().dataset.words);
  const part = selector => dialog().querySelector(selector);
  let own = null; // id of this device at the station
  let key = null; // of the station

  function remembered() {
    try {
      const found = JSON.parse(localStorage.getItem(KEY));
      return found?.user === dialog().dataset.user ? found : null;
    } catch {
      return null;
    }
  }

  function missing() {
    if (!window.isSecureContext) return "insecure";
    if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) return "unsupported";
    return Notification.permission === "denied" ? "blocked" : null;
  }

  async function ask(path, content) {
    const options = content === undefined ? {} : {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content),
    };
    const answer = await fetch(API + path, { cache: "no-store", ...options }).catch(() => null);
    const found = await answer?.json().catch(() => null);
    if (answer?.ok && found) return found;
    const detail = typeof found?.detail === "string" ? found.detail : words().station_lost;
    throw new Error(detail.charAt(0).toUpperCase() + detail.slice(1));
  }

  const base64 = buffer =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  const bytes = text => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), one => one.charCodeAt(0));

  async function subscription(create) {
    const worker = create
      ? await navigator.serviceWorker.register("/push-worker.js").then(() => navigator.serviceWorker.ready)
      : await navigator.serviceWorker.getRegistration("/");
    if (!worker) return null;
    let found = await worker.pushManager.getSubscription();
    const used = found?.options?.applicationServerKey;
    if (found && used && base64(used) !== key) {
      await found.unsubscribe(); // the station has another key than when this device was added
      found = null;
    }
    if (!found && create)
      found = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) });
    return found;
  }

  async function hand(found, choices) {
    const keys = { p256dh: base64(found.getKey("p256dh")), auth: base64(found.getKey("auth")) };
    const device = await ask("/devices", { endpoint: found.endpoint, ...keys, ...choices });
    localStorage.setItem(KEY, JSON.stringify({ user: dialog().dataset.user, id: device.id, choices }));
    return device.id;
  }

  function chosen() {
    return Object.fromEntries([...part("form").querySelectorAll("input")].map(one => [one.name, one.checked]));
  }

  function say(text) {
    part("#push-state").textContent = text;
  }

  function list(devices) {
    const items = devices.map(device => {
      const item = document.createElement("li");
      const text = document.createElement("span");
      const facts = [device.label, device.id === own ? words().this_device : null,
        words().added.replace("{time}", device.added_at), device.problem];
      text.textContent = facts.filter(Boolean).join(" · ");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = words().remove;
      button.ariaLabel = words().remove_named.replace("{name}", device.label);
      button.dataset.device = device.id;
      item.append(text, button);
      return item;
    });
    if (!items.length) {
      items.push(document.createElement("li"));
      items[0].textContent = words().none;
    }
    part(".push-mine ul").replaceChildren(...items);
    part(".push-mine").hidden = false;
  }

  // Show how things are; `note` is what has just been done.
  async function show(note) {
    const why = missing();
    let state;
    try {
      state = await ask("");
    } catch (error) {
      part("form").hidden = true;
      return say(error.message);
    }
    key = state.public_key;
    const found = why || state.problem ? null : await subscription(false);
    const mine = state.devices.find(device => device.id === remembered()?.id);
    own = found && mine ? mine.id : null;
    list(state.devices);
    part("form").hidden = Boolean(why || state.problem);
    const choices = mine?.choices ?? remembered()?.choices ?? {
      pain: true, unwatched: true, technical: false, only_urgent: false, names_bed: true,
    };
    for (const input of part("form").querySelectorAll("input")) {
      input.checked = Boolean(choices[input.name]);
      if (input.name !== "names_bed") continue;
      input.closest("label").hidden = !state.may_name_beds;
    }
    part(".push-save").textContent = own ? words().save : words().turn_on;
    for (const name of [".push-try", ".push-off"]) part(name).hidden = !own;
    const usual = why ? words()[why] : (state.problem ?? words()[own ? "on" : "off"]);
    say([note ?? usual, ...state.unreached].join(" "));
  }

  async function turnOn() {
    const choices = chosen();
    const answer = await Notification.requestPermission();
    if (answer !== "granted") return show(words()[answer === "denied" ? "blocked" : "unanswered"]);
    let found;
    try {
      found = await subscription(true);
    } catch (error) {
      return show(words().browser_refused.replace("{reason}", error.message));
    }
    await hand(found, choices);
    return show(own ? words().saved : undefined);
  }

  async function remove(id) {
    await ask(`/devices/${id}/remove`, {});
    if (id === remembered()?.id) {
      localStorage.removeItem(KEY);
      await (await subscription(false))?.unsubscribe();
    }
    return show();
  }

  // What the page renews by itself and what somebody turns off must not overtake each other.
  let turn = Promise.resolve();
  function inTurn(action) {
    turn = turn.then(action, action);
    return turn;
  }

  // One thing at a time, and never in silence.
  let busy = false;
  async function act(action) {
    if (busy) return;
    busy = true;
    say(words().checking);
    try {
      await inTurn(action);
    } catch (error) {
      await show(error.message).catch(() => say(error.message));
    } finally {
      busy = false;
    }
  }

  document.addEventListener("click", event => {
    const button = event.target.closest?.("button");
    if (button?.classList.contains("push-open")) {
      dialog().showModal();
      act(() => show());
    }
    if (!button || !button.closest("#push")) return;
    if (button.classList.contains("push-close")) dialog().close();
    else if (button.classList.contains("push-off")) act(() => remove(own));
    else if (button.dataset.device) act(() => remove(button.dataset.device));
    else if (button.classList.contains("push-try"))
      act(async () => show((await ask(`/devices/${own}/test`, {})).detail));
  });
  document.addEventListener("submit", event => {
    if (!event.target.closest("#push")) return;
    event.preventDefault();
    act(turnOn);
  });

  // A device that is on stays so with the login of today, in the language of today.
  async function renew() {
    const known = dialog() ? remembered() : null;
    if (!known || missing() || Notification.permission !== "granted") return;
    const state = await ask("");
    key = state.public_key;
    const found = state.problem ? null : await subscription(true);
    if (found) await hand(found, known.choices);
  }
  let waited = 0;
  const timer = setInterval(() => {
    if (!dialog() && ++waited < 60) return;
    clearInterval(timer);
    inTurn(renew).catch(() => {}); // the settings say why when somebody opens them
  }, 500);
})();
