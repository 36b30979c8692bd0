// The live events of the server, over a connection that comes back by itself.
// Gives: Live. It reads /events by fetch, since EventSource neither says when it tries again nor lets a hidden tab rest:
// browsers allow six connections to a server, and six open tabs would use them up.

import { leaveForSignIn } from "./api.js";

const SILENCE_MS = 25_000; // the server pings every 15 s
const RETRY_MS = [500, 1000, 2000, 3000, 5000];
const CROWDED_MS = 10_000;

// `onEvent(name, data)` for each event, `onState(state)` for each change: "connecting", "live", "lost" or "crowded" (there
// are too many subscribers: the page goes on by asking). `gap` is an event too, with `missed`, null after a restart.
export class Live {
  constructor(types, { onEvent, onState }) {
    this.path = `/events${types ? `?types=${encodeURIComponent(types)}` : ""}`;
    this.onEvent = onEvent;
    this.onState = onState;
    this.state = "connecting";
    this.lostAt = null; // when the connection was lost, in ms
    this.nextTry = null; // when it is tried again, in ms
    this.lastId = document.querySelector('meta[name="last-event"]').content; // what the page was made with is behind it
    this.tries = 0;
    document.addEventListener("visibilitychange", () => this.visibilityChanged());
  }

  start() {
    if (!document.hidden) this.follow();
  }

  visibilityChanged() {
    if (document.hidden) this.abort?.abort();
    else this.retryNow();
  }

  retryNow() {
    clearTimeout(this.timer);
    if (!this.abort) this.follow();
  }

  async follow() {
    const abort = (this.abort = new AbortController());
    let wait;
    try {
      wait = await this.read(abort);
    } catch {
      wait = null;
    }
    clearTimeout(this.watchdog);
    this.abort = null;
    if (document.hidden) return;
    if (wait === null) {
      this.lostAt ??= Date.now();
      wait = RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)];
      this.become("lost");
    }
    this.nextTry = Date.now() + wait;
    this.timer = setTimeout(() => this.follow(), wait);
  }

  // Read one answer to its end. -> ms to wait before the next, null where the connection is lost.
  async read(abort) {
    this.watch(abort);
    const headers = this.lastId ? { "Last-Event-ID": this.lastId } : {};
    const answer = await fetch(this.path, { headers, signal: abort.signal, cache: "no-store" });
    if (answer.status === 401) return leaveForSignIn();
    if (answer.status === 503) {
      this.connected("crowded");
      return CROWDED_MS;
    }
    if (!answer.ok) return null;
    this.connected("live");
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return null;
      this.watch(abort);
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) this.dispatch(block);
    }
  }

  // Give up a connection that says nothing for too long.
  watch(abort) {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => abort.abort(), SILENCE_MS);
  }

  connected(state) {
    this.tries = 0;
    this.lostAt = null;
    this.become(state);
  }

  become(state) {
    this.state = state;
    this.onState(state);
  }

  dispatch(block) {
    const fields = {};
    for (const line of block.split("\n")) {
      const colon = line.indexOf(": ");
      if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
    }
    if (fields.id) this.lastId = fields.id;
    if (fields.event) this.onEvent(fields.event, JSON.parse(fields.data));
  }
}
