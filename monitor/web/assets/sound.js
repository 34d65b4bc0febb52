// Tones in the browser for what is signalled, wanted by whoever sits at it: off until somebody turns them on, and always
// labelled as off, on or blocked. Each kind and priority has a pitch and a rhythm of its own, after the idea of
// IEC 60601-1-8 and not after its melodies. The tone of a lost station is made here, for the station cannot.
"use strict";
(() => {
  // Notes in Hz, seconds a note and between notes, seconds until it is repeated while nobody acknowledges.
  const TONES = {
    physiological_high: { notes: [587, 698, 880, 698, 880], note: 0.14, gap: 0.1, every: 5 },
    physiological_medium: { notes: [494, 587, 740], note: 0.2, gap: 0.18, every: 10 },
    physiological_low: { notes: [494, 587], note: 0.24, gap: 0.3, every: 20 },
    technical_high: { notes: [311, 233, 311, 233], note: 0.2, gap: 0.15, every: 10 },
    technical_medium: { notes: [311, 233], note: 0.3, gap: 0.25, every: 20 },
    technical_low: { notes: [262], note: 0.35, gap: 0.3, every: 40 },
    lost: { notes: [831, 208, 831, 208], note: 0.16, gap: 0.06, every: 10 },
  };
  const ORDER = Object.keys(TONES);
  const KEY = "nicu_sound";
  const NOTICE_KEY = "nicu_notice";
  const asked = new URLSearchParams(window.location.search).get("sound");
  let context = null;
  let heard = new Set();
  let playedAt = {};

  const isOn = () => (asked ?? localStorage.getItem(KEY)) === "on";
  const wantsNotices = () =>
    localStorage.getItem(NOTICE_KEY) === "on" && "Notification" in window && Notification.permission === "granted";
  const isBlocked = () => context === null || context.state !== "running";

  function wake() {
    context = context ?? new AudioContext();
    if (context.state !== "running") context.resume().catch(() => {});
  }

  function play(name, delay = 0) {
    if (isBlocked()) return 0;
    const tone = TONES[name];
    let at = context.currentTime + 0.02 + delay;
    for (const frequency of tone.notes) {
      const oscillator = context.createOscillator();
      const gain = context.createGain();
      oscillator.type = name.startsWith("physiological") ? "triangle" : "square";
      oscillator.frequency.value = frequency;
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(name.startsWith("physiological") ? 0.5 : 0.2, at + 0.02);
      gain.gain.setValueAtTime(name.startsWith("physiological") ? 0.5 : 0.2, at + tone.note - 0.04);
      gain.gain.linearRampToValueAtTime(0, at + tone.note);
      oscillator.connect(gain).connect(context.destination);
      oscillator.start(at);
      oscillator.stop(at + tone.note + 0.02);
      at += tone.note + tone.gap;
    }
    return at - context.currentTime;
  }

  function signals() {
    const link = document.body.dataset.link;
    if (link === "lost" || link === "out") {
      const words = link === "out" ? document.querySelector("#logged-out strong").textContent : document.getElementById("link-lost").dataset.title;
      return [{ id: link, tone: "lost", words }];
    }
    try {
      return JSON.parse(document.getElementById("signals")?.textContent || "[]");
    } catch {
      return [];
    }
  }

  function notify(signal) {
    if (!document.hidden || !wantsNotices()) return;
    new Notification(signal.words, { tag: signal.id, body: document.getElementById("sound").dataset.notice });
  }

  function sound() {
    const now = Date.now() / 1000;
    const present = signals();
    const fresh = present.filter(signal => !heard.has(signal.id + signal.tone));
    heard = new Set(present.map(signal => signal.id + signal.tone));
    fresh.forEach(notify);
    const loudest = ORDER.find(name => present.some(signal => signal.tone === name));
    const first = present.find(signal => signal.tone === "lost") ? "lost" : loudest;
    if (!first || !isOn()) return;
    const isNew = fresh.some(signal => signal.tone === first);
    if ((isNew || now - (playedAt[first] ?? -Infinity) >= TONES[first].every) && play(first)) playedAt[first] = now;
  }

  function show() {
    const bar = document.getElementById("sound");
    if (!bar) return;
    const state = !isOn() ? "off" : isBlocked() ? "blocked" : "on";
    if (bar.dataset.state !== state) {
      bar.dataset.state = state;
      bar.querySelector(".sound-state").textContent = bar.dataset[state];
      bar.querySelector(".sound-switch")?.setAttribute("aria-pressed", String(state !== "off"));
    }
    const notices = bar.querySelector(".notice-switch");
    notices?.setAttribute("aria-pressed", String(wantsNotices()));
    if (notices) notices.hidden = !("Notification" in window);
  }

  document.addEventListener("click", event => {
    const bar = event.target.closest?.("#sound");
    if (isOn()) wake(); // any click lifts the browser's block
    if (bar && event.target.closest(".sound-switch")) {
      localStorage.setItem(KEY, isOn() && !isBlocked() ? "off" : "on");
      if (isOn()) wake();
    } else if (bar && event.target.closest(".sound-test")) {
      wake();
      context.resume().then(() => {
        let delay = 0;
        for (const name of ["physiological_low", "physiological_medium", "technical_low", "technical_medium", "lost"])
          delay = play(name, delay) + 0.7;
      });
    } else if (bar && event.target.closest(".notice-switch")) {
      const turnOn = !wantsNotices();
      localStorage.setItem(NOTICE_KEY, turnOn ? "on" : "off");
      if (turnOn) Notification.requestPermission().then(show);
    }
    show();
  });
  window.nicuSounds = () => isOn() && !isBlocked();
  if (isOn()) wake();
  setInterval(() => {
    show();
    sound();
  }, 500);
})();
