import { AsyncLocalStorage } from "node:async_hooks";
import type { Server } from "node:http";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Connection, ConnectionHandler } from "@upwire/core";
import { expect } from "vitest";
import { Channel } from "../channel.ts";
import type { OwnServer, Suite } from "./suite.ts";

/** What a tracer or a logger keeps for each request. */
interface Store {
  readonly target: string;
}

const stores = new AsyncLocalStorage<Store>();
/** More than sockets and kernels take at once. */
const FLOOD = Buffer.alloc(16 * 1024 * 1024);

/** Runs every request in a store of its own, from the first event on, as instrumentation does. */
function trace(server: Server, made?: (store: Store) => void): void {
  const emit = server.emit.bind(server) as (event: string, ...args: unknown[]) => boolean;
  server.emit = (event: string, ...args: unknown[]): boolean => {
    if (event !== "request" && event !== "upgrade") return emit(event, ...args);
    // A request that comes out of an `upgrade` event has its store.
    if (stores.getStore() !== undefined) return emit(event, ...args);
    const store = { target: (args[0] as { readonly url: string }).url };
    made?.(store);
    return stores.run(store, () => emit(event, ...args));
  };
}

/** Collects garbage until `ref` is gone or it is clear that it stays. */
async function letGo(ref: WeakRef<object> | undefined): Promise<boolean> {
  setFlagsFromString("--expose_gc");
  const collect = runInNewContext("gc") as () => void;
  for (let turn = 0; turn < 50 && ref?.deref() !== undefined; turn++) {
    await setImmediate();
    collect();
  }
  return ref?.deref() === undefined;
}

type Told = readonly [hook: string, connection: unknown, store: string | undefined];

/** Notes the context of every hook. `open` sends a message to everybody who is open already. */
function noting(told: Channel<Told>, opened: Connection[], onOpen: (connection: Connection) => unknown = () => {}): ConnectionHandler {
  const note =
    (hook: string) =>
    (connection: Connection): void =>
      told.push([hook, connection.request.url, stores.getStore()?.target]);
  return {
    async open(connection) {
      opened.push(connection);
      note("open")(connection);
      connection.onClose(() => note("onClose")(connection));
      await setImmediate();
      note("open, later")(connection);
      onOpen(connection);
    },
    message: note("message"),
    ping: note("ping"),
    pong: note("pong"),
    drain: note("drain"),
    error: note("error"),
    close: note("close"),
  };
}

async function expectTold(told: Channel<Told>, wanted: readonly Told[]): Promise<void> {
  const got: Told[] = [];
  for (const _ of wanted) got.push(await told.next());
  expect(got).toEqual(wanted);
}

/** Async contexts: `open` in that of its request, everything later in none. */
export function contexts(suite: Suite): void {
  const start = async (handler: ConnectionHandler, limits: object = {}, made?: (store: Store) => void): Promise<OwnServer> => {
    const server = await suite.serve("/context", handler, limits);
    trace(server.server, made);
    return server;
  };
  const opening = (url: string): Told[] => [
    ["open", url, url],
    ["open, later", url, url],
  ];

  suite.it("runs open in the context of its request, and every hook of a message in none", async () => {
    const told = new Channel<Told>();
    const opened: Connection[] = [];
    const server = await start(noting(told, opened));
    const url = "/context?alice";
    // What comes together with the handshake waits for `open`.
    const client = await server.connect(url);
    client.sendText("early");
    await expectTold(told, [...opening(url), ["message", url, undefined]]);
    client.sendText("late");
    client.ping("p");
    await expectTold(told, [
      ["message", url, undefined],
      ["ping", url, undefined],
    ]);
    client.sendFrame({ opcode: 10 });
    await expectTold(told, [["pong", url, undefined]]);
    stores.run({ target: "elsewhere" }, () => opened[0]?.terminate());
    await expectTold(told, [
      ["onClose", url, undefined],
      ["close", url, undefined],
    ]);
  });

  suite.it("runs error and close of a deadline in none, whoever made the timer", async () => {
    const told = new Channel<Told>();
    const server = await start(noting(told, []), { idleTimeoutMs: 100 });
    const [alice, bob] = ["/context?alice", "/context?bob"];
    await server.connect(alice);
    await expectTold(told, opening(alice));
    await server.connect(bob);
    await expectTold(told, opening(bob));
    const rest = [await told.next(), await told.next(), await told.next(), await told.next(), await told.next(), await told.next()];
    expect(rest.map(([, , store]) => store)).toEqual(rest.map(() => undefined));
    expect(rest.map(([hook, url]) => `${hook} ${String(url)}`).toSorted()).toEqual(
      ["close", "error", "onClose"].flatMap((hook) => [`${hook} ${alice}`, `${hook} ${bob}`]),
    );
  });

  suite.it("runs drain in none, and error too, whoever sent what was too much", async () => {
    const told = new Channel<Told>();
    const opened: Connection[] = [];
    const flood = (): void => {
      if (opened.length === 2) opened[0]?.send(FLOOD);
    };
    const server = await start(noting(told, opened, flood), { maxQueueBytes: FLOOD.byteLength / 2 });
    const slow = await server.connect("/context?slow");
    slow.pause();
    await expectTold(told, opening("/context?slow"));
    await server.connect("/context?other");
    await expectTold(told, opening("/context?other"));
    while (opened[0]?.bufferedBytes === 0) await setImmediate();
    slow.resume();
    await expectTold(told, [["drain", "/context?slow", undefined]]);
    slow.pause();
    stores.run({ target: "elsewhere" }, () => {
      opened[0]?.send(FLOOD);
      opened[0]?.send(FLOOD);
    });
    await expectTold(told, [["error", "/context?slow", undefined]]);
    slow.reset();
  });

  suite.it("keeps nothing of a request while its connection is open", async () => {
    const told = new Channel<Told>();
    const opened: Connection[] = [];
    const made: WeakRef<Store>[] = [];
    const server = await start(noting(told, opened), { rateLimit: { messagesPerSecond: 1, messageBurst: 1 } }, (store) => void made.push(new WeakRef(store)));
    for (const url of ["/context?first", "/context?second"]) {
      const client = await server.connect(url);
      client.sendText("one");
      // This one is over the rate, so a timer runs.
      client.sendText("two");
      await expectTold(told, [...opening(url), ["message", url, undefined], ["message", url, undefined]]);
    }
    expect(await Promise.all(made.map(letGo))).toEqual([true, true]);
    expect(opened.map(({ state }) => state)).toEqual(["open", "open"]);
  });
}
