// Forms that ban and mute, with whom they would concern before it is done. Gives: addBan(network, terms), addMute(who), change(one), lift(one).

import { call, segment } from "./api.js";
import { ask, field } from "./dialog.js";
import { el } from "./dom.js";
import { exact, plural } from "./format.js";
import { endField, endOf, reasonField, until } from "./terms.js";
import { fault, toast } from "./toast.js";

const TYPING_MS = 300;
const LISTED = 50;
const UNDO_S = 10;

// The two kinds: their words, their paths, and how one of them is named.
const BAN = {
  title: "Ban an address or network",
  label: "Address or network",
  hint: "192.0.2.7 or 2001:db8::/48; one IPv6 address stands for its /64.",
  action: "Ban",
  path: "/bans",
  asked: "network",
  would: "end",
  done: "banned",
  nameOf: (ban) => ban.network,
  keyOf: (ban) => ban.network,
};
const MUTE = {
  title: "Mute a client or network",
  label: "Nick, port, id, address or network",
  hint: "Who is muted hears everything and says nothing. A client stays muted over a new nick and connection.",
  action: "Mute",
  path: "/mutes",
  asked: "who",
  would: "silence",
  done: "muted",
  nameOf: (mute) => mute.label ?? mute.network,
  keyOf: (mute) => mute.id,
};

const kindOf = (one) => ("id" in one ? MUTE : BAN);
export const nameOf = (one) => kindOf(one).nameOf(one);

export const addBan = (network = "", terms = {}) => add(BAN, network, terms);
export const addMute = (who = "") => add(MUTE, who, {});

// Ask, show whom it would concern while one types, and do it. -> true if it was done
async function add(kind, who, { minutes, reason = "" }) {
  const input = el("input", { name: kind.asked, required: true, value: who, maxlength: 100, autocomplete: "off", spellcheck: "false" });
  const preview = el("div", { class: "preview" }, el("p", { role: "status" }));
  const body = [field(kind.label, input, kind.hint), endField(undefined, minutes), reasonField(reason), preview];
  const trial = new Trial(kind, input, preview);
  const made = await ask({ title: kind.title, body, action: kind.action, isDangerous: true, isDisabled: true, run: (data) => post(kind, data) });
  trial.close();
  if (made) offerUndo(kind, made, trial.replaces);
  return Boolean(made);
}

function post(kind, data) {
  const end = endOf(data);
  return call("POST", kind.path, { [kind.asked]: data.get(kind.asked).trim(), reason: data.get("reason").trim(), ...(end.until === null ? {} : end) });
}

function offerUndo(kind, made, replaces) {
  const one = made.ban ?? made.mute;
  const ended = made.kicked ? `; ${plural(made.kicked, "client")} ended` : "";
  const unkept = made.kept ? "" : " It is not stored yet, and ends with a restart.";
  const undo = () => (replaces ? restore(replaces) : lift(one, { isUndo: true }));
  toast(`${kind.nameOf(one)} is ${kind.done} ${until(one.until).text}${ended}.${unkept}`, { seconds: UNDO_S, action: { label: "Undo", run: undo } });
}

// Asks the server whom it would concern, each time that somebody has stopped typing. The button waits for the answer.
class Trial {
  constructor(kind, input, place) {
    Object.assign(this, { kind, input, place, replaces: null });
    [this.sentence] = place.children;
    this.list = el("ul", { class: "list", tabindex: "0", "aria-label": "Clients", hidden: true });
    place.append(this.list);
    input.addEventListener("input", () => this.typed());
    queueMicrotask(() => this.typed());
  }

  get button() {
    return this.place.closest("form").querySelector(".primary");
  }

  typed() {
    this.button.disabled = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fetch(), TYPING_MS);
  }

  close() {
    clearTimeout(this.timer);
    this.isClosed = true;
  }

  async fetch() {
    const who = this.input.value.trim();
    if (!who) return this.show("", []);
    try {
      const trial = await call("POST", this.kind.path, { [this.kind.asked]: who, dry_run: true });
      if (this.isClosed || who !== this.input.value.trim()) return;
      this.replaces = trial.replaces ?? null;
      this.show(this.summary(trial), trial.clients, trial.count);
      this.button.disabled = false;
      this.button.textContent = trial.count && this.kind === BAN ? `Ban and end ${plural(trial.count, "client")}` : this.kind.action;
    } catch (error) {
      if (!this.isClosed && who === this.input.value.trim()) this.show(error.message, []);
    }
  }

  summary({ ban, mute, count, replaces, warnings }) {
    const name = this.kind.nameOf(ban ?? mute);
    const would = count ? `It would ${this.kind.would} ${plural(count, "client")} at once.` : `Nobody of ${name} is connected just now.`;
    const replaced = replaces ? ` It takes the place of the ban ${until(replaces.until).text}.` : "";
    return [would, ...warnings].join(" ") + replaced;
  }

  show(sentence, clients, count = 0) {
    this.sentence.textContent = sentence;
    this.list.hidden = !clients.length;
    const rows = clients.slice(0, LISTED).map((client) => el("li", {}, el("span", { class: "cut" }, client.nick ?? "no nick"), el("span", { class: "mono soft" }, client.address ? `${client.address}:${client.port}` : client.label)));
    const more = count - rows.length;
    this.list.replaceChildren(...rows, ...(more > 0 ? [el("li", { class: "soft" }, `and ${exact(more)} more`)] : []));
  }
}

// Change the end and the reason.
export async function change(one) {
  const kind = kindOf(one);
  const run = async (data) => {
    const terms = { reason: data.get("reason").trim(), ...endOf(data) };
    return call("PATCH", `${kind.path}/${segment(kind.keyOf(one))}`, terms);
  };
  const title = `${kind.action === "Ban" ? "The ban" : "The mute"} of ${kind.nameOf(one)}`;
  const done = await ask({ title, body: [endField(one.until), reasonField(one.reason)], action: "Change", run });
  if (done) toast(`${kind.nameOf(one)} is ${kind.done} ${until((done.ban ?? done.mute).until).text}.`);
}

// Lift one, which can be undone for ten seconds. Who finds it lifted by somebody else, is told so.
export async function lift(one, { isUndo = false } = {}) {
  const kind = kindOf(one);
  const name = kind.nameOf(one);
  try {
    await call("DELETE", `${kind.path}/${segment(kind.keyOf(one))}`);
  } catch (error) {
    if (error.status === 404) toast(`${name} was not ${kind.done} any more.`);
    else fault(error);
    return;
  }
  const canUndo = !isUndo && (kind === BAN || one.label === null); // a client may have left by then
  const action = canUndo ? { label: "Undo", run: () => restore(one) } : null;
  const back = isUndo && kind === BAN ? " Those who were ended can come back." : "";
  toast(`${name} is not ${kind.done} any more.${back}`, action ? { seconds: UNDO_S, action } : {});
}

// Make one again, as it was.
async function restore(one) {
  const kind = kindOf(one);
  const body = { [kind.asked]: kind === BAN ? one.network : one.network, reason: one.reason };
  try {
    await call("POST", kind.path, one.until ? { ...body, until: one.until } : body);
    toast(`${kind.nameOf(one)} is ${kind.done} again.`);
  } catch (error) {
    fault(error);
  }
}
