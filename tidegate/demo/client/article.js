// One post as an <article>. What marks its parts is in a table, because sites change their marks overnight.

const USUAL_NAMES = {
  article: "article",
  id: "data-post-id",
  promoted: "data-promoted",
  context: "data-social-context",
  author: ["rel", "author"],
  bookmark: ["rel", "bookmark"],
  time: "time",
  text: "data-text",
  quote: ["blockquote", "data-quoted"],
  followers: "data-followers",
  end: "data-end-of-feed",
  counts: (counts) => ({
    role: "group",
    "aria-label": counts.map(([what, , count]) => plural(count, what)).join(", "),
  }),
};

const CHANGED_NAMES = {
  article: "section",
  id: "data-k",
  promoted: "data-p",
  context: "data-c",
  author: ["class", "u1"],
  bookmark: ["class", "u2"],
  time: "span",
  text: "data-b",
  quote: ["aside", "data-q"],
  followers: "data-f",
  end: "data-e",
  counts: (counts) => ({
    class: "counts",
    "aria-label": counts.map(([, title, count]) => `${title}: ${count}`).join(" / "),
  }),
};

let names = USUAL_NAMES;

function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function plural(count, what) {
  if (count === 1) return `1 ${what}`;
  return `${count} ${what.endsWith("y") ? `${what.slice(0, -1)}ies` : `${what}s`}`;
}

// Truncated, never rounded up: 7,890 is "7.8K".
function abbreviated(count) {
  for (const [unit, letter] of [[1e9, "B"], [1e6, "M"], [1e3, "K"]]) {
    if (count >= unit) {
      const tenths = Math.floor(count / (unit / 10));
      return `${tenths % 10 === 0 || tenths >= 1000 ? Math.floor(tenths / 10) : tenths / 10}${letter}`;
    }
  }
  return `${count}`;
}

function age(created, now) {
  const minutes = Math.floor((new Date(now) - new Date(created)) / 60000);
  if (minutes < 1) return "now";
  if (minutes < 60) return `${minutes}m`;
  if (minutes < 60 * 24) return `${Math.floor(minutes / 60)}h`;
  if (minutes < 60 * 24 * 7) return `${Math.floor(minutes / (60 * 24))}d`;
  const date = { month: "short", day: "numeric", year: "numeric", timeZone: "UTC" };
  return new Date(created).toLocaleDateString("en", date);
}

function textOf(post) {
  const parts = post.text.split(/(#[\p{L}\p{M}\p{N}_]+)/u).filter(Boolean);
  const linked = parts.map((part) =>
    part.startsWith("#") ? h("a", { href: `/search?q=${encodeURIComponent(part)}` }, part) : part,
  );
  return h("p", { [names.text]: true, lang: post.lang, dir: "auto" }, ...linked);
}

function bylineOf(post, now) {
  const when = h(names.time, { datetime: names.time === "time" ? post.created_at : null }, age(post.created_at, now));
  return [
    h("a", { [names.author[0]]: names.author[1], href: `/@${post.author.handle}` }, post.author.name),
    h("span", { class: "handle" }, `@${post.author.handle}`),
    h("a", { [names.bookmark[0]]: names.bookmark[1], href: post.path }, when),
  ];
}

function countsOf({ path, metrics }) {
  const counts = [
    ["reply", "Replies", metrics.replies],
    ["repost", "Reposts", metrics.reposts],
    ["like", "Likes", metrics.likes],
    ["bookmark", "Bookmarks", metrics.bookmarks],
    ["view", "Views", metrics.views],
  ];
  const shown = counts.map(([what, title, count]) =>
    what === "view"
      ? h("a", { class: "view", title, href: path }, abbreviated(count))
      : h("button", { class: what, title, type: "button" }, abbreviated(count)),
  );
  return h("div", names.counts(counts), ...shown);
}

function quoteOf(post, now) {
  const [tag, mark] = names.quote;
  return h(tag, { [mark]: true }, h("header", {}, ...bylineOf(post, now)), textOf(post));
}

function articleOf(post, now, isFocal) {
  const replying = () =>
    h("p", { class: "replying" }, "Replying to ", h("a", { href: `/@${post.replying_to}` }, `@${post.replying_to}`));
  const picture = ({ url, alt }) =>
    h("img", { class: "picture", src: url, alt, width: 640, height: 360, loading: "lazy" });
  return h(
    names.article,
    { class: `post${isFocal ? " focal" : ""}`, [names.id]: post.id, [names.promoted]: post.is_promoted },
    post.is_pinned ? h("span", { [names.context]: true, class: "context" }, "Pinned") : null,
    h("img", { class: "face", src: `/images/face/${post.author.handle}.svg`, alt: "", width: 44, height: 44 }),
    h("header", {}, ...bylineOf(post, now), post.is_promoted ? h("span", { class: "ad" }, "Ad") : null),
    post.replying_to ? replying() : null,
    textOf(post),
    post.picture ? picture(post.picture) : null,
    post.quoted ? quoteOf(post.quoted, now) : null,
    countsOf(post),
  );
}
