// A page whose data has stopped coming must not look live, whatever the reason: a closed or a silent connection, a
// station that is stopped, hangs or is cut off. The server changes the text of #pulse once a second; this script only
// watches it, and asks the station from time to time whether it is back.
"use strict";
(() => {
  const LOST_AFTER_MS = 4000;
  const ASK_EVERY_MS = 3000;
  const ANSWER_WITHIN_MS = 2500;
  const RELOAD_AFTER_MS = 8000;
  const started = Date.now();
  let pulse = "";
  let pulseAt = 0;
  let lostAt = 0;
  let askedAt = 0;
  let answersSince = 0;
  let title = "";
  let leaving = false;

  function lose(now) {
    lostAt = now;
    answersSince = 0;
    title = document.title;
    const sign = document.getElementById("link-lost");
    document.title = sign.dataset.title.toUpperCase() + " - " + title;
    document.body.dataset.link = "lost";
    // The station's own clock, in the zone of all other times on the page, as it stood when the data stopped.
    const since = document.getElementById("station-clock")?.textContent || new Date(pulseAt || started).toLocaleTimeString();
    document.getElementById("link-lost-since").textContent = sign.dataset.since.replace("%", since);
    sign.hidden = false;
  }

  function regain() {
    lostAt = 0;
    document.getElementById("logged-out").hidden = true;
    const sign = document.getElementById("link-lost");
    if (document.title.startsWith(sign.dataset.title.toUpperCase() + " - ")) document.title = title;
    document.body.dataset.link = "live";
    sign.hidden = true;
  }

  // The form says why it has come, and leads back here, but it is silent. Where tones are on, the page stays instead, hides
  // what is old, and sounds as one whose station is lost until somebody logs in, here or in another window.
  window.nicuLogIn = () => {
    if (leaving) return;
    leaving = true;
    const here = window.location.pathname + window.location.search;
    const form = "/login?ended=1&next=" + encodeURIComponent(here);
    if (!window.nicuSounds?.()) {
      window.location.assign(form);
      return;
    }
    const sign = document.getElementById("logged-out");
    sign.querySelector("a").href = form;
    sign.hidden = false;
    document.getElementById("link-lost").hidden = true;
    document.body.dataset.link = "out";
  };

  async function ask(now) {
    askedAt = now;
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), ANSWER_WITHIN_MS);
    try {
      const answer = await fetch("/api/v1/session", { signal: stop.signal, cache: "no-store" });
      if (answer.status === 401 && document.body.dataset.display === "wall") {
        // A display on the wall says that it is logged out; a form that nobody expects would hide that.
        document.getElementById("logged-out").hidden = false;
        document.getElementById("link-lost").hidden = true;
        answersSince = 0;
        return;
      }
      if (answer.status === 401) {
        window.nicuLogIn();
        return;
      }
      if (!answer.ok) throw new Error("not ready");
      if (leaving) window.location.reload(); // somebody has logged in again
      answersSince = answersSince || Date.now();
      // The station answers, and still nothing comes: only a fresh page helps.
      if (Date.now() - answersSince > RELOAD_AFTER_MS) window.location.reload();
    } catch {
      answersSince = 0;
    } finally {
      clearTimeout(timer);
    }
  }

  // On the wall a text that is too wide for its tile is set narrower, never smaller: it is read from across the room.
  function fit() {
    for (const element of document.querySelectorAll(".wall-fit")) {
      const room = element.parentElement;
      const isName = element.classList.contains("wall-name");
      if (isName && element.dataset.shown !== element.textContent) element.dataset.whole = element.textContent;
      const whole = element.dataset.whole ?? element.textContent;
      const key = [whole, room.clientWidth, room.clientHeight].join(" ");
      if (element.dataset.fitted === key) continue;
      element.dataset.fitted = key;
      if (isName) element.textContent = whole;
      const fits = () => element.scrollWidth <= element.clientWidth + 1 && element.scrollHeight <= room.clientHeight + 1;
      for (let scale = 1; scale >= 0.45; scale -= 0.05) {
        element.style.width = 100 / scale + "%";
        element.style.transform = scale === 1 ? "" : "scaleX(" + scale + ")";
        if (fits()) break;
      }
      // A name that is still too long loses its middle: beds are told apart by the end more often than by the beginning.
      for (let kept = whole.length - 1; isName && kept >= 4 && !fits(); kept--) {
        const head = Math.floor(kept / 3);
        element.textContent = whole.slice(0, head) + "…" + whole.slice(head - kept);
      }
      if (isName) element.dataset.shown = element.textContent;
    }
  }

  function watch() {
    fit();
    const now = Date.now();
    if (leaving) {
      if (document.body.dataset.link === "out" && now - askedAt > ASK_EVERY_MS) ask(now);
      return;
    }
    const text = document.getElementById("pulse")?.textContent ?? "";
    if (text && text !== pulse) {
      pulse = text;
      pulseAt = now;
      if (lostAt) regain();
    }
    if (!lostAt && now - (pulseAt || started) > LOST_AFTER_MS) lose(now);
    if (lostAt && now - askedAt > ASK_EVERY_MS) ask(now);
    // The library reloads the page when an attempt to connect takes too long, which leaves the browser with an error
    // page that does not come back; attempts may take as long as they like, this script watches.
    window.socket?.io?.timeout(false);
  }

  document.body.dataset.link = "live";
  setInterval(watch, 500);
  document.addEventListener("visibilitychange", watch);
})();
