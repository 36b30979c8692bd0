// The page of clients: who is connected, who is behind, and the button that ends one.

import { call, get } from "./api.js";
import { start } from "./frame.js";

const REFRESH_MS = 2000;
const rows = document.getElementById("rows");

function row(client) {
  const made = document.createElement("tr");
  const cells = [client.label, client.mode, client.rooms.join(" "), String(client.behind.entries), `${Math.round(client.idle_s)} s`];
  for (const text of cells) {
    const cell = document.createElement("td");
    cell.textContent = text;
    made.append(cell);
  }
  const action = document.createElement("td");
  action.className = "act";
  const kick = document.createElement("button");
  kick.className = "quiet danger";
  kick.textContent = "Kick";
  kick.addEventListener("click", async () => {
    await call("DELETE", `/clients/${client.id}`);
    made.remove();
  });
  action.append(kick);
  made.append(action);
  return made;
}

async function refresh() {
  const { clients } = await get("/clients");
  rows.replaceChildren(...clients.map(row));
  setTimeout(refresh, REFRESH_MS);
}

start({});
refresh();
