// Drawing a rectangle on a picture with a pointer: a mouse, a finger or a pen. What is drawn is sent as shares of the
// picture's width and height, once, when the pointer is lifted; the page of the station does the rest.
"use strict";
(() => {
  const SMALLEST = 0.02;
  let drawn = null;

  const clamp = (share) => Math.min(1, Math.max(0, share));

  function at(frame, event) {
    const box = frame.getBoundingClientRect();
    return [clamp((event.clientX - box.left) / box.width), clamp((event.clientY - box.top) / box.height)];
  }

  function edges([x, y]) {
    const [x0, y0] = drawn.from;
    return { left: Math.min(x, x0), top: Math.min(y, y0), right: Math.max(x, x0), bottom: Math.max(y, y0) };
  }

  // In every frame, not at every move: a renewed page puts the saved rectangle back under a pointer at rest.
  function follow() {
    if (!drawn) return;
    const { left, top, right, bottom } = edges(drawn.to);
    const style = drawn.frame.querySelector(".picture-draft").style;
    style.left = `${100 * left}%`;
    style.top = `${100 * top}%`;
    style.width = `${100 * (right - left)}%`;
    style.height = `${100 * (bottom - top)}%`;
    requestAnimationFrame(follow);
  }

  document.addEventListener("pointerdown", (event) => {
    const frame = event.target.closest?.(".picture-frame[data-drawing]");
    if (!frame || event.button !== 0) return;
    event.preventDefault();
    frame.setPointerCapture(event.pointerId);
    const from = at(frame, event);
    drawn = { frame, from, to: from };
    follow();
  });

  document.addEventListener("pointermove", (event) => {
    if (drawn) drawn.to = at(drawn.frame, event);
  });

  document.addEventListener("pointerup", (event) => {
    if (!drawn) return;
    const { frame } = drawn;
    const detail = edges(at(frame, event));
    drawn = null;
    if (detail.right - detail.left < SMALLEST || detail.bottom - detail.top < SMALLEST) return;
    frame.dispatchEvent(new CustomEvent("region", { detail }));
  });

  document.addEventListener("pointercancel", () => {
    drawn = null;
  });
})();
