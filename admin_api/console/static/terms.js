// The end and the reason of a ban or a mute, as forms ask for them. Gives: endField(until, minutes), endOf(data), reasonField(text), until(time).

import { el } from "./dom.js";
import { field } from "./dialog.js";
import { clock, moment, span } from "./format.js";

const CHOICES = { 10: "In 10 minutes", 60: "In an hour", 1440: "In a day", 10080: "In a week", until: "At a time…", never: "Never" };

// -> the field of the end. `until` is the end there is: undefined for a new one, of `minutes`; null for never.
export function endField(until, minutes = 60) {
  const chosen = until === undefined && minutes in CHOICES ? String(minutes) : until ? "until" : "never";
  const time = el("input", { type: "datetime-local", name: "until", "aria-label": "Time of the end", hidden: chosen !== "until", required: chosen === "until", value: until ? local(until) : "" });
  const options = Object.entries(CHOICES).map(([value, text]) => el("option", { value, selected: value === chosen }, text));
  const changed = (event) => {
    time.hidden = event.target.value !== "until";
    time.required = !time.hidden;
    if (!time.hidden) time.focus();
  };
  const select = el("select", { name: "end", onchange: changed }, ...options);
  return el("div", { class: "field" }, el("label", { class: "field" }, el("span", {}, "Ends"), select), time);
}

// -> what the API takes: { minutes }, { until } or, where it never ends, { until: null }
export function endOf(data) {
  const end = data.get("end");
  if (end === "never") return { until: null };
  if (end !== "until") return { minutes: Number(end) };
  const time = new Date(data.get("until"));
  return Number.isNaN(time.getTime()) ? {} : { until: time.toISOString() };
}

export const reasonField = (text = "") =>
  field("Reason", el("input", { name: "reason", maxlength: 200, autocomplete: "off", value: text }), "They are told it.");

// The time in the browser's zone, as its input for times takes it.
function local(time) {
  const at = new Date(time);
  return new Date(at.getTime() - 60_000 * at.getTimezoneOffset()).toISOString().slice(0, 16);
}

const sameYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

function short(time) {
  const [at, now] = [new Date(time), new Date()];
  if (at.toDateString() === now.toDateString()) return clock(time);
  return at.getFullYear() === now.getFullYear() ? sameYear.format(at) : moment(time).replace(/:\d\d$/, "");
}

// The end of a ban or mute in words: its time, that in a sentence, in full, and what is left. -> { at, text, title, left }
export function until(time) {
  if (time === null) return { at: "no end", text: "for good", title: "It does not end by itself.", left: "" };
  const left = (new Date(time) - Date.now()) / 1000;
  return { at: short(time), text: `until ${short(time)}`, title: moment(time), left: left > 0 ? `${span(left)} left` : "over" };
}
