// The numbers of now, each with a sparkline of the last hour beside it. Gives: Tiles.

import { get } from "./api.js";
import { byId, el, say } from "./dom.js";
import { exact, milliseconds, short } from "./format.js";

const EVERY_MS = 10_000; // the server takes samples as often
const [WIDTH, HEIGHT] = [200, 32];

const TILES = {
  clients: { show: exact, hint: (values) => `${signed(values.at(-1) - values[0])} in an hour` },
  lines_per_s: { show: short, hint: (values) => `peak ${short(Math.max(...values))}` },
  deliveries_per_s: { show: short, hint: (values) => `peak ${short(Math.max(...values))}` },
  delay_p99_ms: { show: milliseconds, hint: (values) => `worst ${milliseconds(Math.max(...values))}` },
};

const signed = (number) => (number > 0 ? `+${exact(number)}` : number < 0 ? `−${exact(-number)}` : "±0");

// The elements with `data-tile` get the sample's field of that name.
export class Tiles {
  async refresh() {
    if (Date.now() - (this.fetchedAt ?? 0) < EVERY_MS) return;
    const { samples } = await get("/series");
    this.fetchedAt = samples.length ? Date.now() : 0;
    for (const tile of document.querySelectorAll("[data-tile]")) this.draw(tile, samples);
  }

  draw(tile, samples) {
    const { show, hint } = TILES[tile.dataset.tile];
    const values = samples.map((sample) => sample[tile.dataset.tile]).filter((value) => value !== null);
    const [number, small] = [tile.querySelector("b"), tile.querySelector("small")];
    say(number, values.length ? show(values.at(-1)) : "–");
    say(small, values.length ? hint(values) : "nothing yet");
    number.title = values.length ? String(values.at(-1)) : "";
    tile.querySelector("svg").replaceChildren(...line(values));
  }
}

function line(values) {
  if (values.length < 2) return [];
  const most = Math.max(...values) || 1;
  const least = Math.min(0, ...values);
  const points = values.map((value, index) => {
    const x = (WIDTH * index) / (values.length - 1);
    return `${x.toFixed(1)},${(HEIGHT - 1 - ((HEIGHT - 2) * (value - least)) / (most - least)).toFixed(1)}`;
  });
  return [el("polyline", { points: points.join(" ") })];
}
