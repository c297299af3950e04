// The client: finds out which page this is, asks the API for it, and shows it.

function start(name) {
  const exports = {};
  modules.get(name)(exports);
  for (const [key, run] of Object.entries(exports)) if (key !== "cells") run(exports.cells, 1);
}

class Unshowable extends Error {
  constructor(status, state) {
    super(`the API answered ${status}`);
    this.state = state;
  }
}

function apiPath() {
  const { pathname } = location;
  const post = pathname.match(/^\/@[^/]+\/post\/([^/]+)$/);
  if (post) return `/api/post/${post[1]}`;
  const profile = pathname.match(/^\/@([^/]+)$/);
  if (profile) return `/api/profile/${profile[1]}`;
  return { "/search": "/api/search", "/members": "/api/members" }[pathname] ?? "/api/feed";
}

async function ask(cursor) {
  const query = new URLSearchParams(location.search);
  if (cursor) query.set("cursor", cursor);
  const response = await fetch(`${apiPath()}?${query}`, { headers: { accept: "application/json" } });
  if (!response.ok) throw new Unshowable(response.status, (await response.json().catch(() => ({}))).state);
  return response.json();
}

function headingOf(page) {
  if (page.author) {
    const { name, handle, bio, followers, following } = page.author;
    return h(
      "header",
      { class: "profile" },
      h("img", { class: "face", src: `/images/face/${handle}.svg`, alt: "", width: 72, height: 72 }),
      h("h1", {}, name),
      h("p", { class: "handle" }, `@${handle}`),
      h("p", {}, bio),
      h(
        "p",
        {},
        h("span", { "data-following": true, title: following }, `${abbreviated(following)} Following`),
        " ",
        h("span", { [names.followers]: true, title: followers }, `${abbreviated(followers)} Followers`),
      ),
    );
  }
  const query = new URLSearchParams(location.search).get("q");
  const heading = page.post ? "Post" : location.pathname === "/search" ? `Search: ${query ?? ""}` : "Home";
  return h("h1", { class: "heading" }, heading);
}

function titleOf(page) {
  if (page.post) return `${page.post.author.name} on Shoal: ${page.post.text}`;
  return page.author ? `${page.author.name} (@${page.author.handle}) / Shoal` : "Shoal";
}

function showState(main, { name, title, words }) {
  main.dataset.state = name;
  document.title = `${title} / Shoal`;
  const button = { "login-wall": "Log in", "consent-wall": "Accept all" }[name];
  main.replaceChildren(
    h("h1", {}, title),
    h("p", {}, words),
    button ? h("button", { class: "wall", type: "button" }, button) : h("a", { href: "/" }, "Go home"),
  );
}

function showPage(main, page) {
  const above = page.post ? [...page.parents, page.post] : [];
  const feed = new Feed(
    (post) => articleOf(post, page.now, post.id === page.post?.id),
    async (cursor) => {
      main.setAttribute("aria-busy", "true");
      try {
        return await ask(cursor);
      } finally {
        main.setAttribute("aria-busy", "false");
      }
    },
  );
  document.title = titleOf(page);
  main.replaceChildren(headingOf(page), feed.list, feed.foot);
  const items = [...above, ...page.posts];
  if (items.length === 0) main.dataset.state = "empty";
  feed.add(items, page.cursor);
}

async function boot() {
  const main = document.querySelector("main");
  try {
    const page = await ask();
    const { kind, amount } = page.trouble ?? {};
    await beforeShowing[kind]?.(amount);
    showPage(main, page);
    await afterShowing[kind]?.(amount);
  } catch (error) {
    showState(main, error.state ?? { name: "error", title: "Something went wrong", words: "Try again in a moment." });
    if (!(error instanceof Unshowable)) throw error;
  } finally {
    main.setAttribute("aria-busy", "false");
  }
}
