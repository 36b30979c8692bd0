// The overview: is all well, who is in trouble, the last hour, the busiest rooms, and why connections ended.

import { get, segment } from "./api.js";
import { kick } from "./client_actions.js";
import { addressOf, behindOf } from "./client_row.js";
import { byId, el, keyed, say } from "./dom.js";
import { Feed } from "./feed.js";
import { bytes, exact, milliseconds, plural, short } from "./format.js";
import { refreshSoon, start } from "./frame.js";
import { Plot } from "./plot.js";
import { empty } from "./states.js";

const SERIES_MS = 10_000;
const REFUSED_MS = 60_000;
const SHOWN = 5;

const ENDS = {
  left: "left",
  broken: "lost the connection",
  dead: "answered no more",
  stalled: "took nothing for too long",
  kicked: "kicked",
  resumed: "went on in another connection",
  unproven: "had no proof of the name any more",
  epoch: "told that messages may be lost",
  stopping: "ended as the server stopped",
  failed: "ended by a fault of the server",
};

// Of each resource its name, and a sentence for when it is nearly used up.
const RESOURCES = {
  clients: ["Connections", "of the connections there may be"],
  memory: ["Memory", "of the memory"],
  windows: ["Lines in memory", ""], // full by design
  files: ["Open files and sockets", "of the files and sockets that this process may open"],
  disk: ["Disk", "of the disk with the history"],
  data: ["Data folder", ""],
};
const NEARLY = 0.9;

const PLOTS = [
  { title: "Connected", lines: [{ field: "clients" }], show: short },
  { title: "Lines a second", lines: [{ field: "lines_per_s" }], show: short },
  { title: "Deliveries a second", lines: [{ field: "deliveries_per_s" }], show: short },
  {
    title: "Disk to screen, p99",
    hint: "From the commit of a line until it was sent to the last reader: 99 of 100 lines took at most so long",
    lines: [{ field: "delay_p99_ms", label: "p99" }, { field: "delay_p50_ms", label: "p50" }],
    show: milliseconds,
  },
];

const plots = PLOTS.map((plot) => new Plot(byId("plots"), plot));
const feed = new Feed();
const waiting = byId("verdict-card");
waiting.setAttribute("aria-busy", "true");
let times = { stall_timeout_s: 30, hold_s: 60 };
let status = null;
let behind = { clients: [], matching: 0 };
let seriesAt = 0;
let refused = []; // { at, count, reasons } of the last minute

async function refresh() {
  const [late, { rooms }] = await Promise.all([get(`/clients?behind=1&sort=-behind&limit=${SHOWN}`), get("/rooms?sort=-entries&limit=6")]);
  behind = { ...late, clients: late.clients.filter((client) => client.behind.for_s !== null) };
  drawTrouble();
  drawRooms(rooms);
  if (Date.now() - seriesAt < SERIES_MS) return;
  const { samples, ended } = await get("/series");
  seriesAt = Date.now();
  for (const plot of plots) plot.set(samples);
  drawEnds(ended);
}

// The answer to the question of the page, in one sentence, and below it a line for each trouble.
function drawTrouble() {
  if (!status) return;
  refused = refused.filter((one) => Date.now() - one.at < REFUSED_MS);
  const stuck = behind.clients.filter((client) => (client.behind.stuck_s ?? 0) >= 2);
  const troubles = [
    ...status.reasons.map((text) => ({ kind: status.health === "read-only" ? "bad" : "warn", text })),
    stuck.length && { kind: "warn", text: `${plural(stuck.length, "client")} ${stuck.length === 1 ? "takes nothing; it is" : "take nothing; each is"} disconnected after ${times.stall_timeout_s} s.`, href: "/console/clients?state=behind&sort=-behind" },
    ...status.resources.filter((one) => shareOf(one) >= NEARLY && RESOURCES[one.name][1]).map((one) => ({ kind: "warn", text: `${Math.floor(100 * shareOf(one))} % ${RESOURCES[one.name][1]} are used: ${usage(one)}.` })),
    refused.length && { kind: "warn", text: `${plural(refused.reduce((sum, one) => sum + one.count, 0), "connection")} refused in the last minute: ${[...new Set(refused.flatMap((one) => one.reasons))].join(", ")}.` },
  ].filter(Boolean);
  const { clients, away, rooms } = status.counts;
  const slow = behind.clients.length - stuck.length;
  const lag = slow > 0 ? `${plural(slow, "client")} a little behind` : stuck.length ? "the others in step" : "everybody in step";
  waiting.setAttribute("aria-busy", "false");
  say(byId("verdict"), troubles.length ? `${plural(troubles.length, "thing")} to look at.` : "All is well.");
  byId("verdict-card").dataset.kind = troubles.some(({ kind }) => kind === "bad") ? "bad" : troubles.length ? "warn" : "ok";
  say(byId("summary"), `${plural(clients, "client")} connected${away ? `, ${exact(away)} away` : ""}, in ${plural(rooms, "room")}; ${lag}. What is said is ${status.health === "read-only" ? "not stored" : "stored"}.`);
  keyed(byId("troubles"), troubles, ({ text }) => text, ({ text, kind, href }) => el("li", { "data-kind": kind }, href ? el("a", { href }, text) : text));
  drawBehind();
}

const shareOf = ({ used, limit }) => (limit ? used / limit : 0);

function usage({ used, limit, unit }) {
  const show = unit === "bytes" ? bytes : exact;
  return limit ? `${show(used)} of ${show(limit)}` : show(used);
}

function drawResources({ resources }) {
  const make = ({ name }) => el("li", {}, el("span", {}, RESOURCES[name][0]), el("b"), el("div", { class: "bar", "aria-hidden": "true" }, el("i")));
  keyed(byId("resources"), resources, ({ name }) => name, make, (row, one) => {
    const [, amount, bar] = row.children;
    say(amount, usage(one));
    bar.hidden = !one.limit;
    bar.classList.toggle("nearly", shareOf(one) >= NEARLY && Boolean(RESOURCES[one.name][1]));
    bar.firstElementChild.style.width = `${100 * shareOf(one)}%`;
  });
}

function drawBehind() {
  const list = byId("behind");
  const make = () => {
    const act = el("button", { type: "button", class: "quiet danger", onclick: (event) => end(event.target.closest("li").client) }, "Kick");
    return el("li", {}, el("div", { class: "who" }, el("div", { class: "name cut" }), el("div", { class: "sub" })), act);
  };
  keyed(list, behind.clients, ({ id }) => id, make, (row, client) => {
    row.client = client;
    const [name, words] = row.firstElementChild.children;
    const label = client.nick ?? addressOf(client);
    const { text, title, kind } = behindOf(client, times);
    say(name, label);
    say(words, kind === "ok" ? `${text} behind` : text);
    words.className = kind === "stuck" ? "sub stuck" : "sub";
    row.title = title;
    row.lastElementChild.setAttribute("aria-label", `Kick ${label}`);
  });
  byId("behind-empty").hidden = behind.clients.length > 0;
  const more = behind.clients.length === SHOWN ? behind.matching - SHOWN : 0;
  byId("behind-more").hidden = more <= 0;
  say(byId("behind-more"), `and ${exact(more)} more`);
}

async function end(client) {
  if (!(await kick(client))) return;
  behind.clients = behind.clients.filter(({ id }) => id !== client.id);
  drawBehind();
  refreshSoon(0);
}

function drawRooms(rooms) {
  const busy = rooms.filter(({ entries, members }) => entries || members);
  const most = Math.max(1, ...busy.map(({ entries }) => entries));
  const make = (room) =>
    el("tr", {}, el("td", {}, el("a", { class: "cut", href: `/console/rooms/${segment(room.name)}` }, `#${room.name}`), el("div", { class: "bar", "aria-hidden": "true" }, el("i"))), el("td", { class: "num" }), el("td", { class: "num" }));
  keyed(byId("rooms"), busy, ({ name }) => name, make, (row, { entries, members }) => {
    const [name, here, lines] = row.cells;
    name.querySelector("i").style.width = `${(100 * entries) / most}%`;
    say(here, exact(members));
    say(lines, short(entries));
    lines.title = exact(entries);
  });
  byId("rooms-table").hidden = !busy.length;
  byId("rooms-empty").hidden = busy.length > 0;
}

function drawEnds(ended) {
  const rows = Object.entries(ended).filter(([, count]) => count).sort(([, a], [, b]) => b - a);
  const total = rows.reduce((sum, [, count]) => sum + count, 0);
  const most = Math.max(1, ...rows.map(([, count]) => count));
  say(byId("ends-total"), total ? `${exact(total)} in an hour` : "");
  const make = ([reason]) => el("li", { class: reason === "failed" ? "stuck" : "" }, el("span", {}, ENDS[reason] ?? reason), el("b", {}), el("div", { class: "bar", "aria-hidden": "true" }, el("i")));
  keyed(byId("ends"), rows, ([reason]) => reason, make, (row, [, count]) => {
    say(row.children[1], exact(count));
    row.querySelector("i").style.width = `${(100 * count) / most}%`;
  });
  byId("ends-empty").hidden = rows.length > 0;
}

function eventCame(name, data) {
  feed.add(name, data);
  if (name === "limit") refused.push({ at: Date.now(), count: Object.values(data.refused).reduce((a, b) => a + b, 0), reasons: Object.keys(data.refused) });
  if (name !== "topic" && name !== "nick") refreshSoon(1000);
}

byId("behind-empty").append(empty("Nobody.", "Who reads too slowly, or takes nothing, appears here before they are disconnected."));
byId("rooms-empty").append(empty("Nothing was said yet.", "Rooms appear as people speak in them."));
byId("ends-empty").append(empty("None.", "No connection has ended in the last hour."));
start({
  types: "client,operator,limit,topic,nick",
  onEvent: eventCame,
  onStatus: (now) => {
    status = now;
    times = now.times;
    drawTrouble();
    drawResources(now);
  },
  refresh,
});
