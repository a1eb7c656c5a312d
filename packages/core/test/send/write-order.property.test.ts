// oxlint-disable vitest/no-standalone-expect -- judged inside the property
import type { Writable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { createHub, Upgrader, type Connection, type Hub, type UpgraderOptions } from "@upwire/core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../helpers/fake-clock.ts";
import { runs } from "../helpers/property.ts";
import { play, Step } from "../helpers/steps.ts";
import { openSocket, read, send, settled, type OpenedSocket } from "../helpers/wire-clients.ts";

/** What the clients agreed on: nothing, compression, compression with a window of its own. Enough of them for cohorts. */
const OFFERS = [
  ...Array.from({ length: 6 }, () => undefined),
  ...Array.from({ length: 3 }, () => "permessage-deflate"),
  "permessage-deflate; server_max_window_bits=10",
];

async function connect(options: UpgraderOptions = {}): Promise<{ readonly hub: Hub; readonly clients: readonly OpenedSocket[] }> {
  const hub = createHub();
  const upgrader = new Upgrader({ compression: { thresholdBytes: 16 }, ...options });
  const clients: OpenedSocket[] = [];
  for (const offer of OFFERS) {
    const opened = await openSocket(upgrader, offer);
    hub.add(opened.connection);
    clients.push(opened);
  }
  return { hub, clients };
}

const who = fc.nat(OFFERS.length - 1);
const length = fc.oneof(fc.integer({ min: 4, max: 40 }), fc.constantFrom(125, 126, 500, 3000));

/** One message on its way to one client. */
interface Owed {
  readonly text: string;
  isMissed: boolean;
  /** Of a writer, or a ping, nothing tells whether it came when the connection ended or the queue was full. */
  readonly isUnsure: boolean;
}

class Member {
  readonly connection: Connection;
  readonly socket: OpenedSocket["socket"];
  readonly rooms = new Set<string>();
  writer: Writable | undefined;
  /** Pings may pass a message that is not complete. */
  isPassed = false;
  readonly #opened: OpenedSocket;
  readonly #owed: Owed[] = [];

  constructor(opened: OpenedSocket) {
    this.#opened = opened;
    this.connection = opened.connection;
    this.socket = opened.socket;
  }

  owe(text: string, isUnsure = false): Owed {
    const owed = { text, isMissed: false, isUnsure };
    this.#owed.push(owed);
    return owed;
  }

  /** What came is what was taken and not missed, in its order, and the close frame. */
  judge(): void {
    const compared = (text: string): boolean => !this.isPassed || !text.startsWith("ping");
    const got = read(this.#opened).filter(compared);
    const owed = this.#owed.filter(({ text, isMissed, isUnsure }) => compared(text) && !isMissed && (!isUnsure || got.includes(text)));
    expect(got).toEqual([...owed.map(({ text }) => text), "close"]);
  }
}

/** To be marked by `missed`, once. */
function miss(owed: Owed | undefined): void {
  expect(owed?.isMissed).toBe(false);
  if (owed !== undefined) owed.isMissed = true;
}

/** A hub and its members, and what all of them have to get. */
class World {
  readonly hub: Hub;
  readonly members: readonly Member[];
  /** With a small queue, messages can be missed. */
  readonly isRoomy: boolean;
  #number = 0;

  constructor(hub: Hub, members: readonly Member[], isRoomy: boolean) {
    this.hub = hub;
    this.members = members;
    this.isRoomy = isRoomy;
  }

  static async open(options: UpgraderOptions & { readonly maxQueueBytes: number }): Promise<World> {
    const { hub, clients } = await connect({ ...options, clock: new FakeClock(), pingIntervalMs: 0, writeTimeoutMs: 600_000 });
    return new World(
      hub,
      clients.map((client) => new Member(client)),
      options.maxQueueBytes > 100_000,
    );
  }

  /** Unlike all texts before. */
  text(bytes: number): string {
    return `${this.#number++} `.padEnd(bytes, "abc ");
  }

  async end(): Promise<void> {
    for (const { socket, writer } of this.members) {
      socket.isTaking = true;
      socket.release();
      writer?.end();
    }
    for (const action of [() => {}, (connection: Connection) => connection.close()]) {
      for (const { connection } of this.members) action(connection);
      for (let turn = 0; turn < 4; turn++) await setImmediate();
      await settled(this.members);
    }
    for (const member of this.members) member.judge();
    for (const { socket } of this.members) socket.destroy();
  }
}

/** A step with one member. */
function withMember<Rest extends object>(
  name: string,
  rest: fc.Arbitrary<Rest>,
  apply: (member: Member, rest: Rest, world: World) => unknown,
  mayApply: (member: Member) => boolean = () => true,
): fc.Arbitrary<Step<World>> {
  const memberOf = (world: World, index: number): Member => world.members[index] ?? expect.fail("no such member");
  return fc.tuple(who, rest).map(
    ([index, given]) =>
      new Step(`${name} ${index} ${JSON.stringify(given)}`, {
        mayRun: (world) => mayApply(memberOf(world, index)),
        run: (world) => apply(memberOf(world, index), given, world),
      }),
  );
}

const nothing = fc.constant({});
const rooms = fc.constantFrom("r", "s");

const broadcast = fc
  .record({ bytes: length, except: fc.option(who, { nil: undefined, freq: 4 }), room: fc.constantFrom(undefined, undefined, "r", "s") })
  .map(({ bytes, except, room }) => {
    const run = (world: World): void => {
      const text = world.text(bytes);
      const left = except === undefined ? undefined : world.members[except];
      const audience = world.members.filter((member) => member !== left && (room === undefined || member.rooms.has(room)));
      const owed = new Map(audience.map((member) => [member.connection, member.owe(text)]));
      const taken = (room === undefined ? world.hub : world.hub.room(room)).broadcast(text, {
        except: left?.connection,
        missed: (connection) => miss(owed.get(connection)),
      });
      expect(taken).toBe([...owed.values()].filter(({ isMissed }) => !isMissed).length);
      if (world.isRoomy) expect(taken).toBe(audience.filter(({ connection }) => connection.isOpen).length);
    };
    return new Step(`broadcast ${bytes} to ${room}, not to ${except}`, { run });
  });

const reply = withMember(
  "send",
  fc.record({ bytes: length, as: fc.constantFrom("text", "bytes", "message", "prepared", "blob"), asks: fc.boolean() }),
  (member, { bytes, as, asks }, world) => {
    const wasOpen = member.connection.isOpen;
    const owed = member.owe(world.text(bytes));
    if (as === "blob") member.isPassed = true;
    // Who is in no danger need not ask, and goes another way then.
    const isTaken = send(member.connection, as, owed.text, asks || !world.isRoomy ? { missed: () => miss(owed) } : undefined);
    if (!isTaken && !owed.isMissed) miss(owed);
    expect(owed.isMissed).toBe(!isTaken);
    if (world.isRoomy) expect(isTaken).toBe(wasOpen);
  },
);

const writing = withMember(
  "write to",
  fc.record({ bytes: length }),
  (member, { bytes }, world) => {
    member.isPassed = true;
    member.writer = member.connection.createWriter("text");
    const { text } = member.owe(world.text(bytes), !world.isRoomy);
    member.writer.write(text.slice(0, 3));
    member.writer.write(text.slice(3));
  },
  ({ connection, isPassed }) => connection.isOpen && !isPassed,
);

const steps = fc.oneof(
  { weight: 8, arbitrary: broadcast },
  { weight: 6, arbitrary: reply },
  { weight: 1, arbitrary: writing },
  { weight: 1, arbitrary: withMember("end writing to", nothing, ({ writer }) => writer?.end()) },
  {
    weight: 1,
    arbitrary: withMember("join", fc.record({ room: rooms }), (member, { room }, { hub }) =>
      hub.room(room).add(member.connection) ? member.rooms.add(room) : undefined,
    ),
  },
  {
    weight: 1,
    arbitrary: withMember("leave", fc.record({ room: rooms }), (member, { room }, { hub }) => {
      hub.room(room).delete(member.connection);
      member.rooms.delete(room);
    }),
  },
  {
    weight: 2,
    arbitrary: withMember("ping", nothing, (member, _rest, world) => {
      const data = world.text(4).trim();
      if (member.connection.isOpen) member.owe(`ping ${data}`, !world.isRoomy);
      member.connection.ping(data);
    }),
  },
  { weight: 3, arbitrary: fc.constant(new Step<World>("turn", { run: () => setImmediate() })) },
  { weight: 1, arbitrary: withMember("stall", nothing, ({ socket }) => (socket.isTaking = false)) },
  {
    weight: 1,
    arbitrary: withMember("flow", nothing, ({ socket }) => {
      socket.isTaking = true;
      socket.release();
    }),
  },
  {
    weight: 1,
    arbitrary: withMember("close", fc.record({ rarely: fc.integer({ min: 0, max: 3 }) }), ({ connection }, { rarely }) =>
      rarely === 0 ? connection.close() : undefined,
    ),
  },
);

const setups = fc.record({
  slowConsumer: fc.constantFrom("close", "drop-newest", "drop-oldest", "keep-latest", "pause"),
  maxQueueBytes: fc.constantFrom(1_000_000, 4000, 1000),
  compression: fc.constantFrom<NonNullable<UpgraderOptions["compression"]>[]>(false, { thresholdBytes: 16 }, { thresholdBytes: 16, sharedHistory: true }),
});

describe("what a connection is given", () => {
  it("leaves in that order, whatever it is and whoever else gets it, save what somebody is told to be missed (property)", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(setups, fc.array(who, { maxLength: 6 }), fc.array(steps, { maxLength: 40 }), async (setup, stalled, all) => {
        const world = await World.open(setup);
        for (const index of stalled) if (world.members[index] !== undefined) world.members[index].socket.isTaking = false;
        await play(world, all);
        await world.end();
      }),
      { ...runs(200), timeout: 10_000 },
    );
  });

  it("reaches a client that was blocked in its order, and the others meanwhile", async () => {
    const { hub, clients } = await connect();
    const messages = ["one", "two", "three", "four ".repeat(300), "five", "six"];
    const [slow] = clients;
    for (const message of messages) {
      if (slow !== undefined) slow.socket.isTaking = !message.startsWith("four") && message !== "five";
      expect(hub.broadcast(message)).toBe(clients.length);
      for (let turn = 0; turn < 3; turn++) await setImmediate();
      const late = message.startsWith("four") || message === "five" || message === "six";
      for (const { connection } of clients) expect(connection.bufferedBytes > 0).toBe(connection === slow?.connection && late);
    }
    await settled(clients);
    for (const client of clients) {
      expect(read(client)).toEqual(messages);
      client.socket.destroy();
    }
  });

  it.each(["sends to everybody", "sends to each"])("is not lost and does not come twice when a hook %s in the middle of it", async (what) => {
    const hub = createHub();
    const upgrader = new Upgrader({ maxQueueBytes: 3000 });
    const clients: OpenedSocket[] = [];
    const error = (): void => {
      if (what === "sends to everybody") hub.broadcast("a client is slow");
      else for (const { connection } of clients) connection.send("a client is slow");
    };
    for (let i = 0; i < 12; i++) {
      const client = await openSocket(upgrader, undefined, { error });
      hub.add(client.connection);
      clients.push(client);
    }
    const slow = clients[4];
    const others = clients.filter((client) => client !== slow);
    const messages = Array.from({ length: 20 }, (_, number) => `${number} `.padEnd(400, "x"));
    for (const [number, message] of messages.entries()) {
      if (slow !== undefined) slow.socket.isTaking = number < 3;
      // Some are in a cohort when the slow one is found out, and some in none.
      for (const { connection } of clients.slice(0, 8)) connection.ping();
      hub.broadcast(message);
      await settled(others);
    }
    expect(slow?.connection.isOpen).toBe(false);
    for (const client of clients) {
      if (client !== slow) expect(read(client).filter((item) => item.endsWith("x"))).toEqual(messages);
      client.socket.destroy();
    }
  });

  it.each(["in one turn", "each in a turn of its own"])("is judged for each client by itself when its queue is full, %s", async (when) => {
    const { hub, clients } = await connect({ maxQueueBytes: 4000, slowConsumer: "drop-newest", compression: false });
    const [slow] = clients;
    const text = "x".repeat(900);
    for (let i = 0; i < 3; i++) {
      hub.broadcast("forms cohorts");
      await settled(clients);
    }
    if (slow !== undefined) slow.socket.isTaking = false;
    const taken: number[] = [];
    for (let i = 0; i < 8; i++) {
      taken.push(hub.broadcast(`${i} ${text}`));
      const turns = when === "in one turn" ? 0 : 3;
      for (let turn = 0; turn < turns; turn++) await setImmediate();
    }
    // The slow one has room for four, here or in its socket; the others are written to as soon as their queues are full.
    expect(taken).toEqual(taken.map((_, i) => clients.length - (i < 4 ? 0 : 1)));
    if (slow !== undefined) slow.socket.isTaking = true;
    await settled(clients);
    for (const client of clients) {
      const got = read(client)
        .slice(3)
        .map((message) => message.slice(0, 1));
      expect(got.join("")).toBe(client === slow ? "0123" : "01234567");
      client.socket.destroy();
    }
  });

  it("is one write for each client, and one block of bytes for those that get the same", async () => {
    const { hub, clients } = await connect();
    const given = clients.map(({ socket }) => {
      const blocks: unknown[] = [];
      const writeOn = socket.write.bind(socket) as (block: unknown) => boolean;
      socket.write = (block: unknown) => {
        blocks.push(block);
        return writeOn(block);
      };
      return blocks;
    });
    for (let i = 0; i < 5; i++) hub.broadcast(`short ${i}`);
    await settled(clients);
    expect(given.map(({ length: writes }) => writes)).toEqual(OFFERS.map(() => 1));
    // Too short to be compressed, so that all get the same.
    for (const [block] of given) expect(block).toBe(given[0]?.[0]);
    for (const { socket } of clients) socket.destroy();
  });
});
