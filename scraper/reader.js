// Reads a page in one go: waits until it is ready, or shows why it never will be, and returns what is there as JSON.
// What to look for comes as data (scraper/reader.py makes the plan). Plain loops and DOM calls only: the page's own
// scripts may have replaced what Array.prototype and JSON usually are.
async (task, visible, moving) => {
  const plan = JSON.parse(task.plan);
  const started = performance.now();
  const deadline = started + task.deadline_ms;
  // Whether a string holds an id, as "/post/12" holds "12" and "/post/123" does not.
  const holdsId = (text, id) => new RegExp(
    "(?:^|[^0-9A-Za-z_-])" + id.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&") + "(?:$|[^0-9A-Za-z_-])").test(text);
  const expected = task.expected_id;

  // In a feed: the keys of the posts that were read before, kept with the document they are on.
  const SEEN = Symbol.for("tidegate.seen");
  if (task.collecting && !document[SEEN]) Object.defineProperty(document, SEEN, { value: new Set() });
  const seen = task.collecting ? document[SEEN] : new Set();

  // What the reading before this one read is read again.
  const LAST = Symbol.for("tidegate.last");
  if (task.collecting && task.is_again && document[LAST]) document[LAST].forEach((key) => seen.delete(key));
  if (task.collecting) Object.defineProperty(document, LAST, { value: new Set(), configurable: true });

  // A string that any JSON parser and any database takes. What is too long is cut, and `wasCut` says so.
  let wasCut = false;
  const clean = (text) => (text.toWellFormed ? text.toWellFormed() : text).replace(/\0/g, "");
  const cut = (text) => {
    if (text.length > task.max_chars) wasCut = true;
    return clean(text.slice(0, task.max_chars));
  };

  const SILENT = new Set(["SCRIPT", "STYLE", "NOSCRIPT", "TEMPLATE"]);
  const textOf = (element, without) => {
    if (!element.querySelector("img[alt], br, script, style, noscript, template" + (without ? "," + without : ""))) {
      return element.textContent;
    }
    let text = "";
    const walk = (node) => {
      for (let child = node.firstChild; child && text.length <= task.max_chars + 1; child = child.nextSibling) {
        if (child.nodeType === 3) text += child.data;
        else if (child.nodeType !== 1 || SILENT.has(child.nodeName)) continue;
        else if (without && child.matches(without)) continue;
        else if (child.nodeName === "IMG") text += child.getAttribute("alt") || "";
        else if (child.nodeName === "BR") text += "\n";
        else walk(child);
      }
    };
    walk(element);
    return text;
  };

  // Whether a source looks inside a post itself. A quoted post is no kind, and has no index.
  const isWithin = (source, kind) =>
    source !== undefined && kind.index !== undefined && source.start === "item" && !source.ancestor;

  // The posts that hold another one, or a quoted one. Most hold none, and need no further look.
  let mixed = new Set();

  // Something inside a quoted post, or inside another post, says nothing about this one. Of what is looked for in the
  // whole page or around the item, another kind of post may be just what is meant.
  const leaks = (element, item, kind, source) => {
    if (isWithin(source, kind) && !mixed.has(item)) return false;
    if (kind.nested) {
      const quoted = element.closest(kind.nested);
      if (quoted && quoted !== item && item.contains(quoted)) return true;
    }
    const inside = source && source.start !== "page" && !source.ancestor && kind.index !== undefined;
    const owner = element.closest(inside ? plan.any : kind.css);
    return Boolean(owner && owner !== item && !owner.contains(item));
  };

  // What of a post's own text is not its own: what is quoted, and other posts.
  const apart = (source, item, kind) => {
    const own = isWithin(source, kind) && mixed.has(item);
    const parts = [source.without, own && kind.nested, own && plan.any];
    let css = "";
    for (let i = 0; i < parts.length; i++) if (parts[i]) css += (css && ",") + parts[i];
    return css;
  };

  const start = (source, item, page) => {
    if (source.start === "page") return page;
    if (source.start === "item") return source.ancestor ? item.parentElement?.closest(source.ancestor) : item;
    const next = item.nextElementSibling;
    return next && !(plan.any && next.matches(plan.any)) ? next : null;
  };

  const candidates = (source, item, kind, page, textIn) => {
    const root = start(source, item, page);
    if (!root || !source.css) return root ? [root] : [];
    const found = root.querySelectorAll(source.css), fit = [];
    const where = source.where && new RegExp(source.where, "iu");
    for (let i = 0; i < found.length; i++) {
      if (leaks(found[i], item, kind, source)) continue;
      if (where && !where.test(textIn(found[i], apart(source, item, kind)).trim())) continue;
      fit[fit.length] = found[i];
      // The second tells that there is more than one.
      if (fit.length > 1 || !source.only) return fit;
    }
    return fit;
  };

  const find = (source, item, kind, page) => {
    const fit = candidates(source, item, kind, page, textOf);
    return fit.length === 1 ? fit[0] : null;
  };

  const read = (source, item, kind, page) => {
    if (source.elsewhere) return null;
    if (source.address) return cut(location.href);
    const element = find(source, item, kind, page);
    if (!element) return null;
    let value = source.attribute ? element.getAttribute(source.attribute) : textOf(element, apart(source, item, kind));
    if (source.counts && !source.attribute && !value.trim()) value = shadowText(element);
    return value === null ? null : cut(value);
  };

  // What is in the open shadow roots of an element that holds nothing else.
  const shadowText = (element) => {
    const all = element.querySelectorAll("*");
    let text = element.shadowRoot ? element.shadowRoot.textContent : "";
    for (let i = 0; i < all.length && i < 50; i++) if (all[i].shadowRoot) text += all[i].shadowRoot.textContent;
    return text;
  };

  // A count is what a person sees: of several places the first that shows. Gives [the text, what screen readers are
  // told instead, what is there and not shown, the element]; the first three may be null.
  let seeing = null;
  const sight = () => (seeing = seeing || visible(plan.blocked));
  const readCount = (source, item, kind, page) => {
    const root = start(source, item, page);
    if (!root || source.elsewhere || source.address) return [null, null, null, null];
    const top = root === document ? document.documentElement : root.nodeType === 9 ? root.body : root;
    const found = source.css ? root.querySelectorAll(source.css) : [root];
    const where = source.where && new RegExp(source.where, "iu");
    const without = apart(source, item, kind);
    let shown = null, other = null;
    for (let i = 0; i < found.length; i++) {
      const element = found[i];
      if (source.css && leaks(element, item, kind, source)) continue;
      let said = null;
      if (where || !source.attribute) {
        said = sight().textsOf(element, top, without, task.max_count_chars);
        if (where && !where.test(said.text.trim()) && !(said.ears && where.test(said.ears.trim()))) {
          if (!other && said.hidden && where.test(textOf(element, without).trim())) other = [null, null, said.hidden, element];
          continue;
        }
      }
      let one;
      if (source.attribute) {
        const value = element.getAttribute(source.attribute);
        one = [value, null, null, element];
        const isLast = i === found.length - 1 && !other && !shown;
        if (!isLast && !sight().isShown(element, top)) {
          other = other || one;
          continue;
        }
      } else {
        one = [said.text, said.ears && [cut(said.ears), Boolean(said.isBoth)], null, element];
        if (!said.text.trim()) {
          if (!said.ears && said.hidden.trim()) one = [null, null, said.hidden, element];
          // What is empty is empty, unless another place says something.
          if (said.ears || said.hidden.trim()) {
            if (!other || (!other[1] && said.ears)) other = one;
            continue;
          }
        }
      }
      if (!source.only) return one;
      if (shown) return [null, null, null, null];
      shown = one;
    }
    return shown || other || [null, null, null, null];
  };

  const noscript = () => {
    const page = document.implementation.createHTMLDocument("");
    const found = document.querySelectorAll("noscript");
    // In a document where scripts run the content of <noscript> is text; parsed in one without, it is elements.
    let html = "";
    for (let i = 0; i < found.length; i++) html += found[i].firstElementChild ? found[i].innerHTML : found[i].textContent;
    page.body.innerHTML = html;
    return page;
  };

  // The open shadow roots of a page, and the documents of its frames that are of the same origin; those in them, too.
  let inside = null, roots = [], lookedForRoots = -Infinity, shut = 0;
  const rootsOfPage = () => {
    const now = performance.now();
    if (!plan.looks_inside || document.readyState !== "complete" || now - lookedForRoots < 200) return roots;
    lookedForRoots = now;
    roots = [];
    shut = 0;
    const within = [document];
    for (let w = 0; w < within.length && w < task.most_roots; w++) {
      const all = within[w].querySelectorAll("*");
      for (let i = 0; i < all.length; i++) {
        let root = all[i].shadowRoot;
        if (!root && /^I?FRAME$/.test(all[i].nodeName)) {
          root = all[i].contentDocument;
          if (!root && all[i].getClientRects().length) shut++;
        }
        if (root) within[within.length] = roots[roots.length] = root;
      }
    }
    return roots;
  };

  // All posts in the order of the page, as [element, its kind, page]. The first kind that fits is its kind. With gaps
  // come also the elements of a tree that are no posts, as [element, its kind, page, true].
  const collect = (withGaps) => {
    const items = [];
    mixed = new Set();
    const onPage = [], hidden = [];
    for (let k = 0; k < plan.kinds.length; k++) {
      const kind = plan.kinds[k], list = kind.noscript ? hidden : onPage;
      if (kind.css) list[list.length] = kind;
    }
    const pages = [[document, onPage]];
    if (hidden.length && document.readyState !== "loading") pages[1] = [noscript(), hidden];
    inside = null;
    for (let p = 0; p < pages.length || (!items.length && p === pages.length && onPage.length); p++) {
      if (p === pages.length) {
        // What is on the page itself goes before what is in its shadow roots and frames.
        const roots = rootsOfPage();
        for (let r = 0; r < roots.length; r++) pages[pages.length] = [roots[r], onPage];
        if (p === pages.length) break;
      }
      const [page, kinds] = pages[p];
      if (!kinds.length) continue;
      let css = kinds[0].css;
      for (let k = 1; k < kinds.length; k++) css += "," + kinds[k].css;
      const found = page.querySelectorAll(css);
      for (let i = 0; i < found.length; i++) {
        const element = found[i];
        if (i + 1 < found.length && element.contains(found[i + 1])) mixed.add(element);
        for (let k = 0; k < kinds.length; k++) {
          const kind = kinds[k];
          if (!element.matches(kind.css)) continue;
          if (kind.exclude && element.matches(kind.exclude)) {
            if (withGaps && kind.tree) items[items.length] = [element, kind, page, true];
            break;
          }
          const quoted = kind.nested && element.closest(kind.nested);
          if (quoted && quoted.parentElement && quoted.parentElement.closest(kind.css)) break;
          if (kind.nested && element.querySelector(kind.nested)) mixed.add(element);
          items[items.length] = [element, kind, page];
          if (p > 0 && page.nodeType === 11) inside = "an open shadow root";
          else if (p > 0 && page.defaultView) inside = "a frame";
          break;
        }
      }
    }
    return items;
  };

  // The posts that are not rendered and are on the page once more, rendered.
  const hiddenDoubles = (items) => {
    const byKey = new Map(), doubles = new Set();
    for (let i = 0; i < items.length; i++) {
      if (items[i][3] || items[i][2] !== document) continue;
      const key = keyOf(items[i]), others = byKey.get(key);
      if (key !== null && others) others[others.length] = items[i][0];
      else byKey.set(key, [items[i][0]]);
    }
    byKey.forEach((same) => {
      const hidden = [];
      for (let i = 0; same.length > 1 && i < same.length; i++) {
        if (same[i].checkVisibility && !same[i].checkVisibility()) hidden[hidden.length] = same[i];
      }
      for (let i = 0; hidden.length < same.length && i < hidden.length; i++) doubles.add(hidden[i]);
    });
    return doubles;
  };

  const isSingle = (item, kind) => {
    if (!kind.once) return true;
    const found = item.querySelectorAll(kind.once);
    let own = 0;
    for (let i = 0; i < found.length; i++) if (!leaks(found[i], item, kind)) own++;
    return own <= 1;
  };

  // What a post is known by: all that the sources of its id say.
  const keyOf = ([element, kind, page]) => {
    let key = null;
    for (let i = 0; i < kind.id.length; i++) {
      const value = read(kind.sources[kind.id[i]], element, kind, page);
      if (value !== null && value.trim()) key = (key === null ? "" : key + "\n") + value;
    }
    return key;
  };

  const complete = ([element, kind, page]) => {
    for (let r = 0; r < kind.required.length; r++) {
      let there = false;
      for (let i = 0; i < kind.required[r].length && !there; i++) {
        const source = kind.sources[kind.required[r][i]];
        there = source.elsewhere || (read(source, element, kind, page) || "").trim() !== "";
      }
      if (!there) return false;
    }
    return true;
  };

  const isAsked = ([element, kind, page]) => {
    for (let i = 0; i < kind.id.length; i++) {
      const source = kind.sources[kind.id[i]], value = read(source, element, kind, page);
      if (value === null) continue;
      if (!source.under && holdsId(value, expected)) return true;
      const above = source.under ? new RegExp(source.under, "u").exec(location.href) : null;
      const own = above && expected.startsWith(above[1] + "/") ? expected.slice(above[1].length + 1) : null;
      if (own !== null && holdsId(value, own)) return true;
    }
    return false;
  };

  // A marker counts where a person sees it, unless it is of the kind that is never shown.
  const NEVER_SEEN = "head, title, base, meta, link, style, script, noscript, template, input[type=hidden]";
  const isOut = (style, rect) => {
    if (!rect.width || !rect.height) return /hidden|clip/.test(style.overflow);
    if (style.position === "absolute") return rect.right + scrollX <= 0 || rect.bottom + scrollY <= 0;
    const { right, bottom, left, top } = rect;
    return style.position === "fixed" && (right <= 0 || bottom <= 0 || left >= innerWidth || top >= innerHeight);
  };
  const isShown = (element) => {
    if (element.matches(NEVER_SEEN)) return true;
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return false;
    // Of a page whose styles are gone only the markup still says what it hides.
    if (task.settled && element.closest("[aria-hidden=true]")) return false;
    for (let box = element; box && box !== document.body; box = box.parentElement) {
      const style = getComputedStyle(box);
      if (isOut(style, box.getBoundingClientRect())) return false;
      // Nothing around it clips or moves it.
      if (style.position === "fixed") break;
    }
    return true;
  };
  // Until its stylesheets are there, a page seems to show what they hide. One that is blocked has no sheet either.
  const isStyling = () => {
    if (document.readyState === "complete" || performance.now() - started > task.style_ms) return false;
    const links = document.querySelectorAll("link[rel~=stylesheet]:not([disabled])");
    for (let i = 0; i < links.length; i++) if (!links[i].sheet) return true;
    return false;
  };
  const says = (element, text) =>
    text.test(element.textContent) && (element.matches(NEVER_SEEN) || text.test(element.innerText));

  const shows = (tale) => {
    if (tale.url && !new RegExp(tale.url, "iu").test(location.href)) return false;
    const text = tale.text && new RegExp(tale.text, "iu");
    if (!tale.css) return !text || text.test(document.title);
    const found = document.querySelectorAll(tale.css);
    for (let i = 0; i < found.length; i++) {
      if (plan.any && found[i].closest(plan.any)) continue;
      if ((!text || says(found[i], text)) && isShown(found[i])) return true;
    }
    return false;
  };
  const tellTale = () => {
    for (let i = 0; i < plan.tell_tales.length; i++) if (shows(plan.tell_tales[i])) return i;
    return null;
  };
  const matches = (css) => {
    const found = css ? document.querySelectorAll(css) : [];
    for (let i = 0; i < found.length; i++) if (isShown(found[i])) return true;
    return false;
  };

  // Of a list that scripts fill: how many posts there are, and how many are whole.
  const progress = () => {
    const items = collect();
    let whole = 0;
    for (let i = 0; i < items.length; i++) if (complete(items[i])) whole++;
    return items.length + "/" + whole;
  };

  // Whether a post in view is not whole yet: to scroll on would lose it.
  const isFilling = (items) => {
    for (let i = 0; i < items.length; i++) {
      const rect = items[i][0].getBoundingClientRect();
      if (!rect.height || rect.bottom < 0 || rect.top > window.innerHeight) continue;
      if (!seen.has(keyOf(items[i])) && !complete(items[i])) return true;
    }
    return false;
  };

  const isNew = (item) => !seen.has(keyOf(item)) && complete(item);

  // Whether something is still on its way that may yet draw the page. A pixel or a frame that never answers is not.
  const isAwaitingScripts = () => {
    const ended = new Set(), entries = performance.getEntriesByType("resource");
    for (let i = 0; i < entries.length; i++) ended.add(entries[i].name);
    const wanted = document.querySelectorAll("script[src], link[rel~=stylesheet]");
    for (let i = 0; i < wanted.length; i++) if (!ended.has(wanted[i].src || wanted[i].href)) return true;
    return false;
  };

  // Why waiting is over, or null; and the posts that there were. A document that `hasStalled` may never come to its
  // end, and is taken as it is.
  let looked = [];
  const verdict = (hasStalled) => {
    const isParsing = document.readyState === "loading";
    if (isParsing && !hasStalled) return null;
    if (task.settled) return "parsed";
    const items = looked = collect();
    for (let i = 0; i < items.length; i++) {
      if (expected !== null && !isAsked(items[i])) continue;
      if (task.step ? isNew(items[i]) : complete(items[i])) return "ready";
    }
    if (task.step && matches(task.end)) return "end";
    if (tellTale() !== null && !isStyling()) return "tell_tale";
    if (task.step || isParsing) return null;
    return plan.when === "parsed" ? "parsed" : null;
  };

  // The post that stands lowest. A list that uses its elements again does not keep them in the order of the page.
  const lowest = (items) => {
    let last = null, bottom = -Infinity;
    for (let i = Math.max(0, items.length - 100); i < items.length; i++) {
      const rect = items[i][0].getBoundingClientRect();
      if (rect.height && rect.bottom >= bottom) [last, bottom] = [items[i][0], rect.bottom];
    }
    return last;
  };

  // What scrolls: the page, or the box that the posts are in.
  const scroller = (element) => {
    for (let box = element && element.parentElement; box && box !== document.body; box = box.parentElement) {
      if (box.scrollHeight > box.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(box).overflowY)) return box;
    }
    return document.scrollingElement || document.documentElement;
  };

  const button = () => {
    const found = document.querySelectorAll(task.more);
    for (let i = 0; i < found.length; i++) {
      const isOff = found[i].disabled || found[i].getAttribute("aria-disabled") === "true";
      if (found[i].getClientRects().length && !isOff) return found[i];
    }
    return null;
  };

  // What brings more: the button that says so, or the way down.
  let pressed = null;
  const goOn = (items) => {
    if (task.more) {
      const more = button();
      if (!more || more === pressed) return;
      pressed = more;
      more.click();
      return;
    }
    const last = lowest(items);
    if (last) last.scrollIntoView({ block: "start", behavior: "instant" });
    else window.scrollBy({ top: window.innerHeight, behavior: "instant" });
    // What is left above the window is enough to scroll by.
    for (let i = 0; task.removable && i < items.length - 1; i++) {
      const isFar = items[i][0].getBoundingClientRect().bottom < -2 * window.innerHeight;
      if (isFar && seen.has(keyOf(items[i]))) items[i][0].remove();
    }
  };

  // A feed that has stalled sometimes only looks again when it is scrolled: back a little, and further down than before.
  // At once to its end would be past what a virtual list has there that was only slow to draw.
  const nudge = (times) => {
    const box = scroller(lowest(collect())), top = box.scrollTop + (times - 1) * box.clientHeight;
    box.scrollBy({ top: -box.clientHeight / 2, behavior: "instant" });
    setTimeout(() => box.scrollTo({ top, behavior: "instant" }), 60);
  };

  const isParsing = document.readyState === "loading";
  const movement = moving(task, { keyOf, complete, isAsked, read, scroller, seen, any: plan.any });
  const wait = () => new Promise((resolve, reject) => {
    const began = performance.now();
    let changed = began, checked = 0, timer = null, nudges = 0, ownUntil = 0;
    let size = document.getElementsByTagName("*").length, wentOn = !task.step || task.is_again, stable = "", stableSince = 0;
    const nudgeMs = Math.min(task.idle_ms / 4, 700);
    // Whether this look comes right after what changed the page, and since when no frame has been drawn.
    let isExact = false, isParsed = false, hadFrame = true, hasDrawn = true, isFirst = !isParsing;
    const settles = !task.step && expected === null && plan.when === "items" && !task.settled;
    const stop = () => {
      observer.disconnect();
      clearTimeout(timer);
      document.removeEventListener("readystatechange", parsed);
    };
    const finish = (why) => {
      stop();
      resolve(why);
    };
    const look = () => {
      try {
        lookAgain();
      } catch (error) {
        stop();
        reject(error);
      }
    };
    const again = (ms) => {
      timer = setTimeout(look, ms);
    };
    const parsed = () => {
      isParsed = isParsing && document.readyState === "interactive";
      look();
      isParsed = false;
    };
    const lookAgain = () => {
      clearTimeout(timer);
      const now = performance.now(), why = verdict(now - changed >= task.idle_ms || Boolean(task.step));
      checked = performance.now();
      const moment = isParsed ? "parsed" : isFirst ? "first" : isExact || !hadFrame ? "change" : "later";
      movement.note(observer.takeRecords());
      const left = why === "ready" && now < deadline ? movement.unsettled(looked, now, moment) : 0;
      if (document.readyState !== "loading") isFirst = false;
      if (why === "ready" && settles && now < deadline) {
        // The first post of a list is there; the others come right after it.
        const reached = progress();
        if (reached !== stable) [stable, stableSince] = [reached, now];
        if (now - stableSince < task.settle_ms) return again(task.settle_ms / 4);
      }
      if (left > 0) {
        if (left <= task.frame_ms) requestAnimationFrame(look);
        return again(Math.max(1, Math.min(left, task.frame_ms * 2, deadline - now)));
      }
      if (why) return finish(why);
      if (now >= deadline) return finish("deadline");
      if (!wentOn) {
        const items = collect();
        if (isFilling(items) && now - began < task.idle_ms) return again(20);
        wentOn = true;
        changed = now;
        goOn(items);
        hasDrawn = false;
        requestAnimationFrame(() => requestAnimationFrame(() => (hasDrawn = true)));
        return again(4);
      }
      // In a feed it is about posts. Of a page without any, what is on its way may bring them.
      let quiet = now - changed;
      if (!task.step && document.readyState !== "complete" && quiet >= task.idle_ms) {
        if (document.readyState === "loading" || isAwaitingScripts()) quiet = 0;
      }
      if (task.step && hasDrawn && quiet >= nudgeMs * (nudges + 1) && nudges < 3) {
        nudges++;
        // What the page redraws for that is our doing, and no sign that it has more.
        ownUntil = now + 200;
        if (task.more) goOn([]);
        else nudge(nudges);
      }
      if (quiet >= task.idle_ms && !matches(plan.busy)) {
        return finish(task.step && task.more && !button() ? "end" : "idle");
      }
      // Looking again now and then sees what no observer of nodes does: an attribute, an idle page.
      again(Math.min(task.step ? nudgeMs : 250, Math.max(1, deadline - now)));
    };
    const observer = new MutationObserver((records) => {
      movement.note(records);
      const now = performance.now(), count = document.getElementsByTagName("*").length;
      // A clock that ticks changes the page, and brings nothing.
      if (count !== size && now >= ownUntil) changed = now;
      size = count;
      if (now - checked >= 4) {
        // Right after the script that changed something, before it goes on.
        isExact = true;
        look();
        isExact = false;
        return;
      }
      clearTimeout(timer);
      again(4);
      if (hadFrame) requestAnimationFrame(() => (hadFrame = true));
      hadFrame = false;
    });
    observer.observe(document, { childList: true, subtree: true, characterData: true });
    document.addEventListener("readystatechange", parsed);
    look();
  });

  const holds = (marks, text) => {
    for (let i = 0; i < marks.length; i++) if (new RegExp(marks[i], "u").test(text)) return true;
    return !marks.length;
  };

  const stopped = await wait();

  if (task.collecting && performance.setResourceTimingBufferSize) performance.setResourceTimingBufferSize(20000);
  const readAt = performance.now();
  const items = collect(true), doubles = hiddenDoubles(items);
  const counts = new Array(plan.kinds.length).fill(0);
  const out = [];
  const marked = [];
  let left = 0, isThere = false, characters = 0;
  // What is asked for is read even where there is no room for others.
  const most = 2 * task.max_items;
  const branches = new Map();
  for (let i = 0; i < items.length; i++) {
    const [element, kind, page, gap] = items[i];
    if (doubles.has(element)) continue;
    if (gap) {
      if (out.length < most) {
        out[out.length] = { kind: kind.index, values: [], quoted: null, single: true, gap: true };
      }
      continue;
    }
    counts[kind.index]++;
    isThere = isThere || ((expected === null || isAsked(items[i])) && complete(items[i]));
    const key = task.collecting ? keyOf(items[i]) : null;
    // A thread is read as a whole, if it is not too long for that.
    if (seen.has(key) && !(kind.together && items.length <= task.max_items)) continue;
    const isFull = out.length >= task.max_items || characters > task.max_total_chars;
    if (isFull && !(expected !== null && out.length < most && isAsked(items[i]))) {
      left++;
      continue;
    }
    if (key !== null && complete(items[i])) {
      if (!seen.has(key)) document[LAST].add(key);
      seen.add(key);
    }
    wasCut = false;
    if (task.marking) marked[out.length] = items[i];
    const values = [];
    let ears = null, unsure = null;
    for (let s = 0; s < kind.sources.length; s++) {
      const source = kind.sources[s];
      if (source.counts) {
        const [text, spoken, hidden] = readCount(source, element, kind, page);
        values[s] = text === null ? null : cut(text);
        if (spoken !== null) (ears = ears || {})[s] = spoken;
        const moving = text === null ? null : movement.why(items[i], s, text, readAt);
        const why = moving || (text === null && hidden ? "not shown: " + hidden.trim() : null);
        if (why) (unsure = unsure || {})[s] = clean(why.slice(0, 60));
      } else values[s] = read(source, element, kind, page);
      if (values[s] !== null) characters += values[s].length;
    }
    let quoted = null;
    const inner = kind.nested && element.querySelector(kind.nested);
    if (inner) {
      quoted = [];
      const part = { css: kind.nested, nested: null };
      for (let s = 0; s < kind.quoted.length; s++) quoted[s] = read(kind.quoted[s], inner, part, page);
    }
    let depth = null, above = null;
    const branch = kind.branch && element.closest(kind.branch);
    if (branch) {
      if (!branches.has(branch)) branches.set(branch, out.length);
      depth = 0;
      for (let box = branch; (box = box.parentElement && box.parentElement.closest(kind.branch)); depth++) {
        if (!depth) above = branches.has(box) ? branches.get(box) : null;
      }
    }
    out[out.length] = { kind: kind.index, values, quoted, single: isSingle(element, kind), depth, above, cut: wasCut, ears, unsure };
  }
  if (task.marking) {
    // Where each value is from, for whoever wants to point at it: the element of a post, or of one of its sources.
    const elementOf = (place, source) => {
      if (!marked[place]) return null;
      const [element, kind, page] = marked[place];
      return source === null ? element : find(kind.sources[source], element, kind, page);
    };
    Object.defineProperty(document, Symbol.for("tidegate.marks"), { value: elementOf, configurable: true });
  }
  const scripts = [];
  for (let i = 0; i < plan.scripts.length; i++) {
    const texts = scripts[i] = [];
    const holding = task.step ? [] : document.querySelectorAll(plan.scripts[i].css);
    for (let k = 0; k < holding.length; k++) {
      const text = holding[k].textContent;
      if (text.length <= task.max_script_chars && holds(plan.scripts[i].after, text)) texts[texts.length] = clean(text);
    }
  }
  let next = null;
  for (let i = 0; i < plan.next.length && !next; i++) next = document.querySelector(plan.next[i]);
  let requests = 0;
  const fetched = performance.getEntriesByType("resource");
  for (let i = 0; i < fetched.length; i++) {
    if (fetched[i].initiatorType === "fetch" || fetched[i].initiatorType === "xmlhttprequest") requests++;
  }
  const report = {
    stopped,
    waited_ms: performance.now() - started,
    url: cut(location.href),
    base: cut(document.baseURI),
    title: cut(document.title),
    language: cut(document.documentElement?.lang || "") || null,
    ready_state: document.readyState,
    tell_tale: isThere ? null : tellTale(),
    busy: matches(plan.busy),
    end: matches(task.end),
    next: next && next.hasAttribute("href") ? cut(next.getAttribute("href")) : null,
    counts,
    left,
    requests,
    has_zero: movement.hasZero(),
    inside,
    shut_frames: shut,
    items: out,
    scripts,
  };
  // Old libraries give arrays and strings a toJSON of their own, which would garble this.
  const foreign = [];
  const prototypes = [Array.prototype, String.prototype, Number.prototype, Object.prototype];
  for (let i = 0; i < prototypes.length; i++) {
    const own = Object.getOwnPropertyDescriptor(prototypes[i], "toJSON");
    if (own && own.configurable && delete prototypes[i].toJSON) foreign[foreign.length] = [prototypes[i], own];
  }
  const text = JSON.stringify(report);
  for (let i = 0; i < foreign.length; i++) Object.defineProperty(foreign[i][0], "toJSON", foreign[i][1]);
  // What a page answers for JSON can be anything, of any length; how long a string is it can't lie about.
  if (typeof text !== "string" || text.length > task.max_answer_chars) throw "the page gave back too much to be read";
  return text;
}
