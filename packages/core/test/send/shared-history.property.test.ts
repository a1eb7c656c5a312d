// oxlint-disable vitest/no-standalone-expect -- judged inside the property
import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { createHub, PreparedMessage, Upgrader, type Hub, type SlowConsumerPolicy } from "@upwire/core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runs } from "../helpers/property.ts";
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
const step = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.record({
      kind: fc.constant("broadcast" as const),
      hub,
      room,
      content,
      except: fc.option(who, { nil: undefined, freq: 4 }),
      isFiltered: fc.constantFrom(false, false, false, false, false, true),
      times: fc.constantFrom(1, 1, 1, 2, 3),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("enter" as const, "enter" as const, "exit" as const), who, hub, room }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("send" as const), who, content, as: fc.constantFrom("text", "bytes", "message", "prepared", "blob", "writer") }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("ping" as const, "close" as const), who }) },
  { weight: 5, arbitrary: fc.constant({ kind: "turn" as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("stall" as const, "flow" as const), who }) },
);
const policy = fc.oneof(
  { weight: 3, arbitrary: fc.constant(["close", 1 << 20] as const) },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom("close" as const, "drop-newest" as const, "drop-oldest" as const), fc.constantFrom(1500, 3000)) },
);

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

function nth<Item>(list: readonly Item[], at: number): Item {
  const item = list[at];
  if (item === undefined) throw new Error(`there is no ${at}`);
  return item;
}

/** What happens to the clients, and beside it what each should get. */
class Play {
  readonly #hubs: readonly Hub[];
  readonly #clients: readonly Client[];
  readonly writers: Promise<unknown>[] = [];
  /** How many messages were taken, as far as the calls told. */
  taken = 0;

  constructor(clients: readonly Client[], hubs: readonly Hub[]) {
    this.#clients = clients;
    this.#hubs = hubs;
    // The others come later.
    for (const client of clients.slice(0, 12)) this.#enter(client, 0, "");
  }

  #enter({ connection, places }: Client, at: number, where: string): void {
    const hubOf = nth(this.#hubs, at);
    hubOf.add(connection);
    if (where !== "") hubOf.room(where).add(connection);
    if (connection.state !== "closed") places.add(`${at}/`).add(`${at}/${where}`);
  }

  #exit({ connection, places }: Client, at: number, where: string): void {
    const hubOf = nth(this.#hubs, at);
    if (where === "") hubOf.delete(connection);
    else hubOf.room(where).delete(connection);
    for (const place of places) if (place === `${at}/${where}` || (where === "" && place.startsWith(`${at}/`))) places.delete(place);
  }

  async take(what: Step, number: number): Promise<void> {
    const text = "content" in what ? textOf(number, what.content.length, what.content.isRandom) : "";
    const client = "who" in what ? nth(this.#clients, what.who) : undefined;
    if (what.kind === "broadcast") this.#broadcast(what, text);
    else if (what.kind === "turn") await setImmediate();
    else if (client === undefined) throw new Error("a step for nobody");
    else if (what.kind === "enter") this.#enter(client, what.hub, what.room);
    else if (what.kind === "exit") this.#exit(client, what.hub, what.room);
    else if (what.kind === "send") this.#send(client, what.as, text);
    else if (what.kind === "stall") client.socket.isTaking = false;
    else if (what.kind === "flow") {
      client.socket.isTaking = true;
      client.socket.release();
    } else if (what.kind === "ping") {
      client.connection.ping(`${number}`);
      if (client.connection.isOpen) client.owed.push(`ping ${number}`);
    } else if (!client.isMixed) {
      client.connection.close();
    }
  }

  #broadcast(what: Step & { readonly kind: "broadcast" }, text: string): void {
    const message = new PreparedMessage(text);
    const left = what.except === undefined ? undefined : nth(this.#clients, what.except);
    const filter = what.isFiltered ? () => true : undefined;
    for (let time = 0; time < what.times; time++) {
      const audience = this.#clients.filter((one) => one !== left && one.places.has(`${what.hub}/${what.room}`) && one.connection.isOpen);
      const hubOf = nth(this.#hubs, what.hub);
      this.taken += (what.room === "" ? hubOf : hubOf.room(what.room)).broadcast(message, { except: left?.connection, filter });
      for (const one of audience) one.owed.push(text);
    }
  }

  #send(client: Client, as: string, text: string): void {
    if (as !== "writer") {
      if (as === "blob") client.isMixed = true;
      const isTaken = send(client.connection, as, text);
      if (isTaken) this.taken++;
      if (isTaken) client.owed.push(text);
    } else if (!client.isMixed && client.connection.isOpen) {
      client.isMixed = true;
      this.taken++;
      client.owed.push(text);
      const writer = client.connection.createWriter("text");
      this.writers.push(once(writer, "close"));
      writer.write(text.slice(0, 3));
      writer.end(text.slice(3));
    }
  }
}

const SLOW = "somebody is slow, and all others are told of it";

/** Whether `got` is `owed` with some left out. */
function isPartOf(got: readonly string[], owed: readonly string[]): boolean {
  let at = 0;
  for (const item of owed) if (item === got[at]) at++;
  return at === got.length;
}

describe("clients that share a history", () => {
  it("read every message, through a window of their own, whatever else they get (property)", async () => {
    await fc.assert(
      fc.asyncProperty(policy, fc.array(step, { minLength: 10, maxLength: 120 }), async ([slowConsumer, maxQueueBytes], steps) => {
        const hubs = [createHub(), createHub()];
        const clients = await connect(slowConsumer, maxQueueBytes, () => void nth(hubs, 0).broadcast(SLOW));
        const play = new Play(clients, hubs);
        for (const [number, what] of steps.entries()) await play.take(what, number);
        for (const { socket } of clients) {
          socket.isTaking = true;
          socket.release();
        }
        await Promise.all(play.writers);
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
        if (slowConsumer !== "drop-oldest" && (slowConsumer === "drop-newest" || maxQueueBytes === 1 << 20)) expect(messages).toBe(play.taken);
      }),
      { ...runs(200), timeout: 8000 },
    );
  });
});
