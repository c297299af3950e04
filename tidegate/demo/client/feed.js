// An endless list of posts that keeps only what is near the viewport in the document.

const KEPT = 30;
const UNSEEN_HEIGHT = 180;

class Feed {
  constructor(draw, more) {
    this.draw = draw;
    this.more = more;
    this.items = [];
    this.heights = [];
    this.drawn = new Map();
    this.cursor = null;
    this.isLoading = false;
    this.above = h("div", { class: "spacer" });
    this.below = h("div", { class: "spacer" });
    this.list = h("div", { class: "feed" }, this.above, this.below);
    this.foot = h("div", { class: "foot" });
    this.seesFoot = new IntersectionObserver((entries) => entries.at(-1).isIntersecting && this.load(), {
      rootMargin: "600px",
    });
    addEventListener("scroll", () => this.show(), { passive: true });
  }

  add(items, cursor) {
    this.items.push(...items);
    this.heights.push(...items.map(() => UNSEEN_HEIGHT));
    this.cursor = cursor;
    this.show();
    this.seesFoot.disconnect();
    if (cursor === null) {
      const words = this.items.length === 0 ? "Nothing has been posted here yet." : "You have reached the end.";
      this.foot.replaceChildren(h("div", { [names.end]: true }, words));
    } else {
      // Observing anew reports at once, also when the foot never left the viewport.
      this.seesFoot.observe(this.foot);
    }
  }

  async load() {
    if (this.isLoading || this.cursor === null) return;
    this.isLoading = true;
    try {
      const { posts, cursor } = await this.more(this.cursor);
      this.add(posts, cursor);
    } catch {
      this.foot.replaceChildren(h("p", { role: "alert" }, "The rest did not load."));
    } finally {
      this.isLoading = false;
    }
  }

  show() {
    for (const [index, element] of this.drawn) this.heights[index] = element.offsetHeight;
    const first = this.firstKept();
    const last = Math.min(first + KEPT, this.items.length);
    for (const [index, element] of this.drawn) {
      if (index >= first && index < last) continue;
      element.remove();
      this.drawn.delete(index);
    }
    let next = this.above.nextSibling;
    for (let index = first; index < last; index += 1) {
      const element = this.drawn.get(index) ?? this.draw(this.items[index]);
      this.drawn.set(index, element);
      if (element === next) next = element.nextSibling;
      else this.list.insertBefore(element, next);
    }
    this.above.style.height = `${this.heightOf(0, first)}px`;
    this.below.style.height = `${this.heightOf(last, this.items.length)}px`;
  }

  firstKept() {
    let left = innerHeight / 2 - this.list.getBoundingClientRect().top;
    let middle = 0;
    while (middle < this.items.length && left > this.heights[middle]) left -= this.heights[middle++];
    return Math.max(0, Math.min(middle - KEPT / 2, this.items.length - KEPT));
  }

  heightOf(first, last) {
    let height = 0;
    for (let index = first; index < last; index += 1) height += this.heights[index];
    return height;
  }
}
