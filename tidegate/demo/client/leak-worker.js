// Lives longer than the pages it serves, and never lets go of what each visit left here.

const left = [];

addEventListener("install", () => skipWaiting());

addEventListener("message", ({ data: megabytes, ports: [port] }) => {
  for (let taken = 0; taken < megabytes; taken += 1) left.push(new Array(131072).fill(left.length + 0.5));
  port.postMessage(left.length);
});
