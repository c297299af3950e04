// What a page does to whoever opens it, when it was asked for trouble.

const MEGABYTE_OF_DOUBLES = 131072;
const held = [];

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function leaveBehind(megabytes) {
  const registration = await navigator.serviceWorker.register("/client/leak-worker.js");
  const worker = registration.active ?? registration.waiting ?? registration.installing;
  const { port1, port2 } = new MessageChannel();
  const answer = new Promise((resolve) => (port1.onmessage = (event) => resolve(event.data)));
  worker.postMessage(megabytes, [port2]);
  return answer;
}

// Before anything is shown: these keep the page busy, or end it.
const beforeShowing = {
  async memory(megabytes) {
    const step = 16;
    for (let eaten = 0; megabytes === 0 || eaten < megabytes; ) {
      const bite = megabytes === 0 ? step : Math.min(step, megabytes - eaten);
      held.push(new Array(Math.round(bite * MEGABYTE_OF_DOUBLES)).fill(held.length + 0.5));
      eaten += bite;
      document.documentElement.dataset.eatenMb = eaten;
      await pause(20);
    }
  },

  // A document's own heap goes with it, sooner or later, so what outlives the visit is kept by a service worker.
  // Where service workers are refused the page does without, as well-made pages do.
  async leaky(megabytes) {
    held.push(new Array(Math.round(megabytes * MEGABYTE_OF_DOUBLES)).fill(0.5));
    try {
      document.documentElement.dataset.leakedMb = await leaveBehind(megabytes);
    } catch {
      document.documentElement.dataset.leakedMb = 0;
    }
  },

  // One element more than an array can have: V8 ends the process, and takes 200 MB for it, not gigabytes.
  crash() {
    "x".repeat(2 ** 27 + 1).split("");
  },

  alerts() {
    for (;;) alert("You have one new message.");
  },

  js_loop() {
    for (;;);
  },

  changed_selectors() {
    names = CHANGED_NAMES;
  },
};

const afterShowing = {
  popups(count) {
    for (let opened = 0; opened < count; opened += 1) window.open("about:blank", "_blank", "width=200,height=200");
  },

  // Browsers ask only after somebody has touched the page.
  beforeunload() {
    addEventListener("beforeunload", (event) => event.preventDefault());
  },
};
