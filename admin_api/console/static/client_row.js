// A row of the table of clients. Gives: makeRow(client, actions), updateRow(row, client, state), behindOf(client, times).

import { el, say, set } from "./dom.js";
import { duration, exact, moment, plural } from "./format.js";

const MARK = "®"; // of a proven name, as in the chat: events.MARK
const STUCK_S = 2; // before that, it is only slow

const cell = (name, className = "") => el("td", { class: className, "data-cell": name });

// `actions`: { pick(client, isPicked), show(client), kick(client), ban(client) }. The row keeps its client in `row.client`.
export function makeRow(client, actions) {
  const row = el("tr", { tabindex: "-1" });
  const pick = el("input", { type: "checkbox", onchange: (event) => actions.pick(row.client, event.target.checked) });
  const name = el("button", { type: "button", class: "link cut", onclick: () => actions.show(row.client) });
  const kick = el("button", { type: "button", class: "quiet danger", onclick: () => actions.kick(row.client) }, "Kick");
  const ban = el("button", { type: "button", class: "quiet danger hide", onclick: () => actions.ban(row.client) }, "Ban");
  const who = cell("who");
  const places = el("span", { class: "pill plain", hidden: true });
  const muted = el("span", { class: "pill warn", hidden: true }, "muted");
  who.append(el("div", { class: "named" }, name, places, muted), el("div", { class: "sub cut" }, el("span"), el("span", { class: "hide wide" })));
  const act = cell("act", "act");
  act.append(kick, ban, el("span", { class: "soft", hidden: true }));
  const picked = cell("pick", "hide");
  picked.append(pick);
  const [idle, connected] = [cell("idle", "num hide soft"), cell("connected", "num hide wide soft")];
  row.append(picked, who, cell("rooms", "soft cut hide"), cell("behind"), idle, connected, act);
  return Object.assign(row, { client, parts: { pick, name, kick, ban } });
}

// `state`: { isPicked, isCurrent, outcome, times }. `outcome` is a word for a client that is gone, or "".
export function updateRow(row, client, { isPicked, isCurrent, outcome, times }) {
  const { pick, name, kick, ban } = row.parts;
  row.client = client;
  if (outcome && row.contains(document.activeElement)) row.focus({ preventScroll: true }); // its buttons go
  row.classList.toggle("picked", isPicked);
  row.classList.toggle("current", isCurrent);
  row.classList.toggle("gone", Boolean(outcome));
  pick.checked = isPicked;
  set(pick, { "aria-label": `Select ${client.label}` });
  set(kick, { "aria-label": `Kick ${client.label}`, hidden: Boolean(outcome) });
  set(ban, { "aria-label": `Ban ${client.address}`, hidden: Boolean(outcome), disabled: !client.address });
  const [, who, rooms, behind, idle, connected, act] = row.cells;
  say(act.lastElementChild, outcome);
  act.lastElementChild.hidden = !outcome;
  updateWho(who, name, client);
  say(rooms, roomsOf(client));
  rooms.title = client.rooms.map((room) => `#${room}`).join(" ");
  updateBehind(behind, behindOf(client, times));
  say(idle, duration(client.idle_s));
  idle.title = `${exact(client.idle_s)} s since the last line`;
  say(connected, duration(Math.max(0, (Date.now() - new Date(client.connected_at)) / 1000)));
  connected.title = `Connected since ${moment(client.connected_at)}`;
}

function updateWho(who, name, client) {
  const address = addressOf(client);
  const [, places, muted] = name.parentElement.children;
  say(name, client.nick ? `${client.nick}${client.account ? MARK : ""}` : address);
  name.title = client.account ? `${client.nick}, a claimed name that is proven` : (client.nick ?? address);
  name.classList.toggle("mono", !client.nick);
  places.hidden = client.places < 2;
  say(places, `${client.places} places`);
  muted.hidden = !client.muted;
  const [below, mode] = who.lastElementChild.children;
  say(below, client.nick ? address : "no nick");
  say(mode, [client.mode === "lines" ? "" : client.mode, client.tls ? "TLS" : ""].filter(Boolean).map((word) => ` · ${word}`).join(""));
  below.classList.toggle("mono", Boolean(client.nick));
}

export function addressOf({ address, port, label }) {
  if (!port) return address || label;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function roomsOf({ rooms }) {
  if (!rooms.length) return "–";
  return rooms.length === 1 ? `#${rooms[0]}` : `#${rooms.at(-1)} +${rooms.length - 1}`;
}

// How far a client is behind, in words. -> { text, title, share, kind }: `share` of the time until it is disconnected;
// `kind` is "ok", "away", "slow" or "stuck".
export function behindOf(client, { stall_timeout_s: limit, hold_s: hold }) {
  const { entries, bytes, for_s: since, stuck_s: stuck } = client.behind;
  if (client.away_s !== null) {
    const left = Math.max(0, Math.ceil(hold - client.away_s));
    return { kind: "away", text: `away, ${left} s left`, title: `Its connection broke ${duration(client.away_s)} ago; its place is held for ${hold} s.` };
  }
  const amount = `${plural(entries, "entry").replace("entrys", "entries")} and ${exact(bytes)} bytes behind`;
  if (since === null) return { kind: "ok", text: "in step", title: amount };
  const title = `${amount} for ${since} s. It took nothing for ${stuck} s: at ${limit} s it is disconnected.`;
  const share = Math.min(1, stuck / limit);
  if (stuck >= STUCK_S) return { kind: "stuck", share, title, text: `stuck, ${Math.floor(stuck)} of ${exact(limit)} s` };
  return { kind: "slow", share, title, text: `${plural(entries, "line")}, ${duration(since)}` };
}

function updateBehind(target, { kind, text, title, share }) {
  if (target.dataset.kind !== kind) {
    target.dataset.kind = kind;
    const words = el("span", { class: { away: "pill plain", ok: "soft" }[kind] ?? "" });
    target.replaceChildren(...(share === undefined ? [words] : [el("span", { class: "lag", "aria-hidden": "true" }, el("i")), words]));
  }
  say(target.lastElementChild, text);
  target.title = title;
  if (share === undefined) return;
  const bar = target.firstElementChild;
  bar.classList.toggle("bad", share > 0.5);
  bar.firstElementChild.style.width = `${Math.max(4, 100 * share)}%`;
}
