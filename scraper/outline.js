// Draws on the page what reader.js has read where: a box around each post, one around each value, and what came of it
// all in a corner. What it writes is text, in a tree of its own that the page's scripts and styles do not reach.
(task) => {
  const elementOf = document[Symbol.for("tidegate.marks")];
  document.querySelector("tidegate-outlines")?.remove();
  const host = document.createElement("tidegate-outlines");
  const root = host.attachShadow({ mode: "closed" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(task.style);
  root.adoptedStyleSheets = [sheet];

  const add = (parent, kind, text) => {
    const element = document.createElement("div");
    element.className = kind;
    if (text) element.textContent = text;
    parent.append(element);
    return element;
  };
  const box = (element, kind, text) => {
    const rect = element && element.isConnected && element.getBoundingClientRect();
    if (!rect || !rect.width || !rect.height) return 0;
    const drawn = add(root, "box " + kind);
    drawn.style.left = rect.left + scrollX + "px";
    drawn.style.top = rect.top + scrollY + "px";
    drawn.style.width = rect.width + "px";
    drawn.style.height = rect.height + "px";
    add(drawn, "label", text);
    return 1;
  };

  let drawn = 0;
  for (const mark of elementOf ? task.marks : []) {
    const post = elementOf(mark.item, null), said = new Map();
    for (const [source, text] of mark.values) {
      const element = elementOf(mark.item, source);
      if (element && element !== post) said.set(element, (said.has(element) ? said.get(element) + " · " : "") + text);
    }
    drawn += box(post, mark.is_read ? "post" : "post bad", mark.label);
    for (const [element, text] of said) drawn += box(element, "value", text);
  }
  const panel = add(root, "panel" + (task.is_fine ? "" : " bad"));
  panel.setAttribute("role", "status");
  for (const [kind, text] of task.lines) add(panel, kind, text);
  document.documentElement.append(host);
  return drawn;
}
