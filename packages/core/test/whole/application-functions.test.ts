import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { attach, createAudience, createHub, logEvents, onEvent, Upgrader, type Audience, type Clock, type Connection } from "@upwire/core";
import { handOverTo, observeHub, type ErrorSource } from "@upwire/core/adapter";
import { WireClient, type FunctionFault } from "@upwire/testing";
import { expect, onTestFinished } from "vitest";
import { HandlerRun } from "../../src/connection/connection-handler.ts";
import type { Inbound } from "../../src/connection/inbound.ts";
import { playFunctionTable, type FunctionRow } from "../helpers/function-table.ts";
import { closing, nextMessage, serve, type Served } from "../helpers/served.ts";

type Fault = () => unknown;
interface Told {
  readonly error: unknown;
  readonly source: ErrorSource;
}

const failing = (fault: FunctionFault): boolean => fault !== "never settles" && fault !== "returns junk";
const isAsync = (fault: FunctionFault): boolean => fault !== "throws" && fault !== "returns junk";

/** What `onError` and the channel were told in this test. */
function listen(): Told[] {
  const told: Told[] = [];
  const listener = (event: unknown): void => {
    const { error, ...source } = event as ErrorSource & { readonly error: unknown };
    told.push({ error, source });
  };
  subscribe("upwire:error", listener);
  onTestFinished(() => void unsubscribe("upwire:error", listener));
  return told;
}

const quiet = { onError: (): void => {} };

/** A connection of a server of this test, with a client that is open. */
async function connected(): Promise<{ readonly served: Served; readonly connection: Connection; readonly client: Awaited<ReturnType<Served["client"]>> }> {
  const served = await serve({ message: (one, message) => void one.send(message) }, quiet);
  const client = await served.client();
  return { served, client, connection: await served.nextConnection() };
}

async function expectEcho(served: Served): Promise<void> {
  const client = await served.client();
  const answer = nextMessage(client);
  client.send("alive?");
  expect((await answer).text).toBe("alive?");
  client.terminate();
}

function expectTold(told: readonly Told[], fault: FunctionFault, connection?: Connection): void {
  expect(told.map(({ error }) => (error as Error).message)).toEqual(failing(fault) ? ["a fault of the application"] : []);
  if (failing(fault) && connection !== undefined) expect(told[0]?.source.connection).toBe(connection);
}

/** What the types show and the tests here play; `suite` is in `suite/functions.ts`, on all seven. */
const rows: Readonly<Record<string, FunctionRow>> = {
  "ConnectionHandler.open": "suite",
  "ConnectionHandler.message": "suite",
  "ConnectionHandler.stream": "suite",
  "ConnectionHandler.close": "suite",
  "ConnectionHandler.error": "suite",
  "ConnectionHandler.leaving": "suite",
  "ConnectionHandler.options": "not: its members are rows",
  "ConnectionHandler.ping": "suite",
  "ConnectionHandler.pong": "suite",
  "UpgraderOptions.authorize": "suite",
  "UpgraderOptions.origin": "suite",
  "UpgraderOptions.headers": "suite",
  "UpgraderOptions.subprotocols": "suite",
  "UpgraderOptions.onReject": "suite",
  "UpgraderOptions.onError": "suite",
  "UpgraderOptions.clock": "not: its members are rows",
  "AttachOptions.clock": "not: its members are rows",
  "HubOptions.clock": "not: its members are rows",
  "AudienceOptions.clock": "not: its members are rows",
  ...Object.fromEntries(["get", "set", "delete"].map((name) => [`Slot.${name}`, "not: core makes slots"])),
  "Deflate.compress": "not: core gives it to itself",
  ...Object.fromEntries(
    ["close", "on", "pause", "ping", "resume", "send", "terminate"].map((name) => [`WebSocketLike.${name}`, "not: of ws, through a plugin"]),
  ),
  "WebSocketServerLike.on": "not: of ws, through a plugin",
  ...Object.fromEntries(
    ["output", "pause", "resume", "start", "terminate"].map((name) => [`Transport.${name}`, "not: of a transport, which throws nothing: describeTransport"]),
  ),
  ...Object.fromEntries(
    ["cork", "end", "uncork", "write"].map((name) => [`FrameOutput.${name}`, "not: of a transport, which throws nothing: describeTransport"]),
  ),
  ...Object.fromEntries(
    [
      "AnyContract.events",
      "Contract.events",
      "Contract.topics",
      "StandardSchema.~standard",
      "StandardSchemaProps.validate",
      "TopicContract.events",
      "TopicContract.state",
    ].map((name) => [name, "not: of a schema, which the realtime calls: its own table"]),
  ),
  ...Object.fromEntries(["Kind.fits", "guard(run)", "watch(settled)"].map((name) => [name, "not: of a layer"])),
  ...Object.fromEntries(["Dispatched.claim", "HandshakeTicket.holder"].map((name) => [name, "not: core makes tickets"])),
  ...Object.fromEntries(["meet", "track"].map((name) => [`TicketHolder.${name}`, "not: an Attachment"])),
  ...Object.fromEntries(
    ["alive", "binary", "broken", "closeFrame", "closed", "ended", "ping", "pong", "text", "writable"].map((name) => [
      `TransportEvents.${name}`,
      "not: core gives them to a transport",
    ]),
  ),
  ...Object.fromEntries(["end", "handOver"].map((name) => [`PluginServer.${name}`, "not: core makes it"])),
  "UpgraderOptions.readers": "not: its members are rows",
  ...Object.fromEntries(["streaming", "whole"].map((name) => [`Readers.${name}`, "not: core makes readers"])),

  "ConnectionHandler.drain": async (fault, run) => {
    const told: Told[] = [];
    const ended: unknown[] = [];
    const inbound = { owner: {}, fail: (error: unknown) => void ended.push(error) } as unknown as Inbound<Connection>;
    new HandlerRun({ drain: run }, (error, source) => void told.push({ error, source })).drain(inbound);
    await turn();
    expectTold(told, fault, inbound.owner);
    expect(ended).toHaveLength(failing(fault) ? 1 : 0);
  },
  "SendOptions.missed": async (fault, run) => {
    const told = listen();
    const { served, connection, client } = await connected();
    // Refused now: told behind the call. One that fails does not keep the next from being called.
    client.terminate();
    await connection.closed;
    let next = 0;
    expect(connection.send("refused", { missed: run })).toBe(false);
    expect(connection.send("refused", { missed: () => next++ })).toBe(false);
    await turn();
    expectTold(told.splice(0), fault, connection);
    const third = await served.client();
    const leaving = await served.nextConnection();
    const hub = createHub();
    hub.add(leaving);
    leaving.close();
    expect(hub.broadcast("too late", { missed: run })).toBe(0);
    await turn();
    expectTold(told.splice(0), fault, leaving);
    third.terminate();
    // Thrown away later: behind a Blob, by the end of the connection.
    const other = await served.client();
    const second = await served.nextConnection();
    second.send(new BadBlob(() => new Promise(() => {})));
    expect(second.send("behind", { missed: run })).toBe(true);
    expect(second.send("behind", { missed: () => next++ })).toBe(true);
    other.terminate();
    await second.closed;
    for (let turns = 0; turns < 3; turns++) await turn();
    expectTold(told, fault, second);
    expect(next).toBe(2);
    expect(() => second.send("never", { missed: 5 as never })).toThrow(TypeError);
  },
  "Connection.offClose(listener)": async (_fault, run) => {
    const told = listen();
    const { client, connection } = await connected();
    connection.onClose(run);
    connection.offClose(run);
    client.close(1000);
    await connection.closed;
    await turn();
    // It is not called any more.
    expect(told).toEqual([]);
  },
  "Connection.onClose(listener)": async (fault, run) => {
    const told = listen();
    const { served, client, connection } = await connected();
    connection.onClose(run);
    const next = new Promise((resolve) => connection.onClose(resolve));
    client.close(1000);
    expect(await next).toMatchObject({ code: 1000 });
    expect(await connection.closed).toMatchObject({ code: 1000 });
    await turn();
    expect(served.attachment.count).toBe(0);
    connection.onClose(run);
    await turn();
    expect(told).toHaveLength(failing(fault) ? 2 : 0);
    expect(told.every(({ source }) => source.connection === connection)).toBe(true);
  },
  "onEvent(listener)": async (fault, run) => {
    const told = listen();
    const stop = onEvent("upwire:open", run);
    onTestFinished(stop);
    await expectEcho((await connected()).served);
    expect(told.map(({ error }) => (error as Error).message)).toEqual(failing(fault) ? Array(2).fill("a fault of the application") : []);
    // A listener for faults gets its own too: its fault is told no further.
    onTestFinished(onEvent("upwire:error", run));
    const before = told.length;
    const { connection } = await connected();
    connection.terminate();
    await connection.closed;
    await turn();
    expect(told.length - before).toBe(failing(fault) ? 1 : 0);
  },
  "BroadcastOptions.filter": async (fault, run) => {
    const { connection } = await connected();
    const hub = createHub();
    hub.add(connection);
    const send = (): number => hub.broadcast("private", { filter: run });
    if (fault === "returns junk") expect(send()).toBe(1);
    else expect(send).toThrow(isAsync(fault) ? TypeError : "a fault of the application");
  },
  "Audience.broadcast(data)": async (fault, run) => {
    const { connection, client } = await connected();
    const audience = createAudience();
    audience.add(connection);
    const sent = nextMessage(client);
    expect(() => audience.broadcast(run as () => string)).toThrow(fault === "throws" ? "a fault of the application" : TypeError);
    audience.broadcast("to all");
    expect((await sent).text).toBe("to all");
  },
  ...Object.fromEntries(
    (["onFirst", "onEmpty", "onAdd", "onDelete"] as const).map((name) => [
      `AudienceOptions.${name}`,
      async (fault: FunctionFault, run: Fault) => membershipRow(fault, createAudience({ [name]: run })),
    ]),
  ),
  ...Object.fromEntries(
    (["onFirst", "onEmpty", "onJoin", "onLeave"] as const).map((name) => [
      `HubOptions.${name}`,
      async (fault: FunctionFault, run: Fault) => membershipRow(fault, createHub({ [name]: run }).room("r")),
    ]),
  ),
  ...Object.fromEntries(
    (["onFirst", "onEmpty"] as const).map((name) => [
      `HubObserver.${name}`,
      async (fault: FunctionFault, run: Fault) => {
        const hub = createHub();
        observeHub(hub, { [name]: (part: string) => (part === "room" ? run() : undefined) });
        await membershipRow(fault, hub.room("r"));
      },
    ]),
  ),
  "LogOptions.write": async (_fault, run) => {
    const stop = logEvents({ write: run, connections: true });
    onTestFinished(stop);
    await expectEcho((await connected()).served);
  },
  "LogOptions.redact": async (fault, run) => {
    const lines: string[] = [];
    const stop = logEvents({ redact: run, write: (line) => void lines.push(line), connections: true });
    onTestFinished(stop);
    await connected();
    expect([fault, (JSON.parse(lines[0] ?? "") as { path: string }).path]).toEqual([fault, "***"]);
  },
  "AttachOptions.match": async (fault, run) => {
    const told = listen();
    const served = await serve(undefined, quiet, { match: run });
    served.server.on("upgrade", () => {});
    await served.client();
    await served.nextConnection();
    expect(told.map(({ source }) => source.request?.path)).toEqual(fault === "returns junk" ? [] : ["/"]);
  },
  "AttachOptions.handOver": async (fault, run) => {
    const told = listen();
    const served = await serve(undefined, quiet, { handOver: handOverTo(run), handshakeTimeoutMs: 50 });
    const client = await WireClient.open({ port: served.port, path: "/" });
    const status = await client.answered.then(
      (answer) => answer.status,
      () => 0,
    );
    expect([fault, status]).toEqual([fault, failing(fault) ? 0 : 408]);
    expectTold(told, fault);
    if (failing(fault)) expect(told[0]?.source.request?.path).toBe("/");
  },
  "FrameworkRequest.logError": async (_fault, run) => {
    const upgrader = new Upgrader({ authorize: () => Promise.reject(new Error("down")) });
    const server = createServer((req, res) => void upgrader.upgrade(req, res, {}, { native: req, logError: run }));
    attach(server);
    await once(server.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => void server.close());
    const client = await WireClient.connect({ port: (server.address() as AddressInfo).port, path: "/" });
    expect(client.status).toBe(500);
  },
  ...Object.fromEntries(
    (["now", "after", "every"] as const).map((method) => [`Clock.${method}`, async (_fault: FunctionFault, run: Fault) => clockRow({ [method]: run })]),
  ),
  "Timer.cancel": async (_fault, run) => clockRow({ every: () => ({ cancel: run }), after: () => ({ cancel: run }) }),
};

/** An audience with one hook that fails: its member comes, gets a message and goes all the same, and the hook is called once. */
async function membershipRow(fault: FunctionFault, audience: Audience): Promise<void> {
  const told = listen();
  const { served, connection, client } = await connected();
  const sent = nextMessage(client);
  expect([audience.add(connection), audience.broadcast("hello")]).toEqual([true, 1]);
  expect((await sent).text).toBe("hello");
  client.terminate();
  await connection.closed;
  await turn();
  expect(audience.size).toBe(0);
  expectTold(told, fault, connection);
  await expectEcho(served);
}

async function clockRow(faulty: Partial<Record<keyof Clock, Fault>>): Promise<void> {
  const real: Clock = { now: () => performance.now(), after: () => ({ cancel: () => {} }), every: () => ({ cancel: () => {} }) };
  const clock = { ...real, ...faulty } as Clock;
  const served = await serve({ message: (one, message) => void one.send(message) }, { ...quiet, clock }, { clock });
  await expectEcho(served);
  await createHub({ clock }).close({ graceMs: 0 });
}

class BadBlob extends Blob {
  readonly #run: Fault;
  constructor(run: Fault) {
    super(["bytes"]);
    this.#run = run;
  }
  override arrayBuffer(): Promise<ArrayBuffer> {
    return this.#run() as Promise<ArrayBuffer>;
  }
}

/** What no type shows, by name. */
const unseen: Readonly<Record<string, FunctionRow>> = {
  "toJSON of what sendJson gets": async (fault, run) => {
    const { connection, client } = await connected();
    const sent = nextMessage(client);
    const send = (): boolean => connection.sendJson({ toJSON: run });
    if (fault === "returns junk") {
      expect([send(), (await sent).text]).toEqual([true, "5"]);
    } else {
      expect(send).toThrow(isAsync(fault) ? TypeError : "a fault of the application");
      connection.send("nothing before");
      expect((await sent).text).toBe("nothing before");
    }
  },
  "iterator of except": async (fault, run) => {
    const { connection, client } = await connected();
    const hub = createHub();
    hub.add(connection);
    const sent = nextMessage(client);
    expect(() => hub.broadcast("private", { except: { [Symbol.iterator]: run } as never })).toThrow(
      fault === "throws" ? "a fault of the application" : TypeError,
    );
    hub.broadcast("to all");
    expect((await sent).text).toBe("to all");
  },
  "arrayBuffer of a Blob": async (fault, run) => {
    const told = listen();
    const { served, connection, client } = await connected();
    const closed = closing(client);
    expect(connection.send(new BadBlob(run))).toBe(true);
    await turn();
    if (fault === "never settles") connection.close(1000);
    expect((await closed).code).toBe(fault === "never settles" ? 1000 : 1011);
    await connection.closed;
    expect([fault, told.map(({ error }) => (error as Error).name)]).toEqual([fault, fault === "never settles" ? [] : [failing(fault) ? "Error" : "TypeError"]]);
    expect([served.attachment.count, connection.bufferedBytes]).toEqual([0, 0]);
  },
  "error of a writer": async (fault, run) => {
    // A promise that nothing waits for is the test's own.
    if (isAsync(fault)) return;
    const told = listen();
    const { connection, client } = await connected();
    const closed = closing(client);
    const writer = connection.createWriter("text");
    writer.write("half");
    await turn();
    try {
      run();
      writer.destroy(new Error("a fault of the application"));
    } catch (error) {
      writer.destroy(error as Error);
    }
    expect((await closed).code).toBe(1011);
    expect([fault, told.map(({ error, source }) => [(error as Error).message, source.connection === connection])]).toEqual([
      fault,
      [["a fault of the application", true]],
    ]);
  },
};

playFunctionTable({ subject: "core", rows, unseen });
