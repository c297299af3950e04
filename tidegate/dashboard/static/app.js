// The dashboard. Everything that comes from pages is set as text, never as markup; addresses are links only if they are
// http or https.
"use strict";

const MIB = 1024 * 1024;
const SVG = "http://www.w3.org/2000/svg";
const STRETCHES = 60;
const byId = (id) => document.getElementById(id);
let hours = 1;
let shown = "";

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function draw(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function link(url, text) {
  const is_web = /^https?:\/\//i.test(url || "");
  return is_web ? make("a", { href: url, rel: "noreferrer noopener", target: "_blank" }, text) : make("span", {}, text);
}

const mib = (bytes) => (bytes === null || bytes === undefined ? "" : Math.round(bytes / MIB).toLocaleString("en"));
const count = (number) => (number === null || number === undefined ? "" : number.toLocaleString("en"));

function span(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const units = [["d", 86400], ["h", 3600], ["min", 60]];
  for (const [unit, size] of units) if (Math.abs(seconds) >= 1.5 * size) return `${Math.round(seconds / size)} ${unit}`;
  return `${Math.round(seconds)} s`;
}

const since = (moment, now) => (moment ? (new Date(now) - new Date(moment)) / 1000 : null);
const ago = (moment, now) => (moment ? `${span(since(moment, now))} ago` : "never");
const STATUS = { success: "good", partial: "warn", skipped: "warn", failed: "bad", running: "" };

function cells(...values) {
  return make("tr", {}, ...values.map((value) => {
    if (value instanceof Node) return value.nodeName === "TD" || value.nodeName === "TH" ? value : make("td", {}, value);
    return make("td", typeof value === "object" && value ? { class: "number" } : {}, value && value.text !== undefined ? value.text : value ?? "");
  }));
}

const right = (text) => ({ text: text ?? "" });

function fill(id, rows, nothing) {
  const body = byId(id);
  // Whoever is copying something is not to lose it.
  const selected = getSelection();
  if (selected && !selected.isCollapsed && body.contains(selected.anchorNode)) return;
  // A button that has the focus keeps it although its row is drawn anew.
  const focused = body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const columns = body.closest("table") ? body.closest("table").querySelectorAll("thead th").length : 1;
  body.replaceChildren(...(rows.length || !nothing ? rows : [make("tr", {}, make("td", { colspan: columns, class: "quiet" }, nothing))]));
  if (focused) body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

function button(text, key, act, label) {
  const node = make("button", { type: "button", "data-key": key, "aria-label": label }, text);
  node.addEventListener("click", () => act(node));
  return node;
}

async function whyNot(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text).error || answer.statusText;
  } catch {
    return text.trim() || answer.statusText;
  }
}

async function tell(path, body) {
  const trouble = byId("trouble");
  try {
    const answer = await fetch(path, {
      method: "POST", headers: { "x-tidegate": "1", "content-type": "application/json" }, body: JSON.stringify(body || {}),
    });
    if (!answer.ok) throw new Error(await whyNot(answer));
    trouble.hidden = true;
    show(await answer.json());
  } catch (error) {
    trouble.textContent = `That was not done: ${error.message}`;
    trouble.hidden = false;
    trouble.scrollIntoView({ block: "nearest" });
  }
}

// Parts of the page

function showReady(state) {
  const missing = state.ready.filter((check) => !check.is_ok);
  // The names alone are read out: what stands behind them changes with every look.
  const text = missing.length ? `not ready: ${missing.map((check) => check.name).join(", ")}` : "ready";
  byId("not-ready").textContent = missing.map((check) => `${check.name}: ${check.says}`).join("; ");
  const node = byId("ready");
  if (node.textContent !== text) node.textContent = text;
  node.className = missing.length ? "warn" : "good";
  document.title = missing.length ? "Tidegate: not ready" : `Tidegate: ${state.memory.level}`;
  const alarms = state.alarms || [];
  byId("alarms").hidden = !alarms.length;
  byId("alarm-list").replaceChildren(...alarms.map((alarm) =>
    make("li", { class: "bad" }, `${alarm.job}, ${alarm.kind} (since ${span(since(alarm.raised_at, state.at))}): ${alarm.says}`)));
}

const LEVELS = { normal: "good", elevated: "", critical: "warn", emergency: "bad" };

function showMemory({ memory }) {
  const bound = memory.bounds.find((one) => one.source === memory.binding);
  const promised = memory.promises;
  byId("memory-now").textContent = bound ? `${mib(bound.used_bytes)} of ${mib(bound.limit_bytes)} MiB` : "no limit is known here";
  byId("memory-level").textContent = memory.level;
  byId("memory-level").className = `mark ${LEVELS[memory.level]}`;
  byId("memory-says").textContent = [
    bound ? bound.source : null,
    `${promised.reservations} reservations, ${mib(promised.unused_bytes)} MiB of them not arrived yet`,
    memory.pressure === null ? null : `${Math.round(memory.pressure * 100)} % of the time somebody waited for memory`,
    memory.oom_kills ? `${memory.oom_kills} kills by the kernel` : null,
  ].filter(Boolean).join(" · ");
  fill("roles", Object.entries(memory.roles).map(([role, held]) => cells(make("th", { scope: "row" }, role), right(mib(held)))), "not measured yet");
  fill("components", memory.components.map((one) => cells(
    make("th", { scope: "row" }, one.component), right(mib(one.promised_bytes)), right(mib(one.unused_bytes)), right(mib(one.budget_bytes)))));
  fill("bounds", memory.bounds.map((one) => cells(make("th", { scope: "row" }, one.source), right(mib(one.used_bytes)), right(mib(one.limit_bytes)))));
  byId("unknowns").replaceChildren(...memory.unknowns.map((text) => make("li", {}, text)));
}

function showPool({ pool }) {
  const now = pool.statistics;
  byId("pool-says").textContent = `${now.leased} at work, ${now.free} warm, ${now.waiting} waiting · ${count(now.pages_opened)} pages by ${count(now.granted)} leases · ` +
    `${now.browser_launches} browsers launched, ${now.browsers_lost} lost, ${now.recalled} leases recalled`;
  fill("leases", pool.leases.map((lease) => cells(
    lease.site, lease.job, make("td", {}, lease.url ? link(lease.url, lease.url) : ""), right(span(lease.age_seconds)),
    right(span(lease.remaining_seconds)), right(mib(lease.reserved_bytes)), right(mib(lease.held_bytes)),
    make("td", {}, button("Look", `look-${lease.number}`, () => look(lease.number), `Look at the page of lease ${lease.number}, ${lease.site}`)))), "nobody is at work");
  fill("waiters", pool.waiters.map((one) => cells(one.site, one.job, right(one.priority), right(span(one.waited_seconds)))), "nobody waits");
  byId("quarantined").textContent = pool.quarantined.length ? `Left alone, as the browser died under them: ${pool.quarantined.join(", ")}` : "";
}

function ending(row) {
  return make("td", {}, make("span", { class: `mark ${STATUS[row.status] || ""}` }, row.status || "never ran"), row.reason ? ` ${row.reason}` : "");
}

function showJobs(state) {
  fill("job-rows", (state.jobs || []).filter((job) => job.rule !== "never").map((job) => {
    const is_paused = Boolean(job.paused_at);
    const away = -since(job.next_at, state.at);
    return cells(
      make("th", { scope: "row" }, job.job), job.rule, is_paused ? "paused" : away > 0 ? `in ${span(away)}` : "now",
      ago(job.started_at, state.at), ending(job),
      make("td", {},
        button("Run now", `run-${job.job}`, () => tell(`/jobs/${job.job}/run`), `Run ${job.job} now`),
        is_paused ? button("Resume", `pause-${job.job}`, () => tell(`/jobs/${job.job}/resume`), `Resume ${job.job}`)
          : button("Pause", `pause-${job.job}`, () => tell(`/jobs/${job.job}/pause`), `Pause ${job.job}`)));
  }), "no job has a schedule");
  fill("runs", (state.runs || []).map((run) => cells(
    right(run.id), run.job, ago(run.started_at, state.at), right(run.seconds.toFixed(1)), right(count(run.pages)), right(count(run.rows_written)), ending(run))), "nothing has run yet");
  const fresh = state.freshness;
  byId("fresh").textContent = fresh ? `${count(fresh.followed)} posts are followed; ${count(fresh.due)} are due, ${count(fresh.late)} of them late; ` +
    `the last was read ${ago(fresh.last_snapshot_at, state.at)}, ${count(fresh.snapshots_last_hour)} in the last hour` +
    (fresh.held || fresh.given_up ? `; ${fresh.held} held, ${fresh.given_up} given up` : "") : `the database does not answer: ${state.database}`;
}

function draftCard(draft, path, prefix) {
  const key = `${path}-${draft.id}`;
  return make("li", {},
    make("p", { class: "quiet" }, `${prefix}${draft.id} · `, draft.url ? link(draft.url, `${draft.site}, ${draft.author || "unknown"}`) : draft.topic, ` · by ${draft.generator}`),
    draft.conversation ? make("blockquote", {}, draft.conversation) : null,
    make("p", {}, draft.text),
    make("p", {},
      button("Approve", `yes-${key}`, () => tell(`/${path}/${draft.id}/approve`), `Approve draft ${prefix}${draft.id}`), " ",
      button("Reject", `no-${key}`, () => tell(`/${path}/${draft.id}/reject`, { why: "not wanted" }), `Reject draft ${prefix}${draft.id}`)));
}

function showWords(state) {
  // Drawn anew only when something is different, so that a reader is not interrupted.
  const words = JSON.stringify([state.drafts, state.planned, state.opportunities]);
  if (words === shown) return;
  shown = words;
  const waiting = [...(state.drafts || []).map((one) => draftCard(one, "drafts", "")), ...(state.planned || []).map((one) => draftCard(one, "planned", "p"))];
  const list = byId("draft-list"), had_focus = list.contains(document.activeElement);
  list.replaceChildren(...(waiting.length ? waiting : [make("li", { class: "quiet" }, "Nothing waits.")]));
  // Whoever has just decided goes on with the next.
  if (had_focus) (list.querySelector("button") || byId("drafts-title")).focus();
  const found = (state.opportunities || []).map((one) => make("li", {},
    make("p", {}, make("span", { class: "mark" }, one.tier), ` ${one.score.toFixed(2)} · `, link(one.url, `${one.site}, ${one.author || "unknown"}`), ` · ${count(one.likes)} likes, ${count(one.replies)} replies`),
    make("blockquote", {}, one.text || ""), make("p", { class: "quiet" }, one.because)));
  byId("opportunity-list").replaceChildren(...(found.length ? found : [make("li", { class: "quiet" }, "None is open.")]));
}

function show(state) {
  showReady(state);
  showMemory(state);
  showPool(state);
  showJobs(state);
  showWords(state);
}

// History

function showChart(history) {
  const points = history.memory.filter((point) => point.limit_bytes && point.peak_used_bytes !== null);
  const [wide, high, left, bottom] = [Math.max(280, byId("memory-chart").clientWidth), 240, 62, 24];
  const from = new Date(history.since), until = new Date(history.until);
  const most = Math.max(...points.map((point) => Math.max(point.limit_bytes, point.peak_used_bytes)), MIB);
  const x = (moment) => left + ((new Date(moment) - from) / (until - from)) * (wide - left);
  const y = (bytes) => (high - bottom) * (1 - bytes / (most * 1.05));
  const parts = [];
  for (const share of [0, 0.5, 1]) parts.push(draw("text", { x: left - 6, y: y(most * share) + 4, "text-anchor": "end" }, mib(most * share)));
  for (const share of [0, 0.5, 1]) {
    const moment = new Date(from.getTime() + share * (until - from));
    const words = hours > 48 ? moment.toLocaleDateString() : moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    parts.push(draw("text", { x: x(moment), y: high - 6, "text-anchor": share === 0 ? "start" : share === 1 ? "end" : "middle" }, words));
  }
  if (points.length) {
    // A bar a stretch, so that a time in which nothing ran stays empty.
    const width = Math.max(1.5, (wide - left) / STRETCHES - 0.5);
    for (const point of points) {
      const at = x(point.from_at), top = y(point.peak_used_bytes), words = `${new Date(point.from_at).toLocaleString()}: ${mib(point.peak_used_bytes)} of ${mib(point.limit_bytes)} MiB`;
      parts.push(draw("rect", { class: "bar", x: at, y: top, width, height: y(0) - top }, draw("title", {}, words)));
      parts.push(draw("line", { class: "limit", x1: at, x2: at + width, y1: y(point.limit_bytes), y2: y(point.limit_bytes) }));
    }
    const limit = points.at(-1).limit_bytes;
    for (const share of Object.values(marks)) parts.push(draw("line", { class: "level", x1: left, x2: wide, y1: y(limit * share), y2: y(limit * share) }));
  }
  for (const run of history.ladder) parts.push(draw("line", { class: "rung", x1: x(run.at), x2: x(run.at), y1: high - bottom - 12, y2: high - bottom }, draw("title", {}, `${run.reason}: ${mib(run.freed_bytes)} MiB freed`)));
  const fullest = points.reduce((most_full, point) => Math.max(most_full, point.peak_used_bytes / point.limit_bytes), 0);
  const words = points.length ? `At its fullest ${Math.round(fullest * 100)} % of the limit; the ladder was climbed ${history.ladder.length} times.` : "No samples yet: one is written every ten seconds.";
  byId("memory-chart").replaceChildren(draw("svg", { viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": `Memory over the last ${hours} hours. ${words}` }, ...parts));
  byId("memory-caption").textContent = `${words} Line above: the limit. Dashed: where the levels begin. Marks at the foot: clean-up.`;
  fill("ladder", history.ladder.map((run) => cells(
    ago(run.at, history.until), run.reason, right(mib(run.freed_bytes)), run.is_calm ? "yes" : "no", steps(run.steps))), "none");
}

function steps(value) {
  const list = typeof value === "string" ? JSON.parse(value) : value;
  return (list || []).map((step) => Object.values(step).filter((one) => typeof one === "string").join(": ")).join("; ");
}

function showOutcomes(history) {
  const sites = new Map();
  for (const row of history.outcomes) {
    if (!sites.has(row.site)) sites.set(row.site, { moments: new Map(), totals: new Map() });
    const site = sites.get(row.site), is_ok = row.outcome === "ok" || row.outcome === "empty";
    const moment = site.moments.get(row.from_at) || { ok: 0, other: 0, words: [] };
    moment[is_ok ? "ok" : "other"] += row.pages;
    moment.words.push(`${row.pages} ${row.outcome}`);
    site.moments.set(row.from_at, moment);
    site.totals.set(row.outcome, (site.totals.get(row.outcome) || 0) + row.pages);
  }
  const from = new Date(history.since), length = new Date(history.until) - from, wide = length / 48;
  byId("outcomes").replaceChildren(...[...sites].map(([name, site]) => {
    const totals = [...site.totals].sort((one, other) => other[1] - one[1]).map(([outcome, pages]) => `${count(pages)} ${outcome}`).join(", ");
    const bars = [...site.moments].map(([moment, { ok, other, words }]) => {
      const x = ((new Date(moment) - from) / length) * 480, part = (other / (ok + other)) * 20;
      return draw("g", {}, draw("title", {}, `${new Date(moment).toLocaleString()}: ${words.join(", ")}`),
        draw("rect", { class: "ok", x, y: 0, width: Math.max(2, (wide / length) * 480 - 1), height: 20 - part }),
        draw("rect", { class: "other", x, y: 20 - part, width: Math.max(2, (wide / length) * 480 - 1), height: part }));
    });
    return make("div", { class: "site" }, make("strong", {}, name),
      draw("svg", { viewBox: "0 0 480 20", preserveAspectRatio: "none", role: "img", "aria-label": `${name}: ${totals}` }, ...bars), make("span", { class: "quiet" }, totals));
  }));
  if (!sites.size) byId("outcomes").textContent = "No page was opened in this time.";
}

let marks = {};

async function showHistory() {
  try {
    const answer = await fetch(`/history?hours=${hours}`);
    if (!answer.ok) throw new Error(await whyNot(answer));
    const history = await answer.json();
    showChart(history);
    showOutcomes(history);
  } catch (error) {
    byId("memory-caption").textContent = `The history can't be had now: ${error.message}`;
  }
}

// The picture of a page

async function look(number) {
  const dialog = byId("picture"), image = byId("picture-image"), says = byId("picture-says");
  dialog.dataset.lease = number;
  if (!dialog.open) dialog.showModal();
  says.textContent = "taking a picture…";
  try {
    const answer = await fetch(`/leases/${number}/picture`);
    if (!answer.ok) throw new Error(await whyNot(answer));
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(await answer.blob());
    image.hidden = false;
    says.textContent = `Lease ${number}, ${new Date().toLocaleTimeString()}`;
  } catch (error) {
    image.hidden = true;
    says.textContent = `There is no picture: ${error.message}`;
  }
}

function start() {
  byId("picture-close").addEventListener("click", () => byId("picture").close());
  byId("picture-again").addEventListener("click", () => look(byId("picture").dataset.lease));
  for (const choice of document.querySelectorAll("[data-hours]")) {
    choice.addEventListener("click", () => {
      hours = Number(choice.dataset.hours);
      for (const other of document.querySelectorAll("[data-hours]")) other.setAttribute("aria-pressed", String(other === choice));
      showHistory();
    });
  }
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : listen()));
  listen();
  setInterval(() => document.hidden || showHistory(), 30000);
}

let events = null;

// A tab that nobody looks at holds no connection: a browser has six for a host.
function leave() {
  if (events) events.close();
  events = null;
}

function listen() {
  leave();
  if (document.hidden) return;
  events = new EventSource("/events");
  events.onmessage = (event) => {
    const state = JSON.parse(event.data);
    const is_first = !Object.keys(marks).length;
    marks = state.memory.marks;
    show(state);
    if (is_first) showHistory();
  };
  events.onerror = () => {
    byId("ready").textContent = "not connected: Tidegate does not answer";
    byId("ready").className = "bad";
    // One that was refused does not come back by itself.
    if (events && events.readyState === EventSource.CLOSED) setTimeout(listen, 5000);
  };
}

start();
