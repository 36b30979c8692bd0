// What operators do to clients. Gives: kick(client), ban(client), endMany(filter, title), showClient(client, onDone).

import { call, query, segment } from "./api.js";
import { addressOf, behindOf } from "./client_row.js";
import { ask, field } from "./dialog.js";
import { el } from "./dom.js";
import { exact, moment, plural, span } from "./format.js";
import { addBan } from "./restrict.js";
import { fault, toast } from "./toast.js";

const BAN_MINUTES = 60;
const UNDO_S = 10;

// End a client's connection. -> "kicked", or "gone" where somebody was faster; null where it failed
export async function kick(client, reason = "") {
  try {
    await call("DELETE", `/clients/${client.id}${query({ reason })}`);
    return "kicked";
  } catch (error) {
    if (error.status !== 404) fault(error);
    return error.status === 404 ? "gone" : null;
  }
}

// Ban a client's address: at once where that ends this client alone, else after a look at whom it would end.
// -> true if it is banned
export async function ban(client, terms = {}) {
  let trial;
  try {
    trial = await call("POST", "/bans", { network: client.address, dry_run: true });
  } catch (error) {
    fault(error);
    return false;
  }
  const { count, clients, warnings, replaces } = trial;
  const isHarmless = count <= 1 && clients.every((one) => one.id === client.id) && !warnings.length && !replaces;
  const wanted = { minutes: BAN_MINUTES, reason: "", ...terms };
  return isHarmless ? banNow(client.address, wanted) : addBan(client.address, wanted);
}

async function banNow(network, { minutes, reason }) {
  try {
    const { ban: made, kicked } = await call("POST", "/bans", { network, reason, minutes });
    const howLong = minutes ? `for ${span(60 * minutes).replace(" 0 m", "")}` : "for good";
    const ended = kicked ? `; ${plural(kicked, "client")} ended` : "";
    toast(`${made.network} is banned ${howLong}${ended}.`, { seconds: UNDO_S, action: { label: "Undo", run: () => unban(made.network) } });
    return true;
  } catch (error) {
    fault(error);
    return false;
  }
}

async function unban(network) {
  try {
    await call("DELETE", `/bans/${segment(network)}`);
    toast(`The ban of ${network} is lifted. Those who were ended can come back.`);
  } catch (error) {
    fault(error);
  }
}

// Ask about many clients with their list, and end those who are still there. -> the ids of those who were ended, or null
export async function endMany(filter) {
  let asked;
  try {
    asked = await call("DELETE", `/clients${query({ ...filter, dry_run: true })}`);
  } catch (error) {
    fault(error);
    return null;
  }
  const reason = field("Reason", el("input", { name: "reason", maxlength: 200, autocomplete: "off" }), "They are told it.");
  const run = async (data) => call("DELETE", `/clients${query({ confirm: asked.confirm, reason: data.get("reason") })}`);
  const title = `End ${plural(asked.count, "client")}?`;
  const action = `End ${plural(asked.count, "client")}`;
  const done = await ask({ title, body: [...listOf(asked), reason], action, isDangerous: true, isDisabled: !asked.count, run });
  if (!done) return null;
  const gone = done.gone?.length ? `; ${exact(done.gone.length)} had left already` : "";
  toast(`${plural(done.count, "client")} ended${gone}.`);
  return new Set(done.clients.map((client) => client.id));
}

function listOf({ clients, count }) {
  if (!count) return [el("p", {}, "None of them is here any more.")];
  const rows = clients.map((client) =>
    el("li", {}, el("span", { class: "cut" }, client.nick ?? "no nick"), el("span", { class: "mono soft" }, addressOf(client))),
  );
  const more = count - clients.length;
  const rest = more > 0 ? [el("li", { class: "soft" }, `and ${exact(more)} more`)] : [];
  return [el("ul", { class: "list", tabindex: "0", "aria-label": "Who would be ended" }, ...rows, ...rest)];
}

const BANS = { "kick": "Kick only", 60: "Kick and ban for an hour", 1440: "Kick and ban for a day", 0: "Kick and ban for good" };

// Show everything about a client, with a form to kick or ban it. `onDone(client, outcome)` is told of an end.
export async function showClient(client, times, onDone) {
  const { kind, text, title } = behindOf(client, times);
  const facts = {
    Address: el("span", { class: "mono" }, addressOf(client)),
    Id: el("span", { class: "mono" }, client.id),
    Speaks: client.tls ? `${client.mode}, encrypted (TLS)` : client.mode,
    ...(client.muted ? { Muted: el("a", { href: `/console/bans?search=${segment(client.address)}` }, "yes") } : {}),
    Rooms: client.rooms.map((room) => `#${room}`).join(" ") || "none",
    Connected: moment(client.connected_at),
    "Last line": client.lines_in ? `${span(client.idle_s)} ago, ${plural(client.lines_in, "line")} in all` : "none yet",
    "Sent to it": `${exact(client.bytes_out)} bytes`,
    Behind: kind === "ok" ? text : `${text}. ${title}`,
  };
  const body = el("dl", {}, ...Object.entries(facts).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  const how = el("select", { name: "how" }, ...Object.entries(BANS).filter(([value]) => value === "kick" || client.address).map(([value, label]) => el("option", { value, selected: value === "kick" }, label)));
  const reason = el("input", { name: "reason", maxlength: 200, autocomplete: "off" });
  const run = async (data) => ({ how: data.get("how"), reason: data.get("reason") });
  const wanted = await ask({
    title: client.nick ?? addressOf(client),
    body: [body, field("End it", how), field("Reason", reason, "The client is told it.")],
    action: "End connection",
    isDangerous: true,
    run,
  });
  const outcome = wanted && (await end(client, wanted));
  if (outcome) onDone(client, outcome);
}

async function end(client, { how, reason }) {
  if (how === "kick") return kick(client, reason);
  return (await ban(client, { minutes: Number(how) || null, reason })) ? "banned" : null;
}
