import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import { Message, PreparedMessage, type Connection, type ConnectionError } from "@upwire/core";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../helpers/fake-clock.ts";
import { closing, event, nextMessage, nextTexts, serve } from "../helpers/served.ts";

describe("sending", () => {
  it.each([
    ["text", "héllo", Buffer.from("héllo"), false],
    ["a Buffer", Buffer.from([1, 2, 3]), Buffer.from([1, 2, 3]), true],
    ["an ArrayBuffer", new Uint8Array([4, 5]).buffer, Buffer.from([4, 5]), true],
    ["a view that starts inside its buffer", new Uint16Array([1, 2, 3]).subarray(1), Buffer.from([2, 0, 3, 0]), true],
    ["a DataView", new DataView(new Uint8Array([9, 8, 7]).buffer, 1, 1), Buffer.from([8]), true],
    ["a Blob", new Blob(["blob"]), Buffer.from("blob"), true],
    ["a text Message", new Message(Buffer.from("m"), false), Buffer.from("m"), false],
    ["a PreparedMessage", new PreparedMessage("p"), Buffer.from("p"), false],
    ["text bytes prepared as text", new PreparedMessage(Buffer.from("t"), { isBinary: false }), Buffer.from("t"), false],
    ["nothing", "", Buffer.alloc(0), false],
  ])("sends %s", async (_name, data, bytes, isBinary) => {
    const served = await serve(undefined);
    const client = await served.client();
    const got = nextMessage(client);
    expect((await served.nextConnection()).send(data)).toBe(true);
    expect(await got).toMatchObject({ bytes, isBinary });
  });

  it.each([[1], [null], [undefined], [{}], [[1, 2]], [true]])("refuses %j instead of sending memory (ws CVE-2016-10518)", async (data) => {
    const served = await serve(undefined);
    await served.client();
    const connection = await served.nextConnection();
    expect(() => connection.send(data as never)).toThrow(TypeError);
    expect(connection.state).toBe("open");
  });

  it("keeps the order behind a Blob that is still being read", async () => {
    const served = await serve(undefined);
    const client = await served.client();
    const connection = await served.nextConnection();
    const got = nextTexts(client, 4);
    connection.send("1");
    connection.send(new Blob(["2"]));
    connection.send("3");
    connection.send(new Blob(["4"]));
    expect(await got).toEqual(["1", "2", "3", "4"]);
    expect(connection.send("5")).toBe(true);
    expect((await nextMessage(client)).text).toBe("5");
  });

  it("sends JSON, and refuses what has no JSON form", async () => {
    const served = await serve(undefined);
    const client = await served.client();
    const connection = await served.nextConnection();
    const got = nextMessage(client);
    connection.sendJson({ type: "a" });
    expect((await got).text).toBe('{"type":"a"}');
    expect(() => connection.sendJson(undefined)).toThrow(TypeError);
  });

  it("copies at the call: the caller may reuse its memory", async () => {
    const served = await serve(undefined);
    const client = await served.client();
    const connection = await served.nextConnection();
    const memory = Buffer.from("first");
    const got = nextMessage(client);
    connection.send(memory);
    memory.fill("x");
    expect((await got).text).toBe("first");
  });

  it("streams one message in fragments, and other messages wait for its end", async () => {
    const served = await serve(undefined);
    const client = await served.client();
    const connection = await served.nextConnection();
    const got = nextTexts(client, 2);
    const writer = connection.createWriter("text");
    writer.write("a");
    expect(connection.send("after")).toBe(true);
    await pipeline(Readable.from(["b", "c".repeat(200_000)]), writer);
    expect(await got).toEqual(["ab" + "c".repeat(200_000), "after"]);
  });

  it("closes with 1011 when a streamed message is given up half-way", async () => {
    const served = await serve(undefined);
    const client = await served.client();
    const connection = await served.nextConnection();
    const writer = connection.createWriter("binary");
    await new Promise((written) => writer.write("part", written));
    writer.destroy();
    expect(await closing(client)).toEqual({ code: 1011, reason: "message aborted" });
  });

  it("lets a writer go without an error when the client leaves", async () => {
    const served = await serve(undefined);
    const client = await served.client();
    const connection = await served.nextConnection();
    const writer = connection.createWriter("binary");
    const gone = new Promise((resolve) => writer.once("close", resolve));
    client.terminate();
    await gone;
    expect(connection.createWriter("text").destroyed).toBe(true);
  });

  it("does nothing on a connection that is over", async () => {
    const served = await serve(undefined);
    const client = await served.client();
    const connection = await served.nextConnection();
    client.terminate();
    expect(await connection.closed).toEqual({ code: 1006, reason: "", wasClean: false });
    expect(connection.send("x")).toBe(false);
    connection.ping();
    connection.close();
    connection.terminate();
    await connection.drain();
    expect(connection.state).toBe("closed");
  });
});

describe("closing", () => {
  it.each([[1004], [1005], [1006], [1015], [2999], [5000], [0], [Number.NaN], [1000.5]])("refuses to send %s", async (code) => {
    const served = await serve(undefined);
    await served.client();
    const connection = await served.nextConnection();
    expect(() => connection.close(code)).toThrow(RangeError);
  });

  it("refuses a reason over 123 bytes and a ping over 125", async () => {
    const served = await serve(undefined);
    await served.client();
    const connection = await served.nextConnection();
    expect(() => connection.close(1000, "é".repeat(62))).toThrow(RangeError);
    expect(() => connection.ping(Buffer.alloc(126))).toThrow(RangeError);
  });

  it("sends what was queued, then the close frame, and reports a clean close", async () => {
    const served = await serve(undefined);
    const client = await served.client();
    const connection = await served.nextConnection();
    const got = nextMessage(client);
    const closed = closing(client);
    connection.send("last words");
    connection.close(4000, "done");
    expect(connection.send("too late")).toBe(false);
    expect((await got).text).toBe("last words");
    expect(await closed).toEqual({ code: 4000, reason: "done" });
    expect(await connection.closed).toEqual({ code: 4000, reason: "done", wasClean: true });
  });

  it("destroys the socket when the close frame is not answered in time", async () => {
    const clock = new FakeClock();
    const served = await serve(undefined, { clock, closeTimeoutMs: 5000 });
    const client = await served.client();
    const connection = await served.nextConnection();
    client.pause();
    connection.close(1000);
    clock.advance(4000);
    expect(connection.state).toBe("closing");
    clock.advance(1500);
    expect((await connection.closed).wasClean).toBe(false);
  });
});

describe("pull style", () => {
  it("gives the messages in order and ends with the connection", async () => {
    const served = await serve(undefined);
    const client = await served.client();
    const connection = await served.nextConnection();
    for (const text of ["a", "b", "c"]) client.send(text);
    client.close(1000);
    const got: string[] = [];
    for await (const message of connection) got.push(message.text());
    expect(got).toEqual(["a", "b", "c"]);
    expect(connection.closeInfo).toMatchObject({ code: 1000 });
  });

  it("holds the client back while nobody pulls", async () => {
    const served = await serve(undefined);
    const client = await served.client();
    const connection = await served.nextConnection();
    const payload = Buffer.alloc(64 * 1024);
    // More than all socket buffers between the two can take, so that the client can only get rid of it if we read.
    for (let i = 0; i < 400; i++) client.send(payload);
    let count = 0;
    for await (const message of connection) {
      expect(message.bytes.byteLength).toBe(payload.byteLength);
      if (++count === 1) {
        // One turn in which nobody pulls: the client is stuck with most of its data.
        await new Promise((turn) => setImmediate(turn));
        expect(client.bufferedAmount).toBeGreaterThan(5_000_000);
      }
      if (count === 400) break;
    }
    expect(connection.state).toBe("closing");
  });

  it("closes with 1000 when the loop is left early", async () => {
    const served = await serve(undefined);
    const client = await served.client();
    client.send("one");
    for await (const message of await served.nextConnection()) {
      expect(message.text()).toBe("one");
      break;
    }
    expect(await closing(client)).toEqual({ code: 1000, reason: "" });
  });

  it("works inside an `open` hook, whose promise ends with the connection", async () => {
    const served = await serve({
      open: async (connection) => {
        for await (const message of connection) connection.send(message);
      },
    });
    const client = await served.client();
    const got = nextMessage(client);
    client.send("echo me");
    expect((await got).text).toBe("echo me");
  });
});

describe("deadlines, with a clock of our own", () => {
  it("pings, and a pong keeps the connection", async () => {
    const clock = new FakeClock();
    let ponged = (): void => {};
    const served = await serve({ pong: () => ponged() }, { clock, pingIntervalMs: 25_000, pongTimeoutMs: 20_000 });
    await served.client();
    const connection = await served.nextConnection();
    for (let round = 0; round < 3; round++) {
      const pong = new Promise<void>((resolve) => {
        ponged = resolve;
      });
      clock.advance(25_000);
      await pong;
    }
    expect(connection.state).toBe("open");
  });

  it("destroys the socket of a peer that answers no ping", async () => {
    const clock = new FakeClock();
    const errors: ConnectionError[] = [];
    const served = await serve({ error: (_connection, error) => void errors.push(error) }, { clock, pingIntervalMs: 25_000, pongTimeoutMs: 20_000 });
    const client = await served.client({ autoPong: false });
    const connection = await served.nextConnection();
    const pinged = event(client, "ping");
    clock.advance(25_000);
    await pinged;
    clock.advance(19_000);
    expect(connection.state).toBe("open");
    clock.advance(1500);
    expect(await connection.closed).toMatchObject({ code: 1006 });
    expect(errors.map((error) => error.code)).toEqual(["ERR_PONG_TIMEOUT"]);
  });

  it("closes an idle client with 1001", async () => {
    const clock = new FakeClock();
    const served = await serve(undefined, { clock, idleTimeoutMs: 60_000, pingIntervalMs: 0 });
    const client = await served.client();
    await served.nextConnection();
    clock.advance(60_000);
    expect(await closing(client)).toEqual({ code: 1001, reason: "idle" });
  });

  it("closes a client whose message does not come to an end", async () => {
    const clock = new FakeClock();
    const served = await serve({ ping: () => seen() }, { clock, messageTimeoutMs: 30_000, pingIntervalMs: 0 });
    let seen = (): void => {};
    const client = await served.client();
    const connection = await served.nextConnection();
    const ping = new Promise<void>((resolve) => {
      seen = resolve;
    });
    client.send("begun", { fin: false });
    // Behind the fragment: when the ping was read, so was the fragment.
    client.ping();
    await ping;
    clock.advance(29_000);
    expect(connection.state).toBe("open");
    const closed = closing(client);
    clock.advance(1500);
    expect(await closed).toEqual({ code: 1008, reason: "message took too long" });
  });

  it("closes a client that takes nothing for `writeTimeoutMs`", async () => {
    const clock = new FakeClock();
    const errors: ConnectionError[] = [];
    const served = await serve({ error: (_connection, error) => void errors.push(error) }, { clock, writeTimeoutMs: 10_000, maxQueueBytes: 64 * 1024 * 1024 });
    const client = await served.client();
    const connection = await served.nextConnection();
    client.pause();
    const chunk = Buffer.alloc(1024 * 1024);
    for (let i = 0; i < 32; i++) connection.send(chunk);
    void connection.drain();
    expect(connection.bufferedBytes).toBeGreaterThan(1_000_000);
    clock.advance(10_500);
    expect(errors.map((error) => error.code)).toEqual(["ERR_WRITE_TIMEOUT"]);
    clock.advance(1500);
    expect(await connection.closed).toMatchObject({ code: 1013, reason: "write timeout", wasClean: false });
  });

  it("keeps one timer, and none without connections", async () => {
    const clock = new FakeClock();
    const served = await serve(undefined, { clock });
    const clients = [await served.client(), await served.client()];
    const connections = [await served.nextConnection(), await served.nextConnection()];
    expect(clock.pending).toBe(1);
    for (const client of clients) client.close();
    await Promise.all(connections.map((connection) => connection.closed));
    expect(clock.pending).toBe(0);
  });
});

describe("slow consumers", () => {
  async function stalled(slowConsumer: "close" | "drop-newest"): Promise<{ connection: Connection; refused: number; clock: FakeClock }> {
    const clock = new FakeClock();
    const served = await serve(undefined, { clock, maxQueueBytes: 1024 * 1024, slowConsumer });
    const client = await served.client();
    const connection = await served.nextConnection();
    client.pause();
    let refused = 0;
    for (let i = 0; i < 400 && refused < 3; i++) {
      if (!connection.send(Buffer.alloc(64 * 1024))) refused++;
    }
    return { connection, refused, clock };
  }

  it("closes one with 1013 and lets its queue go", async () => {
    const { connection, clock } = await stalled("close");
    expect(connection.state).toBe("closing");
    expect(connection.bufferedBytes).toBeLessThan(1.2 * 1024 * 1024);
    clock.advance(1500);
    expect(await connection.closed).toMatchObject({ code: 1013, reason: "slow consumer" });
  });

  it("drops the newest message where that is the policy", async () => {
    const { connection, refused } = await stalled("drop-newest");
    expect(refused).toBe(3);
    expect(connection.state).toBe("open");
    connection.terminate();
  });

  it("takes a burst of one turn that the socket can take", async () => {
    const served = await serve(undefined, { maxQueueBytes: 64 * 1024 });
    const client = await served.client();
    const connection = await served.nextConnection();
    const all = nextTexts(client, 10);
    for (let i = 0; i < 10; i++) expect(connection.send(Buffer.alloc(20 * 1024))).toBe(true);
    await all;
    expect(connection.state).toBe("open");
  });
});
