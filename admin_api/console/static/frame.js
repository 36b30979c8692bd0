// The frame of every page: the state of the connection, health, and the counts of the tabs.

import { call, get } from "./api.js";

const REFRESH_MS = 2000;

export function start() {
  document.getElementById("sign-out")?.addEventListener("click", async () => {
    await call("POST", "/console/sign-out");
    location.assign("/console/sign-in");
  });
  refresh();
}

async function refresh() {
  try {
    const health = await get("/health");
    const pill = document.getElementById("health");
    pill.textContent = { ok: "Healthy", degraded: "Degraded", "read-only": "Read-only" }[health.status];
    pill.className = `pill ${{ ok: "ok", degraded: "warn", "read-only": "bad" }[health.status]}`;
    document.getElementById("live").textContent = "Live";
  } catch (error) {
    document.getElementById("live").textContent = error.message;
  }
  setTimeout(refresh, REFRESH_MS);
}
