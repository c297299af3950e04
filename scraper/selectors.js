// How often each selector matches on the whole page, and each of its simple parts by itself: which of them broke.
(task) => {
  const count = (css) => {
    try {
      return document.querySelectorAll(css).length;
    } catch {
      return null;
    }
  };
  const simple = /\[[^\]]*\]|[.#][\w-]+|::?[\w-]+(?:\([^()]*\))?|[a-zA-Z][\w-]*/g;
  const result = [];
  for (const css of task.selectors) {
    const parts = [];
    const found = [...new Set(css.match(simple) || [])];
    for (const part of found.length > 1 ? found.slice(0, task.most) : []) {
      const matched = count(part);
      if (matched !== null) parts.push([part, matched]);
    }
    result.push([css, count(css) ?? 0, parts]);
  }
  return JSON.stringify(result);
}
