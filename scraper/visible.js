// Tells what of a text a person sees, for reader.js and facts.js: what is rendered, and where a document has no styles
// of its own (a parsed one, or one whose style sheets did not come), what its markup says.
// Text for screen readers only is told apart from what is nowhere: it is a source of its own. Layout is computed once:
// nothing here changes the page. Plain loops and DOM calls only, as in reader.js.
(blocked) => {
  const SHOWN = 0, EARS = 1, GONE = 2;
  const OLD = new Set(["S", "DEL", "STRIKE"]);
  const NO_TEXT = new Set(["SCRIPT", "STYLE", "NOSCRIPT", "TEMPLATE", "TITLE"]);
  const FOR_EARS = /(?:^|[\s_-])(?:sr|screen-?reader|a11y|assistive)-?(?:only|text|hidden)?(?:$|[\s_-])|visually-?hidden|hidden-?visually|hide-visually|screen-?reader|sr-?only|assistive-text|show-for-sr|element-invisible|off-?screen/i;
  const NOT_FOR_EARS = /not-?sr-?only|undo-?visually|unvisually/i;
  // Stands between two numbers that are not one; scraper/item.py knows it.
  const BETWEEN = "\u241f";
  const NEAR_EM = 0.2, LEAST_PX = 2, LEAST_ALPHA = 0.1, FAR_PX = 1500, MOST_CHARACTERS = 60, MOST_BESIDE = 200;

  // Whether the page looks as its author meant it: no style sheet is missing, and there is one at all. One that was
  // refused or did not come has no rules; those of another site may not be looked at.
  const isMissing = (link) => {
    if (link.media && !matchMedia(link.media).matches) return false;
    for (let i = 0; i < blocked.length; i++) if (new RegExp(blocked[i], "i").test(link.href)) return true;
    try {
      return !link.sheet || link.sheet.cssRules.length === 0;
    } catch {
      return false;
    }
  };
  let styled = document.styleSheets.length > 0 || (document.adoptedStyleSheets || []).length > 0;
  const links = document.querySelectorAll('link[rel~="stylesheet" i]:not([disabled])');
  for (let i = 0; i < links.length && styled; i++) if (isMissing(links[i])) styled = false;

  const range = document.createRange();
  const parentOf = (node) => node.assignedSlot || node.parentElement || (node.getRootNode && node.getRootNode().host) || null;
  const childrenOf = (element) => {
    if (element.shadowRoot) return element.shadowRoot.childNodes;
    const assigned = element.nodeName === "SLOT" && element.assignedNodes({ flatten: true });
    return assigned && assigned.length ? assigned : element.childNodes;
  };

  const alphaOf = (color) => {
    const found = /^rgba\(.*,\s*([\d.]+)\)$|\/\s*([\d.]+)(%?)\)$/.exec(color);
    if (!found) return color === "transparent" ? 0 : 1;
    return found[1] !== undefined ? Number(found[1]) : Number(found[2]) / (found[3] ? 100 : 1);
  };

  // What a clip leaves of a box, as [left, top, right, bottom]; null where it can't be told and is taken as all of it.
  const lengthOf = (text, whole) => (text.endsWith("%") ? (parseFloat(text) / 100) * whole : parseFloat(text) || 0);
  const clipped = (path, box) => {
    const width = box.right - box.left, height = box.bottom - box.top;
    const inset = /^inset\(([^)]*?)(?:\s+round[^)]*)?\)/.exec(path);
    if (inset) {
      const given = inset[1].trim().split(/\s+/);
      const [top, right = top, bottom = top, left = right] = given;
      return [box.left + lengthOf(left, width), box.top + lengthOf(top, height),
        box.right - lengthOf(right, width), box.bottom - lengthOf(bottom, height)];
    }
    if (/^(?:circle|ellipse)\(0(?:px|%)?[\s)]/.test(path)) return [0, 0, 0, 0];
    const polygon = /^polygon\((?:\w+,\s*)?(.*)\)$/.exec(path);
    if (!polygon) return null;
    const points = polygon[1].split(",");
    const area = [Infinity, Infinity, -Infinity, -Infinity];
    for (let i = 0; i < points.length; i++) {
      const [x, y = "0"] = points[i].trim().split(/\s+/);
      const left = box.left + lengthOf(x, width), top = box.top + lengthOf(y, height);
      area[0] = Math.min(area[0], left), area[2] = Math.max(area[2], left);
      area[1] = Math.min(area[1], top), area[3] = Math.max(area[3], top);
    }
    return area;
  };
  const cut = (clip, box, way) => {
    if (!clip) return { box, way };
    return {
      box: [Math.max(clip.box[0], box[0]), Math.max(clip.box[1], box[1]),
        Math.min(clip.box[2], box[2]), Math.min(clip.box[3], box[3])],
      way: way === EARS ? EARS : clip.way,
    };
  };

  const isForEars = (element) => {
    const name = element.getAttribute("class") || "";
    return FOR_EARS.test(name) && !NOT_FOR_EARS.test(name);
  };

  const isClosed = (element) => element.parentElement?.nodeName === "DETAILS" && !element.parentElement.open
    && element.nodeName !== "SUMMARY";

  // What an element's own markup says where nothing computes its style.
  const byMarkup = (element) => {
    const style = element.style;
    if (OLD.has(element.nodeName) || NO_TEXT.has(element.nodeName) || element.hidden) return GONE;
    if (isClosed(element)) return GONE;
    if (style) {
      if (style.display === "none" || /hidden|collapse/.test(style.visibility) || style.contentVisibility === "hidden") return GONE;
      if (style.opacity !== "" && Number(style.opacity) < LEAST_ALPHA) return GONE;
      if (/^0(?:px|em|rem|%)?$/.test(style.fontSize) || /scale\(0[,)]/.test(style.transform)) return GONE;
      if (style.color && alphaOf(style.color) < LEAST_ALPHA) return GONE;
      if (/line-through/.test(style.textDecoration)) return GONE;
      const isSmall = /^[01]?px$|^0$/.test(style.width) && /^[01]?px$|^0$/.test(style.height);
      const isAway = Math.min(parseFloat(style.left) || 0, parseFloat(style.top) || 0, parseFloat(style.textIndent) || 0) < -900;
      if (isAway || (isSmall && /hidden|clip/.test(style.overflow)) || style.clipPath || style.clip) return EARS;
    }
    return isForEars(element) ? EARS : SHOWN;
  };

  // An element's own part in hiding what is in it, computed once. Whether it is rendered at all its texts are asked.
  const known = new Map();
  const ownOf = (element) => {
    let own = known.get(element);
    if (own) return own;
    own = { state: SHOWN, clip: null, scrolls: false, style: null, isRendered: true };
    known.set(element, own);
    const style = element.ownerDocument.defaultView ? getComputedStyle(element) : null;
    if (!style || style.opacity === "") {
      own.state = byMarkup(element);
      own.isRendered = false;
      return own;
    }
    own.style = style;
    if (!styled && isForEars(element)) own.state = EARS;
    if (OLD.has(element.nodeName) || NO_TEXT.has(element.nodeName) || isClosed(element)) own.state = GONE;
    const { opacity, filter, clipPath, clip, overflow, textDecorationLine, contentVisibility } = style;
    // So most elements are, and a reading asks a thousand of them.
    const all = opacity + filter + clipPath + clip + overflow + textDecorationLine + contentVisibility;
    if (all === "1nonenoneautovisiblenonevisible") return own;
    const isFaint = Number(opacity) < LEAST_ALPHA || /opacity\(0%?\)/.test(filter);
    if (isFaint || /line-through/.test(textDecorationLine) || contentVisibility === "hidden") own.state = GONE;
    if (clipPath === "none" && clip === "auto" && overflow === "visible") return own;
    const box = element.getBoundingClientRect(), isTiny = box.width <= LEAST_PX && box.height <= LEAST_PX;
    own.scrolls = /auto|scroll/.test(overflow) && !isTiny;
    if (overflow !== "visible" && !own.scrolls) {
      const room = [-Infinity, -Infinity, Infinity, Infinity];
      if (style.overflowX !== "visible") [room[0], room[2]] = [box.left, box.right];
      if (style.overflowY !== "visible") [room[1], room[3]] = [box.top, box.bottom];
      own.clip = cut(own.clip, room, isTiny ? EARS : GONE);
    }
    const left = clipPath !== "none" && clipped(clipPath, box);
    if (left) own.clip = cut(own.clip, left, EARS);
    const rect = clip === "auto" || !/absolute|fixed/.test(style.position) ? null : /^rect\(([^)]*)\)/.exec(clip);
    if (rect) {
      const [top, right, bottom, start] = rect[1].split(/,\s*|\s+/);
      const at = (text, from, other) => (text === "auto" ? other : from + parseFloat(text));
      own.clip = cut(own.clip, [at(start, box.left, box.left), at(top, box.top, box.top),
        at(right, box.left, box.right), at(bottom, box.top, box.bottom)], EARS);
    }
    return own;
  };

  // Whether something between an element and a box that clips is taken out of that box, which holds no position.
  const escapes = (element, box) => {
    const isPlain = (style) => style.position === "static" && style.transform === "none";
    if (!isPlain(ownOf(box).style)) return false;
    for (let inner = element; inner && inner !== box; inner = parentOf(inner)) {
      const { position } = ownOf(inner).style;
      if (position !== "absolute" && position !== "fixed") continue;
      for (let around = parentOf(inner); around && around !== box; around = parentOf(around)) {
        if (!isPlain(ownOf(around).style)) return false;
      }
      return true;
    }
    return false;
  };

  // How what is in `element` stands, up to `top`: its state, and the box that it is clipped to.
  const PLAIN = { state: SHOWN, isRendered: true, clips: null };
  const contexts = new Map();
  const contextIn = (element, top, memo) => {
    if (!element || element === top) return PLAIN;
    const found = memo.get(element);
    if (found) return found;
    const outer = contextIn(parentOf(element), top, memo), own = ownOf(element);
    let context = outer;
    if (own.state || own.clip || own.scrolls || !own.isRendered) {
      const state = Math.max(outer.state, own.state), isRendered = outer.isRendered && own.isRendered;
      // What scrolls can be scrolled to; what is around that clips the window that it is seen through.
      const clips = own.clip ? [{ box: element, clip: own.clip }] : [];
      const around = own.scrolls ? null : outer.clips;
      context = { state, isRendered, clips: around ? [...around, ...clips] : clips };
    }
    memo.set(element, context);
    return context;
  };
  const contextOf = (element, top) => {
    let memo = contexts.get(top);
    if (!memo) contexts.set(top, memo = new Map());
    return contextIn(element, top, memo);
  };
  const isIn = (box, clip) => box[0] >= clip[0] && box[1] >= clip[1] && box[2] <= clip[2] && box[3] <= clip[3];
  const clipOf = (context, element, box) => {
    let clip = null;
    for (let i = 0; context.clips && i < context.clips.length; i++) {
      const one = context.clips[i];
      if (!isIn(box, one.clip.box) && !escapes(element, one.box)) clip = cut(clip, one.clip.box, one.clip.way);
    }
    return clip;
  };

  // Whether boxes in `top` say anything: not where it is not rendered itself, or of no size.
  const homes = new Map(), flat = new Map();
  const homeOf = (top) => {
    let box = homes.get(top);
    if (!box) homes.set(top, box = top.getBoundingClientRect());
    return box;
  };
  const isFlat = (top) => {
    let is = flat.get(top);
    if (is === undefined) {
      const box = homeOf(top);
      is = Boolean(top.checkVisibility && !top.checkVisibility())
        || (!box.width && !box.height && getComputedStyle(top).display !== "contents");
      flat.set(top, is);
    }
    return is;
  };

  // Of what is in something that is not rendered: whether it would not be, if that were.
  const isNowhere = (element, top) => {
    for (let box = element; box && box !== top; box = parentOf(box)) {
      const style = getComputedStyle(box);
      if (style.display === "none" || style.contentVisibility === "hidden") return true;
      if (box === element && style.visibility !== "visible" && getComputedStyle(top).visibility === "visible") return true;
    }
    return false;
  };

  const around = document.documentElement;
  const pageX = scrollX, pageY = scrollY, pageWidth = Math.max(around.scrollWidth, innerWidth);
  const isAway = (box, top) => {
    if (box.right + pageX <= 0 || box.bottom + pageY <= 0 || box.left + pageX >= pageWidth) return true;
    if (top === around || top === document.body) return false;
    const home = homeOf(top);
    if (!home.width || !home.height) return false;
    return box.left > home.right + FAR_PX || box.right < home.left - FAR_PX
      || box.top > home.bottom + FAR_PX || box.bottom < home.top - FAR_PX;
  };

  // Of a text that is clipped in part, the characters of which most is seen.
  const charactersIn = (node, clip) => {
    const text = node.data;
    if (text.length > MOST_CHARACTERS) return "";
    let seen = "";
    for (let i = 0; i < text.length; i++) {
      range.setStart(node, i);
      range.setEnd(node, i + 1);
      const box = range.getBoundingClientRect();
      const width = Math.min(box.right, clip[2]) - Math.max(box.left, clip[0]);
      const height = Math.min(box.bottom, clip[3]) - Math.max(box.top, clip[1]);
      if (box.width && width > box.width / 2 && height > box.height / 2) seen += text[i];
    }
    return seen;
  };

  const clipPiece = (piece, seen) => {
    if (!seen) return;
    const box = piece.box, clip = seen.box;
    const width = Math.min(box[2], clip[2]) - Math.max(box[0], clip[0]);
    const height = Math.min(box[3], clip[3]) - Math.max(box[1], clip[1]);
    if (width < 1 || height < 1 || (seen.way === EARS && width <= LEAST_PX && height <= LEAST_PX)) piece.state = seen.way;
    else if (width < (box[2] - box[0]) * 0.9 || height < (box[3] - box[1]) * 0.75) {
      piece.text = charactersIn(piece.node, clip);
    }
  };

  // A piece of text: what is seen of it, how it stands, its box where it has one.
  const pieceOf = (node, element, around, top) => {
    const piece = { text: node.data, state: around.state, box: null, style: null, node };
    if (piece.state === GONE || !around.isRendered || !node.data.trim()) return piece;
    const isPlaced = !isFlat(top);
    const style = getComputedStyle(element);
    if (isPlaced ? !element.checkVisibility({ visibilityProperty: true }) : isNowhere(element, top)) {
      const isHidden = getComputedStyle(top).visibility !== "visible" && element.checkVisibility();
      if (!isPlaced || !isHidden) piece.state = GONE;
    }
    const fill = style.webkitTextFillColor;
    if ((fill[3] === "a" || fill.includes("/")) && alphaOf(fill) < LEAST_ALPHA && !/text/.test(style.backgroundClip)) piece.state = GONE;
    if (piece.state !== SHOWN || !isPlaced) return piece;
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    piece.style = style;
    piece.box = [box.left, box.top, box.right, box.bottom];
    // Rendered, and of no size: scaled to nothing, in letters of no size, or in what is skipped.
    if (box.width < 1 || box.height < 1) piece.state = GONE;
    else if (isAway(box, top)) piece.state = EARS;
    else if (around.clips) clipPiece(piece, clipOf(around, element, piece.box));
    return piece;
  };

  // What a rule of the style sheet writes before or after an element, as far as it may belong to a number.
  const written = (element, where) => {
    const style = getComputedStyle(element, where);
    const content = style.content;
    if (content === "none" || content === "normal" || !content || style.display === "none") return "";
    if (style.position === "absolute" || style.position === "fixed" || style.visibility !== "visible") return "";
    if (Number(style.opacity) < LEAST_ALPHA || parseFloat(style.fontSize) === 0) return "";
    if (alphaOf(style.webkitTextFillColor || style.color) < LEAST_ALPHA) return "";
    let text = "";
    const parts = content.matchAll(/"((?:[^"\\]|\\.)*)"|attr\(\s*([\w-]+)[^)]*\)|(counters?\([^)]*\))/g);
    for (const [, literal, name] of parts) {
      if (literal !== undefined) text += literal.replace(/\\(.)/g, "$1");
      else text += name ? element.getAttribute(name) || "" : BETWEEN;
    }
    return /\p{N}|\u241f|^\s*[.,+%]\s*$|^\s*\p{L}{1,4}\.?\+?\s*$/u.test(text) ? text : "";
  };

  const piecesOf = (root, top, without, most) => {
    const pieces = [];
    const walk = (element, isHidden) => {
      const around = contextOf(element, top);
      if (around.isRendered && around.state === SHOWN) {
        const before = written(element, "::before");
        if (before) pieces[pieces.length] = { text: before, state: SHOWN, box: null, isHidden };
      }
      const children = childrenOf(element);
      for (let i = 0; i < children.length && pieces.length < most; i++) {
        const child = children[i];
        if (child.nodeType === 3) {
          const piece = pieceOf(child, element, around, top);
          piece.isHidden = isHidden;
          pieces[pieces.length] = piece;
        } else if (child.nodeType !== 1 || NO_TEXT.has(child.nodeName)) continue;
        else if (without && child.matches(without)) continue;
        else if (child.nodeName === "BR") pieces[pieces.length] = { text: "\n", state: around.state, box: null, isHidden };
        else if (child.nodeName === "IMG") {
          const state = contextOf(child, top).state;
          pieces[pieces.length] = { text: child.getAttribute("alt") || "", state, box: null, isHidden };
        } else walk(child, isHidden || child.getAttribute("aria-hidden") === "true");
      }
      if (around.isRendered && around.state === SHOWN) {
        const after = written(element, "::after");
        if (after) pieces[pieces.length] = { text: after, state: SHOWN, box: null, isHidden };
      }
    };
    walk(root, Boolean(root.closest('[aria-hidden="true"]')));
    return pieces;
  };

  const DIGIT = /\p{Nd}/u;
  const GLUE = /^[\s.,'\u2019\u066b\u066c\u00b7]*$/;
  const touch = (one, other) => {
    if (!styled || !one.box || !other.box) return !one.node || !other.node;
    const em = Math.max(parseFloat(one.style.fontSize), parseFloat(other.style.fontSize));
    const isOneLine = Math.min(one.box[3], other.box[3]) - Math.max(one.box[1], other.box[1]) > em / 2;
    const gap = other.box[0] - one.box[2];
    return isOneLine && gap < em * NEAR_EM && gap > -em * NEAR_EM;
  };
  // The pieces as one text, where two numbers of which nothing says that they are one have a mark between them.
  const joined = (pieces) => {
    let text = "", last = null, tail = "";
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i];
      const at = piece.text.search(DIGIT);
      if (last && at >= 0 && GLUE.test(tail + piece.text.slice(0, at))) {
        // A sign of its own between two pieces touches both, where they are one number.
        const isOne = touch(last, piece) || (i > 0 && last !== pieces[i - 1] && /[.,'\u2019]/.test(tail) && tail.trim() === tail
          && touch(last, pieces[i - 1]) && touch(pieces[i - 1], piece));
        if (!isOne) text += BETWEEN;
      }
      text += piece.text;
      if (at >= 0) {
        last = piece;
        tail = /[^\p{Nd}]*$/u.exec(piece.text)[0];
      } else tail += piece.text;
    }
    return text;
  };
  const hasDigit = (pieces) => {
    for (let i = 0; i < pieces.length; i++) if (DIGIT.test(pieces[i].text)) return true;
    return false;
  };

  // What an element says: `text` to a person who looks, `ears` to one who listens where that is something else (and
  // `isBoth` where it shows as well), and `hidden`, what neither is told. `top` is what it is read for: whether that itself is seen does not matter.
  const textsOf = (element, top, without, most) => {
    const only = element.firstChild;
    if (only && !only.nextSibling && only.nodeType === 3 && !element.shadowRoot) {
      const piece = pieceOf(only, element, contextOf(element, top), top);
      if (piece.state === SHOWN && !(piece.style && (written(element, "::before") || written(element, "::after")))) {
        return { text: piece.text, ears: null, hidden: "" };
      }
    }
    if (!element.shadowRoot && element.textContent.length > most) return { text: element.textContent, ears: null, hidden: "" };
    const pieces = piecesOf(element, top, without, most);
    const eyes = [], ears = [], looked = [], spoken = [];
    let hidden = "", isSpoken = false;
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i];
      if (piece.state === SHOWN) {
        eyes[eyes.length] = piece;
        if (piece.isHidden) looked[looked.length] = piece;
        else spoken[spoken.length] = piece;
      } else if (piece.state === EARS && !piece.isHidden) {
        ears[ears.length] = piece;
      } else hidden += piece.text;
    }
    if (hasDigit(looked) && hasDigit(spoken) && !hasDigit(ears)) {
      // Both show, and screen readers are told one of them.
      return { text: joined(looked), ears: joined(spoken), isBoth: true, hidden };
    }
    if (ears.length && !hasDigit(ears) && !looked.length) {
      // Words beside a number: what it counts.
      const both = [];
      for (let i = 0; i < pieces.length; i++) {
        if (pieces[i].state === SHOWN || pieces[i].state === EARS) both[both.length] = pieces[i];
      }
      return { text: joined(both), ears: null, hidden };
    }
    return { text: joined(eyes), ears: ears.length ? joined(ears) : null, hidden };
  };

  const isShown = (element, top) => contextOf(element, top).state === SHOWN
    && (!element.checkVisibility || !top.isConnected || isFlat(top) || element.checkVisibility({ visibilityProperty: true }));

  // A text of `element` as far as it shows; empty where it does not, or says to screen readers what shows beside it.
  const textIn = (node, element, top) => {
    const piece = pieceOf(node, element, contextOf(element, top), top);
    if (piece.state === SHOWN) return piece.text;
    if (piece.state === GONE) return "";
    let around = parentOf(element);
    for (let i = 0; i < 2 && DIGIT.test(piece.text) && around && around !== top; i++, around = parentOf(around)) {
      if (DIGIT.test(textsOf(around, top, "", MOST_BESIDE).text)) return "";
    }
    return piece.text;
  };

  return { textsOf, textIn, isShown, hasDigit: (text) => DIGIT.test(text), BETWEEN };
}
