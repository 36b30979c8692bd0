// The page of one room: its entries as they come, a search, its members; the topic, and speaking as the server.

import { call, get, query, segment } from "./api.js";
import { ask, field } from "./dialog.js";
import { byId, el, keyed, say, set } from "./dom.js";
import { exact, plural } from "./format.js";
import { refreshSoon, start } from "./frame.js";
import { shortcuts } from "./keys.js";
import { remember, remembered, rowKeys, searchKey, searched } from "./paging.js";
import { empty } from "./states.js";
import { fault, toast } from "./toast.js";
import { Transcript } from "./transcript.js";

const REFRESH_MS = 1000;
const ROOM_MS = 5000;
const MEMBERS = 100;

const name = decodeURIComponent(location.pathname.split("/").at(-1)).replace(/^#/, "");
const path = `/rooms/${segment(name)}`;
const search = byId("search");
const text = byId("text");

let room = null;
let shownAt = 0;
let key = null; // of a text that may have been said already

const transcript = new Transcript(byId("entries"), { path: `${path}/entries`, remove, onUnread: showUnread });
transcript.emptyState = (q) =>
  q ? empty(`No line here has “${q}”.`, "Words are found as /search finds them.") : empty("Nothing was said here yet.", "Lines appear as soon as they are kept.");

async function refresh() {
  try {
    await refreshAll();
  } catch (error) {
    if (error.status !== 404) throw error;
    transcript.clear();
    byId("entries").firstElementChild.replaceChildren(empty(`There is no room #${name}.`, el("a", { href: "/console/rooms" }, "All rooms")));
  }
}

async function refreshAll() {
  await transcript.refresh();
  if (Date.now() - shownAt < ROOM_MS) return;
  const [shown, members] = await Promise.all([get(path), get(`${path}/clients${query({ limit: MEMBERS, sort: "nick" })}`)]);
  shownAt = Date.now();
  showRoom(shown);
  showMembers(members);
}

function showRoom(shown) {
  room = shown;
  say(byId("topic"), room.topic || "no topic");
  byId("topic").classList.toggle("soft", !room.topic);
  byId("set-topic").disabled = false;
}

function showMembers({ clients, matching }) {
  say(byId("members-title"), plural(matching, "member"));
  const place = byId("members");
  keyed(place, clients, (client) => client.id, makeMember, updateMember);
  const more = byId("more-members");
  more.hidden = matching <= clients.length;
  say(more, `All ${exact(matching)}`);
  byId("nobody").hidden = matching > 0;
}

function makeMember() {
  return el("li", {}, el("a", { class: "name cut" }), el("span", { class: "sub mono cut" }));
}

function updateMember(row, client) {
  const [label, address] = row.children;
  const where = client.port ? `${client.address}:${client.port}` : client.address;
  say(label, client.nick ?? client.label);
  set(label, { href: `/console/clients?search=${encodeURIComponent(client.id)}`, title: client.label });
  say(address, client.away_s === null ? (client.nick ? where : "no nick") : "away");
}

function showUnread(count) {
  const button = byId("to-end");
  button.hidden = !count;
  if (count) say(button, `${plural(count, "new line")} ↓`);
}

async function sayIt(event) {
  event.preventDefault();
  if (!text.value.trim()) return;
  key ??= crypto.randomUUID?.() ?? String(Math.random()).slice(2);
  byId("say").disabled = true;
  try {
    await call("POST", `${path}/entries`, { text: text.value }, { headers: { "Idempotency-Key": key } });
    text.value = "";
    key = null;
    if (search.value) showSearch("");
    transcript.toEnd();
    refreshSoon(0);
  } catch (error) {
    if (error.status >= 400 && error.status < 500) key = null;
    fault(error);
  }
  byId("say").disabled = false;
  text.focus();
}

async function setTopic() {
  const input = el("input", { name: "topic", maxlength: 300, value: room.topic, autocomplete: "off" });
  const run = (data) => call("PUT", `${path}/topic`, { topic: data.get("topic").trim() });
  const done = await ask({ title: `Topic of #${name}`, body: field("Topic", input, "Everybody in the room is told. An empty one clears it."), action: "Set the topic", run });
  if (!done) return;
  toast(done.topic ? "The topic is set." : "The topic is cleared.");
  showRoom(done);
  refreshSoon(0);
}

async function remove(entry) {
  const quote = el("blockquote", {}, el("bdi", { dir: "auto" }, entry.text));
  const reason = el("input", { name: "reason", maxlength: 200, autocomplete: "off" });
  const what = entry.kind === "topic" ? `Remove the topic set by ${entry.author}?` : `Remove this message of ${entry.author}?`;
  const hint = "Its text goes from the server's disk, searches, exports and open clients, and cannot be brought back. Everybody in the room sees that something was removed.";
  const done = await ask({
    title: what,
    body: [quote, el("p", { class: "soft" }, hint), field("Reason", reason, "Everybody in the room reads it.")],
    action: "Remove it",
    isDangerous: true,
    run: (data) => removeEntry(entry, data.get("reason").trim()),
  });
  if (done) toast(done);
  refreshSoon(0);
}

// -> a sentence
async function removeEntry(entry, reason) {
  try {
    await call("DELETE", `${path}/entries/${entry.id}`, reason ? { reason } : undefined);
    return "The message was removed.";
  } catch (error) {
    if (error.status !== 404 && error.status !== 409) throw error;
    return error.message; // somebody was faster
  }
}

function eventCame(event, data) {
  if (event === "gap" && data.missed === null) transcript.clear(); // after a restart ids may have begun anew
  if (event === "gap" || data.room === name) shownAt = 0;
}

function showSearch(q) {
  search.value = q;
  remember({ q });
  transcript.search(q);
  refreshSoon(0);
}

search.value = remembered("q");
if (search.value) transcript.search(search.value);
searched(search, showSearch);
byId("export").href = `${path}/export`;
byId("export").download = `${name}.ndjson`;
byId("set-topic").addEventListener("click", setTopic);
byId("say-form").addEventListener("submit", sayIt);
byId("to-end").addEventListener("click", () => transcript.toEnd());
start({ types: "topic", refresh, everyMs: REFRESH_MS, onEvent: eventCame });
shortcuts({ ...searchKey(search), ...rowKeys(byId("entries"), ".entry"), s: { does: "Say something", run: () => text.focus() } });
