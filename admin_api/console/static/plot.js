// Plots of the last hour, with a time axis, a crosshair, and the value under it. Gives: Plot.

import { el, say, set } from "./dom.js";
import { clock, moment } from "./format.js";

const HOUR_MS = 3_600_000;
const TICK_MS = 900_000;
const HEIGHT = 148;
const MARGIN = { left: 52, right: 12, top: 8, bottom: 24 };

// `lines`: [{ field, label }] of samples { time, … }; `show(value)` writes a value. The crosshair follows the pointer, and
// the arrow keys once the plot is focused: Home and End go to the ends, Escape back to now.
export class Plot {
  constructor(parent, { title, lines, show, hint = "" }) {
    Object.assign(this, { title, lines, show, samples: [], chosen: null });
    this.number = el("b", {}, "–");
    this.when = el("small", {}, "no sample yet");
    this.picture = el("svg", { height: HEIGHT, "aria-hidden": "true" });
    this.frame = el("div", { class: "plot", role: "slider", tabindex: "0", "aria-label": `${title}, the last hour`, "aria-valuemin": "0", "aria-valuemax": "0", "aria-valuenow": "0" }, this.picture);
    const head = el("div", { class: "plot-head" }, el("h2", { title: hint }, title), el("p", {}, this.number, " ", this.when));
    parent.append(el("section", { class: "card", "aria-label": title }, head, this.frame));
    this.frame.addEventListener("pointermove", (event) => this.choose(this.nearest(event.offsetX)));
    this.frame.addEventListener("pointerleave", () => this.choose(null));
    this.frame.addEventListener("blur", () => this.choose(null));
    this.frame.addEventListener("keydown", (event) => this.press(event));
    new ResizeObserver(() => this.draw()).observe(this.frame);
  }

  // Show samples, oldest first; each `time` is in seconds since 1970.
  set(samples) {
    const chosen = this.chosen === null ? null : this.samples[this.chosen]?.time;
    this.samples = samples;
    const found = samples.findIndex((sample) => sample.time === chosen);
    this.chosen = found < 0 ? null : found;
    this.end = (samples.at(-1)?.time ?? Date.now() / 1000) * 1000;
    this.draw();
  }

  draw() {
    const width = this.frame.clientWidth;
    if (!width || this.end === undefined) return;
    this.width = width;
    const values = this.lines.flatMap(({ field }) => this.samples.map((sample) => sample[field]).filter((value) => value !== null));
    this.top = nice(Math.max(1.9, ...values)); // two whole numbers, at least
    set(this.picture, { width, viewBox: `0 0 ${width} ${HEIGHT}` });
    this.cross = el("g", { class: "cross" });
    this.picture.replaceChildren(...this.grid(), ...this.lines.map((line, number) => this.path(line.field, number)), this.cross);
    this.choose(this.chosen);
  }

  x(time) {
    const share = (time * 1000 - this.end + HOUR_MS) / HOUR_MS;
    return MARGIN.left + share * (this.width - MARGIN.left - MARGIN.right);
  }

  y(value) {
    return HEIGHT - MARGIN.bottom - (value / this.top) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  }

  grid() {
    const right = this.width - MARGIN.right;
    const made = [0, this.top / 2, this.top].flatMap((value) => [
      el("line", { class: "rule", x1: MARGIN.left, x2: right, y1: this.y(value), y2: this.y(value) }),
      el("text", { x: MARGIN.left - 8, y: this.y(value) + 4, "text-anchor": "end" }, this.show(value)),
    ]);
    for (let time = Math.ceil((this.end - HOUR_MS) / TICK_MS) * TICK_MS; time <= this.end; time += TICK_MS) {
      const x = this.x(time / 1000);
      if (x > right - 12) continue;
      made.push(el("line", { class: "tick", x1: x, x2: x, y1: this.y(0), y2: this.y(0) + 4 }));
      if (x >= MARGIN.left + 12) made.push(el("text", { x, y: HEIGHT - 6, "text-anchor": "middle" }, clock(time)));
    }
    return made;
  }

  // A line that has a gap where there is no value.
  path(field, number) {
    let data = "";
    let isDown = false;
    for (const sample of this.samples) {
      const value = sample[field];
      const x = value === null ? 0 : this.x(sample.time);
      if (value !== null && x >= MARGIN.left - 1) data += `${isDown ? "L" : "M"}${x.toFixed(1)} ${this.y(value).toFixed(1)}`;
      isDown = value !== null && x >= MARGIN.left - 1;
    }
    if (data && !data.includes("L")) data += "h1";
    return el("path", { class: `curve curve-${number}`, d: data });
  }

  nearest(x) {
    if (!this.samples.length) return null;
    const distances = this.samples.map((sample) => Math.abs(this.x(sample.time) - x));
    return distances.indexOf(Math.min(...distances));
  }

  press(event) {
    const last = this.samples.length - 1;
    const now = this.chosen ?? last;
    const to = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, PageDown: now - 30, PageUp: now + 30, Home: 0, End: last }[event.key];
    if (event.key === "Escape") this.choose(null);
    else if (to !== undefined && last >= 0) this.choose(Math.max(0, Math.min(last, to)));
    else return;
    event.preventDefault();
  }

  // Move the crosshair to a sample, or away (null): then the newest is shown.
  choose(index) {
    this.chosen = index;
    const sample = this.samples[index ?? this.samples.length - 1];
    if (!sample || !this.cross) return;
    const values = this.lines.map(({ field }) => sample[field]);
    const shown = values.map((value) => (value === null ? "–" : this.show(value)));
    const text = this.lines.map(({ label = "" }, number) => `${label} ${shown[number]}`.trim()).join(", ");
    say(this.number, shown[0]);
    this.number.title = String(values[0]);
    const others = this.lines.slice(1).map(({ label }, number) => `${label} ${shown[number + 1]}, `);
    const when = index === null ? (others.length ? "" : "now") : clock(sample.time * 1000);
    say(this.when, `${others.join("")}${when}`.replace(/, $/, ""));
    const last = this.samples.length - 1;
    set(this.frame, { "aria-valuemax": last, "aria-valuenow": index ?? last, "aria-valuetext": `${text} at ${moment(sample.time * 1000)}` });
    this.cross.replaceChildren(...(index === null ? [] : this.crosshair(sample, values)));
  }

  crosshair(sample, values) {
    const x = this.x(sample.time);
    const dots = values.map((value, number) => (value === null ? null : el("circle", { class: `dot-${number}`, cx: x, cy: this.y(value), r: 4 })));
    return [el("line", { x1: x, x2: x, y1: MARGIN.top, y2: this.y(0) }), ...dots.filter(Boolean)];
  }
}

// The next round number that is not below a number: 1, 1.5, 2, 3, … 10, 15, and so on.
function nice(number) {
  const power = 10 ** Math.floor(Math.log10(number));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * power >= number * 1.02) * power || 10 * power;
}
