// What every entrant but Tidegate runs in the page; Tidegate has a reader of its own, and reads the same fields.
// A table of functions; each is cut out by its name (bench/workloads.py) and given to an entrant as one expression.

const postOf = (article) => {
  const group = article.querySelector("[role=group]");
  const author = article.querySelector("a[rel~=author]");
  const text = article.querySelector("[data-text]");
  const time = article.querySelector("a[rel~=bookmark] time");
  if (!group) return null;
  const counts = {};
  for (const part of group.getAttribute("aria-label").split(", ")) {
    const [count, what] = part.split(" ");
    counts[what.replace(/ies$/, "y").replace(/s$/, "")] = Number(count);
  }
  return {
    id: article.dataset.postId,
    author: author && author.getAttribute("href").replace("/@", ""),
    text: text && text.textContent,
    time: time && time.getAttribute("datetime"),
    replies: counts.reply,
    reposts: counts.repost,
    likes: counts.like,
    bookmarks: counts.bookmark,
    views: counts.view,
  };
};

const readPost = (id) => {
  const article = document.querySelector(`article[data-post-id="${id}"]`);
  const post = article && postOf(article);
  return post ? [post] : null;
};

const waitAndReadPost = (id) => new Promise((resolve) => {
  const look = () => {
    const posts = readPost(id);
    if (!posts) return;
    watch.disconnect();
    resolve(posts);
  };
  const watch = new MutationObserver(look);
  watch.observe(document, { childList: true, subtree: true });
  look();
});

// The next change of the document, or so many milliseconds without one.
const nextChange = (milliseconds) => new Promise((resolve) => {
  const done = () => {
    watch.disconnect();
    clearTimeout(timer);
    resolve();
  };
  const watch = new MutationObserver(done);
  const timer = setTimeout(done, milliseconds);
  watch.observe(document, { childList: true, subtree: true });
});

// The site takes away what has scrolled out of sight, so what shows is kept at each step.
const collect = async (limit) => {
  const kept = new Map();
  let quiet = 0;
  while (true) {
    const before = kept.size;
    for (const article of document.querySelectorAll("article[data-post-id]")) {
      const post = kept.has(article.dataset.postId) ? null : postOf(article);
      if (post) kept.set(post.id, post);
    }
    // That the end has come does not say that all of it has been in sight.
    quiet = kept.size === before ? quiet + 1 : 0;
    if (kept.size >= limit || (quiet >= 3 && document.querySelector("[data-end-of-feed]"))) break;
    scrollTo(0, document.documentElement?.scrollHeight ?? 0);
    await nextChange(50);
  }
  return [...kept.values()].slice(0, limit);
};
