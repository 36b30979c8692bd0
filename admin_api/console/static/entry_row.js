// An entry of a room as it is shown. Gives: entryRow(entry, remove), sentence(entry), dayRule(time), dayOf(time).

import { el } from "./dom.js";
import { clock, moment } from "./format.js";

const REMOVABLE = new Set(["said", "acted", "topic", "announced"]);
const days = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const daysOfOtherYears = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric" });

const bold = (text) => el("b", {}, el("bdi", {}, text));

// The text of an entry, as texts and elements. Whose text may run from right to left, stands apart.
function words({ kind, author, text, room }) {
  const said = () => el("bdi", { dir: "auto" }, text);
  switch (kind) {
    case "said":
    case "announced":
      return [said()];
    case "acted":
      return ["* ", bold(author), " ", said()];
    case "joined":
    case "left":
      return [bold(author), ` ${kind} ${text || room !== "lobby" ? `#${room}` : "the chat"}`];
    case "topic":
      return text ? [bold(author), " set the topic: ", said()] : [bold(author), " cleared the topic"];
    case "kicked":
      return [bold(author), " was kicked"];
    case "renamed":
      return [bold(author), " is now ", bold(text)];
    default:
      return [said()];
  }
}

// `remove(entry)` is called by its button.
export function entryRow(entry, remove) {
  const isSaid = entry.kind === "said" || entry.kind === "announced";
  const kind = entry.kind === null ? "damaged" : isSaid ? "said" : entry.kind === "acted" ? "acted" : "notice";
  const time = entry.time && el("time", { datetime: entry.time, title: `${moment(entry.time)} · id ${entry.id}` }, clock(entry.time));
  const author = el("span", { class: "author cut" }, isSaid ? el("bdi", { title: entry.author }, entry.author) : "");
  const button = REMOVABLE.has(entry.kind) && el("button", { type: "button", class: "quiet danger", onclick: () => remove(entry) }, "Remove");
  if (button) button.setAttribute("aria-label", `Remove what ${entry.author} said: ${entry.text.slice(0, 60)}`);
  return el("li", { class: `entry ${kind}`, tabindex: "-1" }, time || el("time", {}, "?"), author, el("div", { class: "text" }, ...words(entry)), button || null);
}

export const dayOf = (time) => new Date(time).toDateString();

export function dayRule(time) {
  const day = new Date(time);
  const format = day.getFullYear() === new Date().getFullYear() ? days : daysOfOtherYears;
  return el("li", { class: "day" }, el("span", {}, format.format(day)));
}
