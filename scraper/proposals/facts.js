// What is on the page that is open, as plain data: each element with its attributes, each piece of text, bounded, as
// JSON. Nothing is decided here; scraper/proposal.py does that. Plain loops and DOM calls only, as in reader.js.
(task, visible) => {
  const SILENT = new Set(["SCRIPT", "STYLE", "NOSCRIPT", "TEMPLATE", "IFRAME", "SELECT", "TEXTAREA", "OBJECT", "CANVAS"]);
  const CLOSED = new Set(["svg", "VIDEO", "AUDIO", "PICTURE"]);
  let isCut = false;
  const clean = (text) => (text.toWellFormed ? text.toWellFormed() : text).replace(/\0/g, "");
  const cut = (text, length) => clean(text.length > length ? text.slice(0, length) : text);

  let left = task.max_characters;
  const take = (text, length) => {
    const taken = cut(text, Math.min(length, Math.max(left, 0)));
    left -= taken.length;
    return taken;
  };

  const sight = visible([]);

  // An element is [the place of its parent, its tag, its attributes by name], a text [the place of its parent, the text].
  const nodesOf = (root) => {
    const nodes = [];
    const walk = (element, parent, depth) => {
      if (nodes.length >= task.max_nodes || depth > task.max_depth || left <= 0) {
        isCut = true;
        return;
      }
      const attributes = {}, place = nodes.length;
      for (let i = 0; i < element.attributes.length && i < task.max_attributes; i++) {
        const { name, value } = element.attributes[i];
        if (name !== "style" && !name.startsWith("on")) attributes[name] = take(value, task.max_attribute);
      }
      nodes[place] = [parent, element.localName, attributes];
      if (CLOSED.has(element.nodeName)) return;
      for (let child = element.firstChild; child; child = child.nextSibling) {
        if (child.nodeType === 3 && child.data.trim() && nodes.length < task.max_nodes) {
          // Only numbers are worth a look at whether they show: of words hardly any are said twice.
          const text = sight.hasDigit(child.data) ? sight.textIn(child, element, root) : child.data;
          if (text) nodes[nodes.length] = [place, take(text, task.max_text)];
        } else if (child.nodeType === 1 && !SILENT.has(child.nodeName)) walk(child, place, depth + 1);
      }
    };
    walk(root, -1, 0);
    return nodes;
  };

  const hidden = document.querySelectorAll("noscript");
  const page = document.implementation.createHTMLDocument("");
  let html = "";
  for (let i = 0; i < hidden.length; i++) {
    html += hidden[i].firstElementChild ? hidden[i].innerHTML : hidden[i].textContent;
  }
  page.body.innerHTML = html;

  const scripts = [];
  const holding = document.querySelectorAll('script[type$="json"]');
  for (let i = 0, room = task.max_script_characters; i < holding.length; i++) {
    const text = holding[i].textContent;
    // Half a JSON text is none.
    if (text.length > room) {
      isCut = true;
      continue;
    }
    room -= text.length;
    scripts[scripts.length] = { type: holding[i].type, id: holding[i].id, text: clean(text) };
  }

  const nodes = document.documentElement ? nodesOf(document.documentElement) : [];
  const facts = {
    url: clean(location.href),
    base: clean(document.baseURI),
    title: cut(document.title, task.max_text),
    language: document.documentElement?.lang || null,
    nodes,
    noscript: html ? nodesOf(page.body) : [],
    scripts,
    is_cut: isCut,
  };
  // Old libraries give arrays and strings a toJSON of their own, which would garble this.
  const foreign = [];
  const prototypes = [Array.prototype, String.prototype, Number.prototype, Object.prototype];
  for (let i = 0; i < prototypes.length; i++) {
    const own = Object.getOwnPropertyDescriptor(prototypes[i], "toJSON");
    if (own && own.configurable && delete prototypes[i].toJSON) foreign[foreign.length] = [prototypes[i], own];
  }
  const text = JSON.stringify(facts);
  for (let i = 0; i < foreign.length; i++) Object.defineProperty(foreign[i][0], "toJSON", foreign[i][1]);
  return text;
}
