import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { CloseCode, ConnectionError, logEvents, Message, Upgrader, type Closure, type Connection, type ConnectionHandler } from "@upwire/core";
import { describe, expect, it, onTestFinished } from "vitest";
import { Counters } from "../../src/base/counters.ts";
import { closing, nextTexts, serve } from "../helpers/served.ts";

const expired: Closure = { code: "ERR_TOKEN_EXPIRED", closeCode: 4401, retry: false, text: "token expired", detail: { at: 5 } };

interface Seen {
  readonly errors: ConnectionError[];
  readonly published: unknown[];
  readonly lines: string[];
}

/** Everything that is told about closures in this test. */
function listen(): Seen {
  const seen: Seen = { errors: [], published: [], lines: [] };
  const listener = (event: unknown): void => void seen.published.push(event);
  subscribe("upwire:closure", listener);
  const stop = logEvents({ write: (line) => void seen.lines.push(line) });
  onTestFinished(() => {
    unsubscribe("upwire:closure", listener);
    stop();
  });
  return seen;
}

async function connected(handler: ConnectionHandler = {}, upgrader = new Upgrader({ onError: () => {} })) {
  const seen = listen();
  const served = await serve({ ...handler, error: (_connection, error) => void seen.errors.push(error) }, upgrader);
  const client = await served.client();
  return { seen, served, client, closed: closing(client), connection: await served.nextConnection(), upgrader };
}

describe("a closure of a layer", () => {
  it("is sent, counted, logged, published and told to the error hook as ours are", async () => {
    const { seen, connection, closed, upgrader } = await connected();
    connection.fail(expired);
    expect(await closed).toEqual({ code: 4401, reason: "token expired" });
    expect(await connection.closed).toMatchObject({ code: 4401 });
    expect(upgrader.stats.ended).toEqual({ ERR_TOKEN_EXPIRED: 1 });
    expect(seen.errors).toEqual([expect.any(ConnectionError)]);
    expect(seen.errors[0]).toMatchObject({
      name: "ConnectionError",
      message: "token expired",
      code: "ERR_TOKEN_EXPIRED",
      closeCode: 4401,
      retry: false,
      detail: { at: 5 },
    });
    expect(seen.published).toEqual([{ connection, error: seen.errors[0] }]);
    expect(JSON.parse(seen.lines[0] ?? "")).toMatchObject({ event: "closure", code: "ERR_TOKEN_EXPIRED", closeCode: 4401, connection: connection.id });
    expect(seen.lines).toHaveLength(1);
  });

  it.each<[string, (connection: Connection) => unknown]>([
    [
      "thrown",
      () => {
        throw new ConnectionError(expired);
      },
    ],
    ["a rejection", () => Promise.reject(new ConnectionError(expired))],
    ["thrown by fail's own argument", (connection) => connection.fail(new ConnectionError(expired))],
  ])("closes with it and is no fault of the handler when it is %s in a hook", async (_how, act) => {
    const reported: unknown[] = [];
    const upgrader = new Upgrader({ onError: (error) => void reported.push(error) });
    const { client, closed, seen } = await connected({ message: (connection) => act(connection) }, upgrader);
    client.send("go");
    expect(await closed).toEqual({ code: 4401, reason: "token expired" });
    expect(upgrader.stats.ended).toEqual({ ERR_TOKEN_EXPIRED: 1 });
    expect(seen.errors.map(({ code }) => code)).toEqual(["ERR_TOKEN_EXPIRED"]);
    expect(reported).toEqual([]);
  });

  it("of the open hook is told before close, and no message after it", async () => {
    const calls: string[] = [];
    const served = await serve({
      open: (connection) => connection.fail(expired),
      message: () => void calls.push("message"),
      error: (_connection, { code }) => void calls.push(code),
      close: (_connection, { code }) => void calls.push(`${code}`),
    });
    const client = await served.client();
    client.send("early");
    expect((await closing(client)).code).toBe(4401);
    await (
      await served.nextConnection()
    ).closed;
    expect(calls).toEqual(["ERR_TOKEN_EXPIRED", "4401"]);
  });

  it("says its code where it has no text", async () => {
    const { connection, closed } = await connected();
    connection.fail({ code: "ERR_PLAIN", closeCode: 4400, retry: false });
    expect(await closed).toEqual({ code: 4400, reason: "ERR_PLAIN" });
  });

  it.each([4400, 1013])("with %s goes out behind what is queued", async (closeCode) => {
    const { connection, client, closed } = await connected();
    const texts = nextTexts(client, 101);
    for (let i = 0; i < 100; i++) connection.send(`${i}`);
    connection.send(new Uint8Array(0));
    connection.fail({ code: "ERR_BUSY", closeCode, retry: "later" });
    expect(await texts).toHaveLength(101);
    expect(await closed).toEqual({ code: closeCode, reason: "ERR_BUSY" });
  });

  it("does nothing on a connection that is closing or closed", async () => {
    const { connection, closed, upgrader, seen } = await connected();
    connection.close(1000, "first");
    connection.fail(expired);
    expect(await closed).toEqual({ code: 1000, reason: "first" });
    await connection.closed;
    connection.fail(expired);
    expect([upgrader.stats.ended, seen.errors, seen.published]).toEqual([{}, [], []]);
  });

  it("closes as it was made, whatever a hook or a subscriber writes to the error", async () => {
    const upgrader = new Upgrader();
    const served = await serve(
      {
        error: (_connection, error) => {
          error.message = "x".repeat(200);
          Object.assign(error, { closeCode: 99_999, code: Symbol("code") });
        },
      },
      upgrader,
    );
    const client = await served.client();
    const closed = closing(client);
    (await served.nextConnection()).fail(expired);
    expect(await closed).toEqual({ code: 4401, reason: "token expired" });
    const second = await served.client();
    const secondClosed = closing(second);
    second.send(Buffer.alloc(2 * 1024 * 1024));
    expect(await secondClosed).toEqual({ code: 1009, reason: "message too big: more than 1048576 bytes" });
    expect(upgrader.stats.ended).toEqual({ ERR_TOKEN_EXPIRED: 1, ERR_MESSAGE_TOO_BIG: 1 });
  });

  it("that a hook catches, extends and throws again closes as it was made", async () => {
    const { client, closed } = await connected({
      message: (_connection, message) => {
        try {
          message.json();
        } catch (error) {
          (error as Error).message += "x".repeat(200);
          throw error;
        }
      },
    });
    client.send("{");
    expect(await closed).toEqual({ code: 1007, reason: "invalid JSON" });
  });

  it("that only looks like one is a fault of the handler", async () => {
    for (const thrown of [
      Object.create(ConnectionError.prototype),
      Object.create(ConnectionError.prototype, { code: { value: "ERR_X" }, closeCode: { value: 99 } }),
    ]) {
      const { client, closed, upgrader } = await connected({
        message: () => {
          throw thrown;
        },
      });
      client.send("go");
      expect(await closed).toEqual({ code: 1011, reason: "internal error" });
      expect(upgrader.stats.ended).toEqual({ ERR_HANDLER: 1 });
    }
  });

  it("of another copy of core closes with the same", async () => {
    // As another copy makes it: the mark is the same, and the private field is its own.
    const foreign = (fields: object): object => Object.assign(Object.create(ConnectionError.prototype), fields);
    for (const [fields, right] of [
      [
        { code: "ERR_TOKEN_EXPIRED", closeCode: 4401, retry: false, message: "token expired" },
        { code: 4401, reason: "token expired" },
      ],
      [
        { code: "ERR_JSON", closeCode: 1007, message: "invalid JSON" },
        { code: 1007, reason: "invalid JSON" },
      ],
    ] as const) {
      const { client, closed, connection } = await connected({
        message: () => {
          throw foreign(fields);
        },
      });
      client.send("go");
      expect(await closed).toEqual(right);
      await connection.closed;
    }
  });
});

describe("a closure that cannot be meant", () => {
  const base = { code: "ERR_X", closeCode: 4400, retry: false };
  const wrong: readonly (readonly [string, unknown, string])[] = [
    ["nothing", undefined, "a closure is undefined; give an object such as { code:"],
    ["null", null, "a closure is null; give an object such as"],
    ["a number", 5, "a closure is a number; give an object such as"],
    ["a list", [], "a closure is a list; give an object such as"],
    ["no code", { closeCode: 4400, retry: false }, "code is missing; give a name such as"],
    ["no close code", { code: "ERR_X", retry: false }, "closeCode is missing; give 4000 to 4999"],
    ["no retry", { code: "ERR_X", closeCode: 4400 }, 'retry is missing; give true, false or "later"'],
    ["an empty code", { ...base, code: "" }, 'code: "" is not allowed; give a name such as "ERR_TOKEN_EXPIRED"'],
    ["a long code", { ...base, code: "E".repeat(65) }, "is not allowed; give a name such as"],
    ["a code with a line break", { ...base, code: "ERR\nX" }, "is not allowed; give a name such as"],
    ["a code that ends in a line break", { ...base, code: "ERR_X\n" }, "is not allowed; give a name such as"],
    ["a code that is no text", { ...base, code: 5 }, "code: 5 is not allowed; give a name such as"],
    [
      "a close code that may not be sent",
      { ...base, closeCode: 1006 },
      "closeCode: 1006 is not allowed; give 4000 to 4999, or another code that may be sent, such as 1011",
    ],
    ["a close code that is too high", { ...base, closeCode: 5000 }, "closeCode: 5000 is not allowed"],
    ["a close code that is text", { ...base, closeCode: "4400" }, 'closeCode: "4400" is not allowed'],
    ["a close code that is no number", { ...base, closeCode: Number.NaN }, "closeCode: NaN is not allowed"],
    ["another retry", { ...base, retry: "never" }, 'retry: "never" is not allowed; give true, false or "later"'],
    ["a text over 123 bytes", { ...base, text: "ü".repeat(62) }, "is not allowed; give text of at most 123 bytes"],
    ["halves of surrogate pairs over 123 bytes", { ...base, text: "\ud800".repeat(42) }, "is not allowed; give text of at most 123 bytes"],
    ["a text that is none", { ...base, text: 5 }, "text: 5 is not allowed; give text of at most 123 bytes"],
    ["another name for the text", { ...base, txt: "x" }, 'there is no option "txt"; write "text"'],
  ];

  it.each(wrong)("is a TypeError of fail and of the constructor, with what would be right: %s", async (_what, closure, text) => {
    expect(() => new ConnectionError(closure as Closure)).toThrow(TypeError);
    expect(() => new ConnectionError(closure as Closure)).toThrow(text);
    const { connection, client, served } = await connected({ message: (one, message) => void one.send(message) });
    expect(() => connection.fail(closure as Closure)).toThrow(text);
    expect(connection.state).toBe("open");
    client.terminate();
    await connection.closed;
    // On a connection that is over too, so that a mistake is found wherever it is made.
    expect(() => connection.fail(closure as Closure)).toThrow(text);
    expect(served.attachment.count).toBe(0);
  });

  it.each([
    [
      "ERR_TOKEN_EXPIRED",
      /^ConnectionError: there is no closure "ERR_TOKEN_EXPIRED"; there are ERR_PROTOCOL, .*, or give your own as \{ code, closeCode, retry, text \}$/,
    ],
    ["ERR_PROTOCL", /^ConnectionError: there is no closure "ERR_PROTOCL"; write "ERR_PROTOCOL", or give your own/],
    ["constructor", /there is no closure "constructor"/],
    ["__proto__", /there is no closure "__proto__"/],
  ])("by a name that there is not is a TypeError: %s", (code, text) => {
    expect(() => new ConnectionError(code as "ERR_JSON")).toThrow(TypeError);
    expect(() => new ConnectionError(code as "ERR_JSON")).toThrow(text);
  });

  it("made in a hook ends its own connection with 1011 and is reported", async () => {
    const reported: unknown[] = [];
    const upgrader = new Upgrader({ onError: (error) => void reported.push(error) });
    const { client, closed } = await connected({ message: (connection) => connection.fail({ code: "ERR_X", closeCode: 1005, retry: true }) }, upgrader);
    client.send("go");
    expect(await closed).toEqual({ code: 1011, reason: "internal error" });
    expect(reported).toMatchObject([{ name: "TypeError", message: expect.stringContaining("closeCode: 1005 is not allowed") }]);
  });

  it("reads each field once, so that what was checked is what is sent", async () => {
    let reads = 0;
    const { connection, closed } = await connected();
    connection.fail({
      code: "ERR_X",
      retry: true,
      get closeCode() {
        return reads++ === 0 ? 4000 : 99_999;
      },
    });
    expect(await closed).toEqual({ code: 4000, reason: "ERR_X" });
    expect(reads).toBe(1);
  });
});

it("tells of each of our own closures whether to retry", () => {
  expect(new ConnectionError("ERR_RATE_LIMIT", { cause: 5 })).toMatchObject({
    code: "ERR_RATE_LIMIT",
    closeCode: CloseCode.rateLimit,
    retry: "later",
    detail: undefined,
    cause: 5,
    message: "rate limit",
  });
  expect(() => new Message(Buffer.from("{"), false).json()).toThrow(expect.objectContaining({ code: "ERR_JSON", closeCode: 1007, retry: false }));
});

it("counts 256 codes of layers apart, the rest as other, and each of our own whatever came before", () => {
  const counters = new Counters();
  for (let turn = 0; turn < 2; turn++) for (let i = 0; i < 10_000; i++) counters.ended(`ERR_${i}`);
  counters.ended("__proto__");
  counters.ended("ERR_JSON");
  const { ended } = counters.snapshot(0);
  expect(Object.keys(ended)).toHaveLength(258);
  expect([ended["ERR_0"], ended["ERR_255"], ended["ERR_256"], ended["other"], ended.ERR_JSON]).toEqual([2, 2, undefined, 2 * 9744 + 1, 1]);
});

describe("a fault that a layer reports", () => {
  it("goes to onError and the channel with its connection, which lives on, and nothing the hook throws comes back", async () => {
    const told: unknown[] = [];
    const published: unknown[] = [];
    const listener = (event: unknown): void => void published.push(event);
    subscribe("upwire:error", listener);
    onTestFinished(() => void unsubscribe("upwire:error", listener));
    const onError = (error: unknown, source: unknown): void => {
      told.push({ error, source });
      throw new Error("the hook fails too");
    };
    const { connection, client, upgrader } = await connected({ message: (one, message) => void one.send(message) }, new Upgrader({ onError }));
    const error = new Error("in a layer");
    connection.report(error);
    expect(told).toEqual([{ error, source: { connection } }]);
    expect(published).toEqual([{ error, connection }]);
    const texts = nextTexts(client, 1);
    client.send("alive?");
    expect(await texts).toEqual(["alive?"]);
    expect(upgrader.stats.ended).toEqual({});
  });
});
