// Reports what a visitor does. It adds nothing to the page: it is here to be blocked.

(() => {
  const visit = Math.random().toString(36).slice(2);
  const report = (event) =>
    navigator.sendBeacon("/tracker/beacon", JSON.stringify({ visit, event, at: performance.now() }));
  report("view");
  new Image().src = `/tracker/pixel.gif?visit=${visit}`;
  let quiet = 0;
  addEventListener("scroll", () => {
    clearTimeout(quiet);
    quiet = setTimeout(() => report("scroll"), 250);
  }, { passive: true });
  addEventListener("pagehide", () => report("leave"));
})();
