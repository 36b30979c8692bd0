// The entries of a room: the newest at the bottom, older ones when one scrolls up, new ones as they come. Gives: Transcript.

import { get, query } from "./api.js";
import { el, say } from "./dom.js";
import { dayOf, dayRule, entryRow } from "./entry_row.js";
import { plural } from "./format.js";
import { empty, skeleton } from "./states.js";

const PAGE = 100;
const NEWER = 500; // entries fetched at once, of those that came meanwhile
const KEPT = 1000; // rows that are kept while somebody reads at the bottom
const NEAR_PX = 80;

export class Transcript {
  // `box` scrolls; `path` is that of the entries; `remove(entry)` is called by the button of one.
  constructor(box, { path, remove, onUnread }) {
    Object.assign(this, { box, path, remove, onUnread });
    this.list = el("ol", { class: "entries" });
    this.top = el("div", { class: "top" });
    box.replaceChildren(this.top, this.list);
    box.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.clear();
  }

  // Show another search, or none.
  search(q) {
    this.q = q;
    this.clear();
  }

  clear() {
    this.entries = []; // oldest first, those that are shown
    this.run = {}; // answers for an earlier search are told by it
    this.older = null; // the `before` of the page before
    this.isLoaded = false;
    this.unread = 0;
    this.list.replaceChildren();
    this.top.replaceChildren(skeleton(6));
  }

  get isAtEnd() {
    return this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < NEAR_PX;
  }

  // Fetch the first page, or what came since. A search is not repeated by itself, but shows no line that was removed since.
  async refresh() {
    if (!this.isLoaded) await this.loadFirst();
    else await this.loadNewer();
  }

  async loadFirst() {
    const run = this.run;
    const newest = this.q ? (await get(`${this.path}${query({ limit: 1 })}`)).entries : [];
    const { entries, next, why = "" } = await this.found();
    if (run !== this.run) return;
    this.isLoaded = true;
    this.newest = [...newest, ...entries].at(this.q ? 0 : -1)?.id;
    this.older = next;
    this.entries = entries;
    this.list.replaceChildren(...this.rowsOf(entries, null));
    this.drawTop();
    if (why) this.top.replaceChildren(empty(why));
    this.toEnd();
  }

  // The first page; of a search that cannot be read, as while it is typed, `why` is the sentence of the server.
  async found() {
    try {
      return await get(`${this.path}${query({ q: this.q, limit: PAGE })}`);
    } catch (error) {
      if (!this.q || ![400, 422].includes(error.status)) throw error;
      const sentence = error.message.replace(/^`q`: /, "");
      return { entries: [], next: null, why: sentence[0].toUpperCase() + sentence.slice(1) };
    }
  }

  async loadNewer() {
    const run = this.run;
    for (let more = true; more; ) {
      const after = this.newest;
      const { entries, next } = await get(`${this.path}${query({ after, limit: after ? NEWER : PAGE })}`);
      if (run !== this.run) return;
      if (entries.length) this.append(entries);
      more = Boolean(after) && next !== null;
    }
  }

  append(entries) {
    this.newest = entries.at(-1).id;
    for (const entry of entries) if (entry.removes) this.bury(entry);
    if (this.q) return;
    const wasAtEnd = this.isAtEnd;
    this.list.append(...this.rowsOf(entries, this.entries.at(-1)));
    this.entries.push(...entries);
    if (wasAtEnd) {
      this.dropOldest();
      this.toEnd();
    } else {
      this.unread += entries.length;
      this.onUnread(this.unread);
    }
    this.drawTop();
  }

  // Scrolling up brings older entries; what is on the screen stays where it is.
  async loadOlder() {
    if (this.older === null || this.isLoadingOlder) return;
    const run = this.run;
    this.isLoadingOlder = true;
    try {
      const { entries, next } = await get(`${this.path}${query({ q: this.q, before: this.older, limit: PAGE })}`);
      if (run !== this.run) return;
      this.older = next;
      const fromEnd = this.box.scrollHeight - this.box.scrollTop;
      if (this.list.firstElementChild?.className === "day") this.list.firstElementChild.remove();
      this.list.prepend(...this.rowsOf(entries, null), ...this.ruleBetween(entries.at(-1), this.entries[0]));
      this.entries.unshift(...entries);
      this.drawTop();
      this.box.scrollTop = this.box.scrollHeight - fromEnd;
    } catch (error) {
      say(this.top, `Older lines could not be read: ${error.message} Scroll up to try again.`);
    } finally {
      this.isLoadingOlder = false;
    }
  }

  scrolled() {
    if (this.box.scrollTop < 200) this.loadOlder();
    if (this.unread && this.isAtEnd) this.onUnread((this.unread = 0));
  }

  toEnd() {
    this.box.scrollTop = this.box.scrollHeight;
    this.onUnread((this.unread = 0));
  }

  dropOldest() {
    const surplus = this.entries.length - KEPT;
    if (surplus <= 0 || this.q) return;
    this.entries.splice(0, surplus);
    this.older = this.entries[0].id;
    const first = this.list.querySelector(`[data-id="${this.entries[0].id}"]`);
    while (this.list.firstElementChild !== first) this.list.firstElementChild.remove();
    if (this.entries[0].time) this.list.prepend(dayRule(this.entries[0].time));
  }

  rowsOf(entries, before) {
    return entries.flatMap((entry, index) => [...this.ruleBetween(index ? entries[index - 1] : before, entry), this.rowOf(entry)]);
  }

  rowOf(entry) {
    const row = entryRow(entry, this.remove);
    row.dataset.id = entry.id;
    return row;
  }

  // The rule of a new day, where one begins.
  ruleBetween(before, entry) {
    if (!entry?.time || (before?.time && dayOf(before.time) === dayOf(entry.time))) return [];
    return [dayRule(entry.time)];
  }

  // Put a tombstone in the place of the entry that a notice removes.
  bury({ removes, text }) {
    const index = this.entries.findIndex((one) => one.id === removes);
    if (index < 0) return;
    this.entries[index] = { ...this.entries[index], kind: "removed", text };
    this.list.querySelector(`[data-id="${removes}"]`)?.replaceWith(this.rowOf(this.entries[index]));
  }

  drawTop() {
    if (this.older !== null) this.top.replaceChildren("Older lines come when you scroll up.");
    else if (this.entries.length) this.top.replaceChildren(this.q ? plural(this.entries.length, "line") + " found." : "The room's first line.");
    else this.top.replaceChildren(this.emptyState(this.q));
  }

  // To be set: what stands where there is no entry.
  emptyState = () => "";
}
