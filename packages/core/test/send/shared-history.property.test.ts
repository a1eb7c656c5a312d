// oxlint-disable vitest/no-standalone-expect -- judged inside the property
import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { createHub, PreparedMessage, Upgrader, type Hub, type SlowConsumerPolicy } from "@upwire/core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runs } from "../helpers/property.ts";
import { play, Step } from "../helpers/steps.ts";
import { openSocket, read, send, settled, type OpenedSocket } from "../helpers/wire-clients.ts";

const TAKES_PART = "permessage-deflate; client_max_window_bits";
/** Most take part; then those of an Upgrader with another level, those with other windows or none, and those without compression. */
const OFFERS: readonly (readonly [upgrader: "first" | "second", offer: string | undefined])[] = [
  ["first", "permessage-deflate; server_max_window_bits=9"],
  ["first", "permessage-deflate; server_max_window_bits=10"],
  ...Array.from({ length: 8 }, () => ["first", TAKES_PART] as const),
  ["second", TAKES_PART],
  ["second", TAKES_PART],
  ["first", "permessage-deflate; server_no_context_takeover"],
  ["first", undefined],
  ["first", undefined],
];

interface Client extends OpenedSocket {
  /** Every message that it should get, in this order, and every ping. */
  readonly owed: string[];
  /** `hub/room`. */
  readonly places: Set<string>;
  isClosed: boolean;
  /** A writer or a Blob was used: pings may overtake, and whether it was taken is known later. */
  isMixed: boolean;
}

/** @param tell Called when a client is too slow: in the middle of a broadcast. */
async function connect(slowConsumer: SlowConsumerPolicy, maxQueueBytes: number, tell: () => void): Promise<Client[]> {
  const options = { slowConsumer, maxQueueBytes };
  const upgraders = {
    first: new Upgrader({ ...options, compression: { sharedHistory: true, thresholdBytes: 16, maxDeflateBytes: 8000 } }),
    second: new Upgrader({ ...options, compression: { sharedHistory: true, level: 1 } }),
  };
  const clients: Client[] = [];
  for (const [upgrader, offer] of OFFERS) {
    const opened = await openSocket(upgraders[upgrader], offer, { error: tell });
    clients.push({ ...opened, owed: [], places: new Set(), isClosed: false, isMixed: false });
  }
  return clients;
}

/** Numbers that look random, the same for the same seed. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed + 1; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state >>> 8;
  }
}

const WORDS = Array.from({ length: 24 }, (_, word) => Array.from({ length: 5 }, (__, at) => ((word + 3) ** (at + 2) % 46_656).toString(36)).join(""));

/** Text of words that other messages have too, in an order of its own: a reference to the wrong place gives wrong text. */
function textOf(number: number, length: number, isRandom: boolean): string {
  let text = `${number} `;
  for (const value of numbers(number)) {
    if (text.length >= length) return text.slice(0, Math.max(length, `${number} `.length));
    text += isRandom ? value.toString(36) : `${WORDS[value % WORDS.length]},`;
  }
  return text;
}

const who = fc.nat(OFFERS.length - 1);
const hub = fc.constantFrom(0, 0, 0, 1);
const room = fc.constantFrom("", "", "r", "s");
const content = fc.record({
  length: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 4, max: 300 }) },
    { weight: 1, arbitrary: fc.constantFrom(14, 15, 16, 17, 125, 126, 1000, 4096, 5000, 9000) },
  ),
  isRandom: fc.constantFrom(false, false, false, false, true),
});
const policy = fc.oneof(
  { weight: 3, arbitrary: fc.constant(["close", 1 << 20] as const) },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom("close" as const, "drop-newest" as const, "drop-oldest" as const), fc.constantFrom(1500, 3000)) },
);

function nth<Item>(list: readonly Item[], at: number): Item {
  const item = list[at];
  if (item === undefined) throw new Error(`there is no ${at}`);
  return item;
}

/** A place: hub, and room in it or "". */
interface Place {
  readonly hub: number;
  readonly room: string;
}

interface Content {
  readonly length: number;
  readonly isRandom: boolean;
}

/** The clients, and what each should get. */
class World {
  readonly #hubs: readonly Hub[];
  readonly #clients: readonly Client[];
  readonly writers: Promise<unknown>[] = [];
  /** How many messages were taken, as far as the calls told. */
  taken = 0;
  #number = 0;

  constructor(clients: readonly Client[], hubs: readonly Hub[]) {
    this.#clients = clients;
    this.#hubs = hubs;
    // The others come later.
    for (const client of clients.slice(0, 12)) this.enter(client, { hub: 0, room: "" });
  }

  client(at: number): Client {
    return nth(this.#clients, at);
  }

  enter({ connection, places }: Client, { hub: at, room: where }: Place): void {
    const hubOf = nth(this.#hubs, at);
    hubOf.add(connection);
    if (where !== "") hubOf.room(where).add(connection);
    if (connection.state !== "closed") places.add(`${at}/`).add(`${at}/${where}`);
  }

  exit({ connection, places }: Client, { hub: at, room: where }: Place): void {
    const hubOf = nth(this.#hubs, at);
    if (where === "") hubOf.delete(connection);
    else hubOf.room(where).delete(connection);
    for (const place of places) if (place === `${at}/${where}` || (where === "" && place.startsWith(`${at}/`))) places.delete(place);
  }

  /** Unlike all texts before. */
  text({ length, isRandom }: Content): string {
    return textOf(this.#number++, length, isRandom);
  }

  ping({ connection, owed }: Client): void {
    const data = `${this.#number++}`;
    connection.ping(data);
    if (connection.isOpen) owed.push(`ping ${data}`);
  }

  broadcast(what: Place & { readonly content: Content; readonly except: number | undefined; readonly isFiltered: boolean; readonly times: number }): void {
    const text = this.text(what.content);
    const message = new PreparedMessage(text);
    const left = what.except === undefined ? undefined : this.client(what.except);
    const filter = what.isFiltered ? () => true : undefined;
    for (let time = 0; time < what.times; time++) {
      const audience = this.#clients.filter((one) => one !== left && one.places.has(`${what.hub}/${what.room}`) && one.connection.isOpen);
      const hubOf = nth(this.#hubs, what.hub);
      this.taken += (what.room === "" ? hubOf : hubOf.room(what.room)).broadcast(message, { except: left?.connection, filter });
      for (const one of audience) one.owed.push(text);
    }
  }

  send(client: Client, as: string, text: string): void {
    if (as === "blob") client.isMixed = true;
    if (!send(client.connection, as, text)) return;
    this.taken++;
    client.owed.push(text);
  }

  write(client: Client, text: string): void {
    client.isMixed = true;
    this.taken++;
    client.owed.push(text);
    const writer = client.connection.createWriter("text");
    this.writers.push(once(writer, "close"));
    writer.write(text.slice(0, 3));
    writer.end(text.slice(3));
  }
}

/** A step with one client. */
function withClient<Rest extends object>(
  name: string,
  rest: fc.Arbitrary<Rest>,
  run: (client: Client, rest: Rest, world: World) => unknown,
  mayRun: (client: Client) => boolean = () => true,
): fc.Arbitrary<Step<World>> {
  return fc.tuple(who, rest).map(
    ([at, given]) =>
      new Step(`${name} ${at} ${JSON.stringify(given)}`, {
        mayRun: (world) => mayRun(world.client(at)),
        run: (world) => run(world.client(at), given, world),
      }),
  );
}

const nothing = fc.constant({});
const place = fc.record({ hub, room });
const broadcast = fc
  .record({
    hub,
    room,
    content,
    except: fc.option(who, { nil: undefined, freq: 4 }),
    isFiltered: fc.constantFrom(false, false, false, false, false, true),
    times: fc.constantFrom(1, 1, 1, 2, 3),
  })
  .map((what) => new Step<World>(`broadcast ${JSON.stringify(what)}`, { run: (world) => world.broadcast(what) }));
const message = fc.record({ content, as: fc.constantFrom("text", "bytes", "message", "prepared", "blob") });

const step = fc.oneof(
  { weight: 28, arbitrary: broadcast },
  { weight: 4, arbitrary: withClient("enter", place, (client, where, world) => world.enter(client, where)) },
  { weight: 2, arbitrary: withClient("exit", place, (client, where, world) => world.exit(client, where)) },
  { weight: 7, arbitrary: withClient("send", message, (client, what, world) => world.send(client, what.as, world.text(what.content))) },
  {
    weight: 1,
    arbitrary: withClient(
      "write",
      fc.record({ content }),
      (client, what, world) => world.write(client, world.text(what.content)),
      ({ isMixed, connection }) => !isMixed && connection.isOpen,
    ),
  },
  { weight: 1, arbitrary: withClient("ping", nothing, (client, _rest, world) => world.ping(client)) },
  {
    weight: 1,
    arbitrary: withClient(
      "close",
      nothing,
      ({ connection }) => connection.close(),
      ({ isMixed }) => !isMixed,
    ),
  },
  { weight: 10, arbitrary: fc.constant(new Step<World>("turn", { run: () => setImmediate() })) },
  { weight: 3, arbitrary: withClient("stall", nothing, ({ socket }) => (socket.isTaking = false)) },
  {
    weight: 3,
    arbitrary: withClient("flow", nothing, ({ socket }) => {
      socket.isTaking = true;
      socket.release();
    }),
  },
);

const SLOW = "somebody is slow, and all others are told of it";

/** Whether `got` is `owed` with some left out. */
function isPartOf(got: readonly string[], owed: readonly string[]): boolean {
  let at = 0;
  for (const item of owed) if (item === got[at]) at++;
  return at === got.length;
}

describe("clients that share a history", () => {
  it("read every message, through a window of their own, whatever else they get (property)", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(policy, fc.array(step, { minLength: 10, maxLength: 120 }), async ([slowConsumer, maxQueueBytes], steps) => {
        const hubs = [createHub(), createHub()];
        const clients = await connect(slowConsumer, maxQueueBytes, () => void nth(hubs, 0).broadcast(SLOW));
        const world = new World(clients, hubs);
        await play(world, steps);
        for (const { socket } of clients) {
          socket.isTaking = true;
          socket.release();
        }
        await Promise.all(world.writers);
        await settled(clients);
        for (const { connection } of clients) connection.close();
        await settled(clients);
        await setImmediate();
        let messages = 0;
        for (const client of clients) {
          const got = read(client).filter((item) => item !== SLOW);
          expect(got.pop()).toBe("close");
          const withoutPings = (items: readonly string[]): string[] => items.filter((item) => !item.startsWith("ping"));
          // Pings overtake what may still be dropped, too.
          const isOrdered = !client.isMixed && slowConsumer !== "drop-oldest";
          const compared = isOrdered ? got : withoutPings(got);
          const owed = isOrdered ? client.owed : withoutPings(client.owed);
          if (maxQueueBytes < 1 << 20) expect(isPartOf(compared, owed)).toBe(true);
          else expect(compared).toEqual(owed);
          messages += withoutPings(got).length;
          client.socket.destroy();
        }
        if (slowConsumer !== "drop-oldest" && (slowConsumer === "drop-newest" || maxQueueBytes === 1 << 20)) expect(messages).toBe(world.taken);
      }),
      { ...runs(200), timeout: 8000 },
    );
  });
});
