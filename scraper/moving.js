// Tells whether the counts of a page still move, for reader.js: counts that run up, the 0 that a server writes until a
// script has the number, reels that turn. `page` is what reader.js knows of the page. Plain loops, as there.
(task, page) => {
  const { keyOf, complete, isAsked, read, scroller, seen } = page;

  // Whether a number stands there that is nothing but 0.
  const isZero = (text) => text !== null && text.length < 60 && /^\P{Nd}*(?:[0\u0660\u06f0\u0966]\P{Nd}*)+$/u.test(text);
  const isNumber = (text) => text !== null && /\p{Nd}/u.test(text) && !isZero(text);
  const anyZero = (counts) => {
    for (let s = 0; s < counts.length; s++) if (isZero(counts[s])) return true;
    return false;
  };
  const isInView = (element) => {
    const rect = element.getBoundingClientRect();
    return rect.bottom > 0 && rect.top < window.innerHeight && rect.right > 0 && rect.left < window.innerWidth;
  };
  const runsScripts = () => {
    for (let i = 0; i < document.scripts.length; i++) {
      if (/^(?:$|module$|(?:text|application)\/(?:x-)?(?:java|ecma)script)/i.test(document.scripts[i].type)) return true;
    }
    return false;
  };
  // Whether something in a post is on its way: a reel that turns, a number that fades in. What never ends does not count.
  const isAnimated = (items) => {
    const running = document.getAnimations ? document.getAnimations() : [];
    for (let i = 0; i < running.length; i++) {
      const effect = running[i].effect, target = effect && effect.target;
      if (!target || running[i].playState !== "running" || effect.getComputedTiming().endTime === Infinity) continue;
      for (let k = 0; k < items.length; k++) if (items[k][0].contains(target)) return true;
    }
    return false;
  };

  // The places where a 0 has become another number are kept with the document: a 0 there is none yet.
  const FILLED = Symbol.for("tidegate.filled");
  if (!task.settled && !document[FILLED]) Object.defineProperty(document, FILLED, { value: new Set() });
  const filled = task.settled ? new Set() : document[FILLED];
  // By post: its counts as they are, since when, which of them have moved, and for how long they had to stand still.
  const standing = new Map();
  let began = null, scan = null, home = null, isCut = false, hasZero = false;

  const countsOf = ([element, kind, document]) => {
    const counts = [];
    for (let s = 0; s < kind.sources.length; s++) {
      const source = kind.sources[s];
      counts[s] = source.counts && !source.elsewhere ? read(source, element, kind, document) : null;
    }
    return counts;
  };

  const compare = (entry, counts, now) => {
    for (let s = 0; s < counts.length; s++) {
      if (counts[s] === entry.counts[s]) continue;
      if (isZero(entry.counts[s])) filled.add(entry.kind + ":" + s);
      if (isNumber(entry.counts[s]) || isZero(entry.counts[s])) entry.moved.add(s);
      entry.since = now;
    }
    entry.counts = counts;
    entry.isZero = anyZero(counts);
  };

  // Whether other posts that came by the same script have numbers at the place of each 0, and have had them from the
  // first: then the 0 came with them.
  const cameWithOthers = (entry, now) => {
    for (let s = 0; s < entry.counts.length; s++) {
      if (!isZero(entry.counts[s])) continue;
      if (filled.has(entry.kind + ":" + s)) return false;
      let others = 0;
      standing.forEach((other) => {
        const isSteady = other.isBrought && !other.moved.size && now - other.since >= other.first;
        if (isSteady && other.kind === entry.kind && isNumber(other.counts[s])) others++;
      });
      if (others < task.least_others) return false;
    }
    return true;
  };

  // Where scripts have changed what stood there: a count that runs up has taken its first step by then. A parser only
  // appends, and to what it has not closed yet.
  const touched = [];
  let last = null;
  const note = (records) => {
    for (let i = 0; i < records.length; i++) {
      const { type, target, addedNodes, removedNodes } = records[i];
      const isAppended = type === "childList" && !removedNodes.length && (!last || target.contains(last));
      if (!isAppended && touched.length <= task.most_touched) touched[touched.length] = target;
      if (addedNodes.length) last = addedNodes[addedNodes.length - 1];
    }
  };
  const isTouched = (item) => {
    if (touched.length > task.most_touched) return true;
    for (let i = 0; i < touched.length; i++) if (item.contains(touched[i])) return true;
    return false;
  };
  // What stood there before this reading has begun, a script may have changed unseen.
  const isWatched = document.readyState === "loading" && !(page.any && document.querySelector(page.any));
  // What runs up changes with the next frame: a page that draws none is given `late_ms`.
  let frames = 0, most = 0;
  const countFrame = () => {
    if (++frames < most) requestAnimationFrame(countFrame);
  };
  const countTwo = () => {
    if (frames >= most) requestAnimationFrame(countFrame);
    most = frames + 2;
  };

  // Before the first frame what runs up has taken one step at most.
  const isFresh = () => {
    const entry = performance.getEntriesByType("navigation")[0];
    return Boolean(entry) && !performance.getEntriesByType("paint").length
      && performance.now() - entry.domInteractive < task.frame_ms / 2;
  };
  // How long a post has to stand that is seen for the first time; and whether two frames do for that.
  const atFirst = (item, moment) => {
    if (moment === "later" || (moment === "first" && task.step)) return [task.frame_ms, false];
    if (moment === "first") return [task.late_ms, isFresh()];
    // A list that goes on rewrites its rows.
    if (!task.step && isTouched(item)) return [task.late_ms, false];
    return isWatched || moment === "change" ? [0, false] : [task.late_ms, true];
  };
  const needed = (entry, now) => {
    if (entry.isZero && !entry.isBrought) return task.zero_ms;
    if (entry.isZero && !cameWithOthers(entry, now)) return task.brought_zero_ms;
    if (entry.moved.size) return task.still_ms;
    return entry.byFrames && frames >= entry.frame + 2 ? 0 : entry.first;
  };

  // Brings each 0 into view, one after the other: many count up only there. What drops posts out of view is left alone.
  const goThrough = (items, now) => {
    if (!scan) {
      scan = { left: [], moves: 0, posts: items.length, isLooking: false, until: 0 };
      for (let i = 0; i < items.length; i++) {
        const entry = standing.get(keyOf(items[i]));
        const isOut = entry && entry.isZero && needed(entry, now) > entry.first && !isInView(items[i][0]);
        if (isOut) scan.left[scan.left.length] = items[i][0];
      }
      const box = scan.left.length ? scroller(scan.left[0]) : null;
      home = box && [box, box.scrollTop, box.scrollLeft];
    }
    if (scan.isLooking && now < scan.until) return true;
    while (scan.left.length && scan.moves < task.most_scrolls && items.length >= scan.posts) {
      const element = scan.left.shift();
      if (!element.isConnected || isInView(element)) continue;
      scan.moves++;
      element.scrollIntoView({ block: "center", behavior: "instant" });
      // An observer of what comes into view is told with a frame, and what it starts changes in the next.
      scan.isLooking = true;
      scan.until = now + 8 * task.frame_ms;
      const done = () => (scan.isLooking = false);
      requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done)));
      return true;
    }
    goBack(now);
    return false;
  };
  const goBack = (now) => {
    if (!home) return;
    home[0].scrollTo({ top: home[1], left: home[2], behavior: "instant" });
    home = null;
    standing.forEach((entry) => {
      if (entry.isZero) entry.since = now;
    });
  };

  // For how long the counts that show still have to be looked at, in milliseconds. `moment` is when this look is: the
  // "first", right after the document was "parsed", right after a "change", or "later".
  const unsettled = (found, now, moment) => {
    if (task.settled) return 0;
    const items = [];
    for (let i = 0; i < found.length; i++) {
      if (task.expected_id !== null && !isAsked(found[i])) continue;
      if (complete(found[i]) && !(task.collecting && seen.has(keyOf(found[i])))) items[items.length] = found[i];
    }
    const animated = task.sees_counts && isAnimated(items);
    if (!animated && !touched.length && !runsScripts()) return 0;
    if (began === null) began = now;
    for (let i = 0; i < items.length; i++) {
      const key = keyOf(items[i]), counts = countsOf(items[i]), known = standing.get(key);
      if (known) compare(known, counts, now);
      else {
        // What was not there at the first look a script has brought.
        const isBrought = moment === "change" || moment === "later", isNone = anyZero(counts);
        const [first, byFrames] = atFirst(items[i][0], moment), kind = items[i][1].index;
        if (byFrames) countTwo();
        const entry = { kind, counts, since: now, moved: new Set(), isZero: isNone, isBrought, first };
        standing.set(key, Object.assign(entry, { byFrames, frame: frames }));
        if (isNone && !home) scan = null;
      }
    }
    let left = animated ? task.frame_ms * 3 : 0, hasDoubt = Boolean(home);
    for (let i = 0; i < items.length; i++) {
      const entry = standing.get(keyOf(items[i])), most = needed(entry, now);
      // Others that came with it have to have stood as long as it has, before it is doubted.
      hasDoubt = hasDoubt || (entry.isZero && most > entry.first && now - entry.since >= entry.first);
      left = Math.max(left, most - (now - entry.since));
    }
    const isOver = now - began >= task.most_moving_ms;
    if (hasDoubt && !isOver && goThrough(items, now)) return task.frame_ms * 2;
    if (left > 0 && !isOver) return left;
    isCut = left > 0;
    goBack(now);
    return 0;
  };

  // Why a count that stands there is not to be taken for one; null for the others.
  const why = (item, s, text, now) => {
    if (task.settled) return null;
    const entry = standing.get(keyOf(item)), isNone = isZero(text);
    hasZero = hasZero || isNone;
    const isMoving = entry && isCut && (entry.moved.has(s) || isNone) && now - entry.since < needed(entry, now);
    if (isMoving) return "still moving: " + text.trim();
    if (!isNone) return null;
    if (task.distrusts_zero) return "0, while the page waits for an answer";
    const isFilled = filled.has(item[1].index + ":" + s) && !(entry && entry.moved.has(s));
    return isFilled ? "0, where other posts got their numbers later" : null;
  };

  return { note, unsettled, why, hasZero: () => hasZero };
}
