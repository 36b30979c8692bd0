// The frame of every page: the state of its connection, health with reasons, the counts of the tabs, signing out.
// Gives: start({ types, onEvent, onConnected, refresh, everyMs }) and refreshSoon().

import { announce } from "./announce.js";
import { call, get } from "./api.js";
import { byId, el, keyed, say } from "./dom.js";
import { clock, exact, span } from "./format.js";
import { shortcuts } from "./keys.js";
import { Live } from "./live.js";
import { problem } from "./states.js";
import { fault, toast } from "./toast.js";

const STATUS_MS = 5000;
const SOON_MS = 400;
const PATIENCE_MS = 1500; // a connection that is back before that was not lost

const HEALTH = { ok: ["Healthy", "ok"], degraded: ["Degraded", "warn"], "read-only": ["Read-only", "bad"] };

let page = {};
let live;
let timer;
let isRefreshing = false;
let failedSince = null;
let lastStatus = null;
let restartSeenAt = 0;

// Bring a page to life. `refresh()` fetches what it shows: at once, every `everyMs` while somebody can see it, and when
// the connection is back; it is never called twice at a time. `types` are the events it wants (see /events), besides
// `health`; `onEvent(name, data)` gets them, `gap` among them. `onStatus(status)` gets each answer of /status.
export function start({ types = "", onEvent = () => {}, onStatus = () => {}, refresh = async () => {}, everyMs = STATUS_MS } = {}) {
  page = { onEvent, onStatus, refresh, everyMs };
  byId("sign-out")?.addEventListener("click", signOut);
  byId("health").addEventListener("click", toggleReasons);
  byId("announce").addEventListener("click", () => announce());
  document.addEventListener("visibilitychange", () => document.hidden || refreshSoon());
  document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }); // on a phone
  shortcuts({});
  live = new Live(["health", ...types.split(",").filter(Boolean)].join(","), { onEvent: eventCame, onState: showState });
  live.start();
  setInterval(showLoss, 500);
  setInterval(refreshStatus, STATUS_MS);
  refreshStatus();
  refreshNow();
}

// Fetch anew in a moment: for many events, once.
export function refreshSoon(ms = SOON_MS) {
  if (isRefreshing) page.isWanted = true;
  else schedule(ms);
}

function schedule(ms) {
  const due = Date.now() + ms;
  if (timer && timer.due <= due) return;
  clearTimeout(timer?.id);
  timer = { due, id: setTimeout(refreshNow, ms) };
}

async function refreshNow() {
  if (isRefreshing) return;
  clearTimeout(timer?.id);
  timer = null;
  isRefreshing = true;
  page.isWanted = false;
  try {
    if (!document.hidden && live.state !== "lost") await page.refresh();
    failedSince = null;
    byId("problem").replaceChildren();
  } catch (error) {
    if (error.status === 0) live.retryNow();
    else showProblem(error);
  }
  isRefreshing = false;
  schedule(page.isWanted ? SOON_MS : page.everyMs);
}

function showProblem(error) {
  if (error.status === undefined) console.error(error);
  if (failedSince === null) byId("problem").replaceChildren(problem(error, (failedSince = Date.now())));
}

function eventCame(name, data) {
  if (name === "health") {
    refreshStatus();
    if (data.health !== "ok") toast(`The server is ${data.health}: ${data.reasons.join("; ")}`, { isFault: true });
  }
  if (name === "gap") {
    if (data.missed === null) restartSeenAt = Date.now();
    toast(data.missed === null ? "The server was restarted." : `${exact(data.missed)} events were missed meanwhile.`);
  }
  page.onEvent(name, data);
}

const STATES = {
  connecting: ["Connecting", "What is shown may be old."],
  live: ["Live", "Changes are shown as they happen."],
  lost: ["Not connected", "What is shown is from before the connection was lost."],
  crowded: ["Every 5 s", "Too many pages follow live events already: this one asks every five seconds."],
};

function showState(state) {
  const pill = byId("live");
  const [text, title] = STATES[state];
  say(pill, text);
  pill.title = title;
  pill.className = `pill ${state === "lost" ? "bad" : "plain"}`;
  showLoss();
  if (state !== "lost") {
    refreshStatus();
    refreshSoon(0);
  }
}

// The bar that says since when the server is gone. Its sentence is announced once; the count is for eyes alone.
function showLoss() {
  const bar = byId("connection");
  const isLost = live.lostAt !== null && Date.now() - live.lostAt > PATIENCE_MS;
  document.body.classList.toggle("disconnected", isLost);
  if (isLost) {
    say(byId("connection-text"), `The server has not been reached since ${clock(live.lostAt)}. What you see is from before.`);
    const left = Math.ceil((live.nextTry - Date.now()) / 1000);
    const gone = span((Date.now() - live.lostAt) / 1000);
    say(byId("connection-count"), left > 0 ? `Gone for ${gone}, next try in ${left} s.` : `Gone for ${gone}, trying…`);
  } else if (!bar.hidden) {
    say(byId("connection-text"), "");
    if (live.state === "live") toast("The server is back.");
  }
  bar.hidden = !isLost;
}

async function refreshStatus() {
  if (document.hidden || live.state === "lost") return;
  try {
    showStatus(await get("/status"));
  } catch (error) {
    if (error.status === 0) live.retryNow();
  }
}

// A page that had seen no event gets no gap after a restart.
function noteRestart(status) {
  const isRestarted = lastStatus && status.run !== lastStatus.run;
  if (isRestarted && Date.now() - restartSeenAt > STATUS_MS) eventCame("gap", { missed: null });
}

function showStatus(status) {
  noteRestart(status);
  lastStatus = status;
  for (const count of document.querySelectorAll("[data-count]")) {
    say(count, exact(count.dataset.count.split(" ").reduce((sum, name) => sum + (status.counts[name] ?? 0), 0)));
  }
  say(byId("server-name"), status.name);
  say(byId("uptime"), `up ${span(status.uptime_s)}`);
  showHealth(status.health, status.reasons);
  page.onStatus(status);
}

function showHealth(health, reasons) {
  const pill = byId("health");
  const [word, colour] = HEALTH[health];
  const isWarning = health === "ok" && reasons.length > 0;
  say(pill, isWarning ? `${word}, ${reasons.length} to look at` : word);
  pill.className = `pill ${isWarning ? "warn" : colour}`;
  const all = reasons.length ? reasons : ["Everything works: lines are stored, and nothing is damaged."];
  keyed(byId("reasons"), all, String, (reason) => el("li", {}, reason));
}

function toggleReasons() {
  const isOpen = byId("health").getAttribute("aria-expanded") === "true";
  byId("health").setAttribute("aria-expanded", String(!isOpen));
  byId("reasons").hidden = isOpen;
}

// The newest answer of /status, or null.
export const status = () => lastStatus;

async function signOut() {
  try {
    await call("POST", "/console/sign-out");
    location.assign("/console/sign-in");
  } catch (error) {
    fault(error);
  }
}
