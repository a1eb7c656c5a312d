import { createServer } from "node:http";
import { setImmediate } from "node:timers/promises";
import { attach, createAudience, createHub, createSlot, Upgrader, type Attachment } from "@upwire/core";
import { observeHub, type Slot } from "@upwire/core/adapter";
import { describe, expect, it } from "vitest";
import { Audience } from "../../src/hub/audience.ts";
import { Connection } from "../../src/connection/connection.ts";
import { Hub } from "../../src/hub/hub.ts";
import { collected, held } from "../helpers/held-memory.ts";
import { openSocket, type OpenedSocket } from "../helpers/wire-clients.ts";

const CALLS = 200_000;
/** Four bytes for each call: the least that stays is a pointer of eight. */
const MOST_BYTES = 4 * CALLS;

interface Setup {
  readonly connection: Connection;
  readonly hub: Hub;
  readonly audience: Audience;
  readonly slot: Slot<number>;
  readonly attachment: Attachment;
}

type Call = (setup: Setup, turn: number) => unknown;
type Rows = Readonly<Record<string, Call>>;

const listener = (): void => {};

function attempt(call: () => unknown): void {
  try {
    call();
  } catch {
    // What may be called once only says so.
  }
}

/** What to call for each method and getter of a connection that takes nothing. */
const ofConnection: Rows = {
  isOpen: ({ connection }) => connection.isOpen,
  state: ({ connection }) => connection.state,
  closeInfo: ({ connection }) => connection.closeInfo,
  bufferedBytes: ({ connection }) => connection.bufferedBytes,
  send: ({ connection }) => connection.send("text"),
  sendJson: ({ connection }) => connection.sendJson([1]),
  createWriter: ({ connection }) => attempt(() => connection.createWriter("text")),
  ping: ({ connection }) => connection.ping("p"),
  close: ({ connection }) => connection.close(),
  fail: ({ connection }) => connection.fail({ code: "ERR_TEST", closeCode: 4400, retry: false }),
  terminate: ({ connection }) => connection.terminate(),
  pause({ connection }) {
    connection.pause();
    connection.resume();
  },
  resume: ({ connection }) => connection.resume(),
  drain: ({ connection }) => void connection.drain(),
  closed: ({ connection }) => void connection.closed,
  onClose({ connection }) {
    connection.onClose(listener);
    connection.offClose(listener);
  },
  offClose: ({ connection }) => connection.offClose(listener),
  report: ({ connection }, turn) => connection.report(new Error(`fault ${turn}`)),
};

const ofAudience: Rows = {
  add({ audience, connection }) {
    audience.delete(connection);
    audience.add(connection, { format: "json" });
  },
  delete({ audience, connection }) {
    audience.add(connection);
    audience.delete(connection);
  },
  has: ({ audience, connection }) => audience.has(connection),
  size: ({ audience }) => audience.size,
  broadcast: ({ audience }) => audience.broadcast("b", { missed: () => {} }) + audience.broadcast((format) => format),
  close: ({ audience, connection }) => {
    audience.delete(connection);
    void audience.close();
  },
};

const ofHub: Rows = {
  room({ hub, connection }, turn) {
    const room = hub.room(`room ${turn}`);
    room.add(connection);
    room.broadcast("b");
    room.delete(connection);
  },
  user({ hub, connection }, turn) {
    const user = hub.user(`user ${turn}`);
    user.add(connection);
    user.broadcast("b");
    user.delete(connection);
  },
  stats: ({ hub, connection }) => hub.room("x".repeat(300)).add(connection) || hub.stats,
  get: ({ hub }, turn) => hub.get(`${turn}`),
  rooms: ({ hub }) => hub.rooms(),
  roomsOf: ({ hub, connection }) => hub.roomsOf(connection),
  usersOf: ({ hub, connection }) => hub.usersOf(connection),
};

/** What a hub has as an audience, and what leaves it. */
const ofWholeHub: Rows = {
  "add and delete": ({ hub, connection }, turn) => {
    hub.delete(connection);
    hub.add(connection, { format: `format ${turn}` });
    hub.user(`user ${turn}`).add(connection);
    hub.room(`room ${turn}`).add(connection);
  },
  broadcast: ({ hub }) => hub.broadcast("b"),
  observeHub({ hub, connection }) {
    const end = observeHub(hub, { onFirst: () => {}, onEmpty: () => {} });
    hub.user("user").add(connection);
    hub.user("user").delete(connection);
    end();
  },
};

const ofSlot: Rows = {
  "slots of one kind": ({ connection, slot }, turn) => slot.set(connection, turn),
  "set and delete": ({ connection, slot }, turn) => {
    slot.set(connection, turn);
    slot.delete(connection);
  },
};

const ofAttachment: Rows = {
  track: ({ attachment, connection }) => attachment.track(connection),
  stats: ({ attachment }) => attachment.stats,
};

const all: readonly (readonly [string, object, Rows])[] = [
  ["connection", Connection.prototype, ofConnection],
  ["audience", Audience.prototype, ofAudience],
  ["hub", Hub.prototype, ofHub],
];

/** A connection whose client takes nothing any more and whose queue is full. */
async function open(): Promise<Setup & OpenedSocket> {
  const opened = await openSocket(new Upgrader({ slowConsumer: "drop-newest", maxQueueBytes: 4096, onError: () => {} }), undefined);
  const hub = createHub();
  const attachment = attach(createServer());
  hub.add(opened.connection);
  opened.socket.isTaking = false;
  for (let turn = 0; turn < 100; turn++) {
    opened.connection.send("x".repeat(100));
    await setImmediate();
  }
  return { ...opened, hub, audience: createAudience(), slot: createSlot(), attachment };
}

describe("200,000 calls leave nothing on a connection that stays:", () => {
  it.each(all)("every method of a %s has a row", (_name, prototype, rows) => {
    const methods = Object.getOwnPropertyNames(prototype).filter((name) => name !== "constructor");
    expect(Object.keys(rows).toSorted()).toEqual(methods.toSorted());
  });

  const rows = [...all, ["attachment", {}, ofAttachment] as const, ["hub", {}, ofWholeHub] as const, ["slot", {}, ofSlot] as const].flatMap(([name, , calls]) =>
    Object.entries(calls).map(([method, call]) => [`${name}.${method}`, call] as const),
  );

  it.each(rows)("%s", { timeout: 20_000 }, async (_name, call) => {
    const setup = await open();
    const callAll = async (times: number): Promise<void> => {
      for (let turn = 0; turn < times; turn++) {
        call(setup, turn);
        if (turn % 1000 === 0) await setImmediate();
      }
    };
    await callAll(5000);
    const before = await held();
    await callAll(CALLS);
    let left = Infinity;
    // A collection can only lower it, and is what takes the time here.
    for (let turn = 0; turn < 3 && left >= MOST_BYTES; turn++) left = (await collected()) - before;
    expect(left).toBeLessThan(MOST_BYTES);
    setup.socket.destroy();
  });
});
