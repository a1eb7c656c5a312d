import { createClient, RealtimeError } from "@upwire/client";
import type { ClusterContract, Status } from "../src/contract.ts";
import { CountsPanel } from "./counts-panel.ts";
import { byId } from "./dom.ts";
import { MessageLog } from "./message-log.ts";
import { Publisher } from "../src/publisher.ts";
import { ServersPanel } from "./servers-panel.ts";
import { Tally } from "../src/tally.ts";

/** Between two messages that are only counted. Milliseconds. */
const EVERY_MS = 250;
const ROOM = "lobby";
const COLORS = ["amber", "azure", "coral", "cyan", "green", "indigo", "lime", "olive", "pink", "plum", "rose", "teal"];

const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
const name = `${COLORS[random % COLORS.length]}-${(random >>> 12).toString(16).padStart(5, "0")}`;

const client = createClient<ClusterContract>(`/ws?tab=${name}`);
const room = client.topic("room:{room}", { room: ROOM }, { since: { last: 50 } });

const log = new MessageLog();
const tally = new Tally();
const counts = new CountsPanel(tally);
const servers = new ServersPanel(name, (action, server) => {
  client.request("control", { action, server }).catch((error: unknown) => {
    // A server that was killed does not answer.
    if (!(error instanceof RealtimeError && error.code === "connection_lost")) log.notice(String(error), "error");
  });
});
const publisher = new Publisher(client, ROOM, ({ message }) => log.notice(`A message is sent again: ${message}`, "error"));
const statusLine = byId("status", HTMLElement);

let own: number | undefined;
let awaySince: number | undefined;
let wasAsked = false;

byId("name", HTMLElement).textContent = name;

client.onStatus(({ state }) => {
  statusLine.dataset["state"] = state;
  statusLine.textContent = state === "open" ? "connected" : state === "closed" ? "closed for good: reload the page" : state === "waiting" ? "reconnecting…" : `${state}…`;
  if (state !== "open") servers.disconnected();
  if (state === "open") client.request("watch", {}, { queue: "drop" }).then(show, () => {});
  else if (awaySince === undefined && own !== undefined) {
    awaySince = Date.now();
    log.notice(wasAsked ? `Server ${own} is draining: it closed with 1012 and said when to reconnect` : `Server ${own} is gone: no close frame came`);
  }
});
// Before 1012 the server says when to come back.
client.onFrame(({ direction, data }) => {
  if (direction === "in" && typeof data === "string" && data.includes('"upwire.reconnect"')) wasAsked = true;
});

client.on("status", show);
room.on("message", ({ from, via, n, text }) => {
  tally.add({ from, via, n });
  counts.changed();
  if (text !== undefined) log.said(from, own === undefined || own === via ? `server ${via}` : `server ${via} → ${own}`, text, { isOwn: from === name });
});
room.onSubscribed(({ resumed, missed }) => {
  if (awaySince === undefined) return;
  const seconds = ((Date.now() - awaySince) / 1000).toFixed(1);
  awaySince = undefined;
  wasAsked = false;
  log.notice(
    resumed
      ? `Back after ${seconds} s: ${missed} missed ${missed === 1 ? "message" : "messages"} delivered`
      : `Back after ${seconds} s: some messages were no longer kept`,
  );
});
room.onGap(({ missed }) => log.notice(`${missed ?? "Some"} messages were no longer kept`, "error"));

function show(status: Status): void {
  own = status.server.number;
  servers.show(status);
  counts.known(status);
}

const keepOn = byId("keep-on", HTMLInputElement);
setInterval(() => {
  // What waits for a connection is enough to see that nothing is lost.
  if (keepOn.checked && publisher.waiting < 20) publisher.say();
}, EVERY_MS);

const text = byId("text", HTMLInputElement);
byId("composer", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  if (text.value.trim() !== "") publisher.say(text.value);
  text.value = "";
});
