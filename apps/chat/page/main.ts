import { createClient } from "@upwire/client";
import type { ChatContract } from "../src/contract.ts";
import type { ChatClient } from "./client.ts";
import { Composer, type Target } from "./composer.ts";
import { byId } from "./dom.ts";
import { LateNames } from "./late-names.ts";
import { MessageLog } from "./message-log.ts";
import { Network } from "./network.ts";
import { PeoplePanel } from "./people-panel.ts";
import { RoomsPanel } from "./rooms-panel.ts";
import { StatusLine } from "./status-line.ts";
import { Typing } from "./typing.ts";
import { WayBack } from "./way-back.ts";
import { WireView } from "./wire-view.ts";

/** How long a message may wait for its answer, and for a connection before. Milliseconds. */
const KEEP_MS = 10 * 60_000;

const log = new MessageLog();
const wayBack = new WayBack(log);
const wire = new WireView();
const statusLine = new StatusLine();
const side = byId("side", HTMLDetailsElement);
const wide = matchMedia("(min-width: 50.01rem)");
const reconnect = byId("reconnect", HTMLButtonElement);

const network = new Network(statusChanged);
const client: ChatClient = createClient<ChatContract>(network.url, {
  WebSocket: network.WebSocket,
  // That it is off is no news.
  onError: (error) => void (network.isOff || console.error(error)),
});
const isOnline = (): boolean => client.status.state === "open";

const lateNames = new LateNames();
const people: PeoplePanel = new PeoplePanel(client, pick, () => {
  lateNames.fillIn(people);
  refresh();
});
const rooms = new RoomsPanel({
  client,
  onMessage: ({ room, from, text }) => show("room", from, () => `room ${room} · ${people.nameOf(from)}`, text),
  onSubscribed: (subscribed) => {
    if (!subscribed.isFirst) wayBack.resumed(subscribed);
  },
  onGap: () => wayBack.gap(),
  onError: (error) => log.add("error", "error", textOf(error)),
  onChange: refresh,
});
const typing = new Typing(client);
const composer = new Composer({ people, rooms, isOnline, send, wrote: () => typing.wrote() });

followLobby();
client.topic("clock").on("time", ({ time }) => log.addTime(`Current time is ${time}`));
client.on("direct", (direct) => showDirect(direct));
client.onFrame((frame) => wire.add(frame));
client.onStatus(statusChanged);
for (const event of ["online", "offline"]) addEventListener(event, statusChanged);
statusChanged();

reconnect.addEventListener("click", () => {
  if (client.status.state === "closed") location.reload();
  // What the browser tells when the network is back; the client makes its next attempt at once, if the server did not say when.
  else dispatchEvent(new Event("online"));
});

// On a phone the side panel folds away; on a wide screen it is simply there.
const fitSide = (): void => void (side.open = wide.matches);
wide.addEventListener("change", fitSide);
fitSide();

function followLobby(): void {
  const lobby = client.topic("lobby");
  let isFirst = true;
  lobby.onSubscribed((subscribed) => {
    if (!isFirst) wayBack.resumed(subscribed);
    isFirst = false;
  });
  lobby.onGap(() => wayBack.gap());
  lobby.on("message", ({ from, address, text }) => {
    if (people.isOwn(from)) {
      log.add("own", `you · ${address}`, text);
      return;
    }
    typing.over();
    log.add("client", address, text);
  });
  lobby.on("binary", ({ bytes }) => log.add("binary", "", `binary, ${bytes} ${bytes === 1 ? "byte" : "bytes"}`));
}

function statusChanged(): void {
  const { status } = client;
  statusLine.show(status, network);
  reconnect.hidden = status.state === "open" || status.state === "connecting" || network.isOff;
  network.show({ canTurn: status.state === "open" || network.isOff });
  if (status.state === "open") {
    people.opened();
  } else {
    people.closed();
    wayBack.left();
  }
  refresh();
}

function pick(id: string): void {
  side.open = wide.matches;
  composer.writeTo(id);
}

/** Everything on the page that follows from the state, in one place. */
function refresh(): void {
  rooms.refresh();
  composer.refresh();
  for (const count of document.querySelectorAll(".count")) count.textContent = String(people.count);
}

function show(kind: "room" | "direct", from: string, title: () => string, text: string): void {
  const { who } = log.add(kind, title(), text, { isOwn: people.isOwn(from) });
  if (!people.knows(from)) lateNames.add({ id: from, who, title });
}

function showDirect({ from, to, text }: { readonly from: string; readonly to: string; readonly text: string }): void {
  show("direct", from, () => `direct · ${people.nameOf(from)} → ${people.nameOf(to)}`, text);
}

/** With a key, so that it is done once, however often it has to be sent. */
function send(text: string, target: Target): void {
  const options = { key: true, queue: "keep", timeoutMs: KEEP_MS } as const;
  const who = target.to === "direct" ? `direct · you → ${people.nameOf(target.id)}` : target.to === "room" ? `room ${target.room} · you` : "you";
  const waiting = log.addUnconfirmed(who, text, { isOnline: isOnline() });
  const sending =
    target.to === "direct"
      ? client.request("direct", { to: target.id, text }, options).then(showDirect)
      : client.request("say", target.to === "room" ? { text, room: target.room } : { text }, options);
  sending.then(
    () => waiting.delivered(),
    (error: unknown) => waiting.failed(textOf(error)),
  );
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
