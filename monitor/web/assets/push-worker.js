// Shows the notices that the station sends to this device, whether its page is open or not. Their words come whole, in
// the language of this device; nothing is stored, and no other request passes through here.
"use strict";
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", event => event.waitUntil(self.clients.claim()));

self.addEventListener("push", event => {
  let notice = {};
  try {
    notice = event.data.json();
  } catch {
    // A notice that cannot be read is shown all the same: browsers end the notices of a page that shows none.
  }
  event.waitUntil(
    self.registration.showNotification(notice.title ?? "NICU pain monitor", {
      body: notice.body ?? "",
      tag: notice.tag ?? "notice",
      lang: notice.language ?? "en",
      renotify: true,
      data: { path: notice.path ?? "/" },
    }),
  );
});

self.addEventListener("notificationclick", event => {
  event.notification.close();
  const address = new URL(event.notification.data?.path ?? "/", self.location.origin);
  if (address.origin !== self.location.origin) return;
  event.waitUntil(open(address.href));
});

async function open(address) {
  const pages = await self.clients.matchAll({ type: "window" });
  const page = pages.find(one => one.url === address) ?? null;
  return page ? page.focus() : self.clients.openWindow(address);
}
