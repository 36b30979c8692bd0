// What happens now, newest first, in words. Gives: Feed. It is no live region: lines would be read out all day.

import { get, query } from "./api.js";
import { byId, el, say } from "./dom.js";
import { clock, exact, moment, operatorOf } from "./format.js";

const LINES_MAX = 40;
const FLUSH_MS = 500;
const EARLIER = 8;
const SINGLE_MAX = 4; // of one kind in one flush; more of them are summed up

const REASONS = {
  left: "left",
  broken: "lost the connection",
  dead: "answered no more",
  stalled: "took nothing for too long",
  kicked: "was kicked",
  resumed: "goes on in another connection",
  unproven: "has no proof of the name any more",
  epoch: "was told that messages may be lost",
  stopping: "was told that the server stops",
  failed: "was ended by a fault of the server",
};

const SUMS = { connected: "clients connected", disconnected: "connections ended", kicked: "clients were kicked", nick: "took another nick", topic: "topics were set" };

const bold = (text) => el("b", {}, text);
const by = (who) => el("b", { title: who }, operatorOf(who));
const code = (text) => el("span", { class: "mono" }, text);
const pill = (kind, text) => el("span", { class: `pill ${kind}` }, text);

const firstOf = (text) => text.split(" ", 1)[0];
const restOf = (text) => text.slice(firstOf(text).length);

// -> the words for an event, as texts and elements, or null for one that is not shown
function wordsOf(name, data) {
  switch (name) {
    case "connected":
      return [bold(data.client.label), data.client.mode === "lines" ? " connected" : ` connected, ${data.client.mode}`];
    case "disconnected":
      return [bold(data.client.label), ` ${REASONS[data.reason] ?? "is gone"} `, ...(data.reason === "stalled" ? [pill("warn", "stuck")] : [])];
    case "kicked":
      return [bold(data.client.label), " was kicked ", pill("bad", "kick")];
    case "kick":
      return [bold(data.what.split(": ", 1)[0]), " was kicked by ", by(data.who), data.what.slice(data.what.split(": ", 1)[0].length), " ", pill("bad", "kick")];
    case "ban":
      return [code(firstOf(data.what)), " banned by ", by(data.who), restOf(data.what), " ", pill("bad", "ban")];
    case "unban":
      return ["ban of ", code(data.what), " lifted by ", by(data.who)];
    case "kick-many":
      return [code(data.what), " ended by ", by(data.who), " ", pill("bad", "kick")];
    case "mute":
      return [code(data.what.replace(/^m\d+ /, "")), " muted by ", by(data.who), " ", pill("warn", "mute")];
    case "unmute":
      return ["mute of ", code(data.what.replace(/^m\d+ /, "")), " lifted by ", by(data.who)];
    case "change-ban":
    case "change-mute":
      return [`${name.slice(7)} changed by `, by(data.who), ": ", code(data.what)];
    case "hook":
    case "unhook":
      return ["hook ", code(firstOf(data.what)), restOf(data.what), name === "hook" ? " added by " : " lifted by ", by(data.who)];
    case "announce":
      return [by(data.who), " announced ", data.what];
    case "remove":
      return [data.what, " removed by ", by(data.who)];
    case "reload":
      return ["settings read again: ", code(data.what || "nothing changed")];
    case "say":
      return [by(data.who), " spoke as the server"];
    case "topic":
      if (!data.room) return null; // the record of an operator's action, in the audit: the room's own event tells more
      return ["topic of ", bold(`#${data.room}`), data.text ? `: ${data.text}` : " cleared"];
    case "nick":
      return [bold(data.author), " is now ", bold(data.text)];
    case "health":
      return [`health is ${data.health} `, pill(data.health === "ok" ? "ok" : "bad", "health"), ...data.reasons.map((reason) => ` ${reason}`)];
    case "limit":
      return [`${exact(Object.values(data.refused).reduce((a, b) => a + b, 0))} connections refused: `, code(Object.keys(data.refused).join(", ")), " ", pill("warn", "limit")];
    case "gap":
      return [data.missed === null ? "The server was restarted." : `${exact(data.missed)} events were missed.`, " ", pill("plain", "gap")];
    case "set-topic": // the event of the room tells more
    case "room":
    case "entry":
      return null;
    default:
      return data.who ? [by(data.who), `: ${name} `, code(data.what ?? "")] : null;
  }
}

export class Feed {
  constructor() {
    this.list = byId("feed");
    this.hint = byId("feed-empty");
    this.waiting = [];
    this.isPaused = false;
    this.button = byId("feed-pause");
    this.button.addEventListener("click", () => this.toggle());
    this.begin();
  }

  // Begin with what operators did last: a page that was just opened has seen nothing else.
  async begin() {
    try {
      const until = document.querySelector('meta[name="made-at"]').content; // what came since, comes as events
      const { audit } = await get(`/audit${query({ limit: EARLIER, until })}`);
      for (const record of audit) this.show(record.time, wordsOf(record.action, record), { isEarlier: true });
    } catch {
      // The journal cannot be read: health says so.
    }
  }

  add(name, data) {
    if (name === "room" || name === "entry") return;
    this.waiting.push({ name, data });
    if (this.waiting.length > 2000) this.waiting.splice(0, 1000);
    this.timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  toggle() {
    this.isPaused = !this.isPaused;
    say(this.button, this.isPaused ? "Resume" : "Pause");
    if (!this.isPaused) this.flush();
  }

  // Show what waits, at most twice a second: of each kind some lines, or one sum.
  flush() {
    this.timer = null;
    if (this.isPaused) return;
    const events = this.waiting.splice(0);
    const counts = new Map();
    for (const { name } of events) counts.set(name, (counts.get(name) ?? 0) + 1);
    const summed = new Set();
    for (const { name, data } of events) {
      const count = counts.get(name);
      if (count <= SINGLE_MAX || !SUMS[name]) this.show(data.time, wordsOf(name, data));
      else if (!summed.has(name)) this.show(data.time, [bold(exact(count)), ` ${SUMS[summed.add(name) && name]}`]);
    }
  }

  // Newest first. What was before the page was opened goes below what came since.
  show(time, words, { isEarlier = false } = {}) {
    if (!words) return;
    const when = time ?? Date.now();
    const line = el("li", { "data-earlier": isEarlier }, el("time", { title: moment(when) }, clock(when)), el("div", {}, ...words));
    this.hint.hidden = true;
    this.list.insertBefore(line, isEarlier ? this.list.querySelector("[data-earlier]") : this.list.firstElementChild);
    while (this.list.children.length > LINES_MAX) this.list.lastElementChild.remove();
  }
}
