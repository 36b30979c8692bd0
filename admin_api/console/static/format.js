// Numbers and times as people read them. Gives: exact(1204) "1,204", short(38912) "38.9 k", milliseconds(4.13) "4.1 ms", bytes(1288490189) "1.2 GB",
// duration(754) "12 m", span(1054800) "12 d 4 h", clock("2026-…Z") "15:04" and moment("2026-…Z") with the date; plural(3, "client"); operatorOf(who), originOf(who).

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const UNITS = [[1e9, "G"], [1e6, "M"], [1e4, "k", 1e3]];

export const exact = (number) => whole.format(number);

// Three digits or so: 41.6, 212, 1,204, 38.9 k.
export function short(number) {
  for (const [from, unit, divisor = from] of UNITS) {
    if (number >= from) return `${significant(number / divisor)} ${unit}`;
  }
  return number >= 1000 ? whole.format(number) : significant(number);
}

const BYTES = [[2 ** 40, "TB"], [2 ** 30, "GB"], [2 ** 20, "MB"], [2 ** 10, "KB"]];

// 1.2 GB, 73 MB, 0 KB.
export function bytes(number) {
  const [size, unit] = BYTES.find(([from]) => number >= from) ?? BYTES.at(-1);
  const amount = number / size;
  return `${amount < 10 && unit !== "KB" ? amount.toFixed(1) : whole.format(amount)} ${unit}`;
}

export function milliseconds(ms) {
  return ms >= 1000 ? `${significant(ms / 1000)} s` : `${significant(ms)} ms`;
}

function significant(number) {
  if (Number.isInteger(number) || number >= 100) return whole.format(number);
  return number >= 1 ? number.toFixed(1) : number.toFixed(2);
}

// The largest unit alone: 3 s, 12 m, 2 h, 5 d.
export function duration(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m`;
  return seconds < 172800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} d`;
}

// The two largest units: 12 d 4 h, 3 h 20 m, 5 m 12 s.
export function span(seconds) {
  const [d, h, m] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (d) return `${d} d ${h} h`;
  if (h) return `${h} h ${m} m`;
  return m ? `${m} m ${Math.floor(seconds) % 60} s` : `${Math.floor(seconds)} s`;
}

const hours = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

// In the time zone of the browser. Both take what Date takes.
export const clock = (time) => hours.format(new Date(time));
export const moment = (time) => full.format(new Date(time));

// An operator's name alone: "ann" of "http ann@192.0.2.14", "192.0.2.14" of "http 192.0.2.14", "console".
export const operatorOf = (who) => who.replace(/^http /, "").replace(/@[^@]*$/, "");

// Where that operator came from: "192.0.2.14" of "http ann@192.0.2.14"; "" where the name says it.
export const originOf = (who) => (who.startsWith("http ") && who.includes("@") ? who.slice(who.lastIndexOf("@") + 1) : "");

export const plural = (number, noun) => `${exact(number)} ${noun}${number === 1 ? "" : "s"}`;
