import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { PreparedMessage } from "@upwire/core";
import { expect } from "vitest";
import { Channel } from "../channel.ts";
import { encodeClientFrame, Opcode } from "../client-frame.ts";
import type { Suite } from "./suite.ts";
import type { WireClient } from "../wire-client.ts";

const MIB = 1024 * 1024;
/** Where the length field changes its form (RFC 6455 §5.2), and the most that the default limit lets pass. */
const SIZES = [0, 1, 125, 126, 65_535, 65_536, MIB - 1, MIB];

const text = (payload: string): Buffer => encodeClientFrame({ opcode: Opcode.text, payload });

async function nextTexts(client: WireClient, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) texts.push((await client.nextMessage()).text);
  return texts;
}

/** RFC 6455 sections 5 and 6: data in both directions. */
export function messages(suite: Suite): void {
  suite.route("/msg/echo", { message: (connection, message) => void connection.send(message) });

  for (const size of SIZES) {
    suite.it(`echoes ${size} bytes, as text and as binary`, async () => {
      const client = await suite.connect("/msg/echo");
      const letters = "x".repeat(size);
      client.sendText(letters);
      expect((await client.nextMessage()).text === letters).toBe(true);
      const bytes = randomBytes(size);
      client.sendBinary(bytes);
      const echo = await client.nextMessage();
      expect([echo.isBinary, echo.bytes.equals(bytes)]).toEqual([true, true]);
    });
  }

  suite.it("keeps text of every script whole", async () => {
    const client = await suite.connect("/msg/echo");
    client.sendText("żółć, 漢字, 😀, \u0000");
    const echo = await client.nextMessage();
    expect([echo.isBinary, echo.text]).toEqual([false, "żółć, 漢字, 😀, \u0000"]);
  });

  suite.it("puts fragments together, also with a ping between them and a letter cut in two", async () => {
    const client = await suite.connect("/msg/echo");
    const letter = Buffer.from("é");
    client.sendFrame({ opcode: Opcode.text, payload: Buffer.concat([Buffer.from("caf"), letter.subarray(0, 1)]), fin: false });
    client.ping("between");
    client.sendFrame({ opcode: Opcode.continuation, payload: letter.subarray(1), fin: false });
    client.sendFrame({ opcode: Opcode.continuation });
    // A pong may follow an echo that was ready in the same turn.
    const frames = [await client.nextFrame(), await client.nextFrame()].toSorted((a, b) => a.opcode - b.opcode);
    expect(frames.map(({ opcode, payload }) => [opcode, payload.toString()])).toEqual([
      [Opcode.text, "café"],
      [Opcode.pong, "between"],
    ]);
  });

  suite.it("reads a frame that comes byte by byte", async () => {
    const client = await suite.connect("/msg/echo");
    for (const byte of text("slowly")) {
      client.sendRaw(Buffer.of(byte));
      // Without the turn, Node would join them into one write.
      await delay(0);
    }
    expect((await client.nextMessage()).text).toBe("slowly");
  });

  suite.it("answers a ping with its payload, up to 125 bytes", async () => {
    const client = await suite.connect("/msg/echo");
    for (const payload of [Buffer.alloc(0), Buffer.from("hi"), randomBytes(125)]) {
      client.ping(payload);
      const { opcode, payload: answer } = await client.nextFrame();
      expect([opcode, answer.equals(payload)]).toEqual([Opcode.pong, true]);
    }
  });

  suite.it("keeps a good client that sends 200 pings at once, and answers the newest", async () => {
    const client = await suite.connect("/msg/echo");
    const pings = Array.from({ length: 200 }, (_, n) => encodeClientFrame({ opcode: Opcode.ping, payload: `${n}` }));
    client.sendRaw(Buffer.concat([...pings, text("after")]));
    const pongs: string[] = [];
    let frame = await client.nextFrame();
    // A pong may be passed by the echo, as it is a control frame and waits for nobody; the newest must come.
    let echoed = false;
    while (pongs.at(-1) !== "199" || !echoed) {
      if (frame.opcode === Opcode.pong) pongs.push(frame.payload.toString());
      else expect([frame.opcode, frame.payload.toString(), (echoed = true)]).toEqual([Opcode.text, "after", true]);
      if (pongs.at(-1) !== "199" || !echoed) frame = await client.nextFrame();
    }
    expect(pongs.length).toBeLessThanOrEqual(200);
  });

  suite.it("answers nothing to pongs", async () => {
    const client = await suite.connect("/msg/echo");
    client.sendFrame({ opcode: Opcode.pong, payload: "unasked" });
    client.sendText("next");
    expect(await client.nextFrame()).toMatchObject({ opcode: Opcode.text, payload: Buffer.from("next") });
  });

  const controls = new Channel<string>();
  suite.route("/msg/controls", {
    open: (connection) => connection.ping("are you there"),
    ping: (_connection, data) => controls.push(`ping ${data.toString()}`),
    pong: (_connection, data) => controls.push(`pong ${data.toString()}`),
  });
  suite.it("sends pings of the handler and tells it about pings and pongs", async () => {
    const client = await suite.connect("/msg/controls");
    expect(await client.nextFrame()).toMatchObject({ opcode: Opcode.ping, payload: Buffer.from("are you there") });
    client.sendFrame({ opcode: Opcode.pong, payload: "I am" });
    expect(await controls.next()).toBe("pong I am");
    client.ping("and you");
    expect(await controls.next()).toBe("ping and you");
  });

  suite.route("/msg/kinds", {
    open(connection) {
      connection.send("text");
      connection.send(new Uint8Array([1, 2]));
      connection.send(new Uint8Array([3, 4]).buffer);
      connection.send(new Blob([new Uint8Array([5, 6])]));
      connection.send(new PreparedMessage("prepared"));
      connection.sendJson({ type: "json" });
    },
  });
  suite.it("sends every kind of data, in the order of the calls", async () => {
    const client = await suite.connect("/msg/kinds");
    const got: (string | readonly number[])[] = [];
    while (got.length < 6) {
      const message = await client.nextMessage();
      got.push(message.isBinary ? [...message.bytes] : message.text);
    }
    expect(got).toEqual(["text", [1, 2], [3, 4], [5, 6], "prepared", '{"type":"json"}']);
  });

  suite.it("keeps the order of 200 messages of each of two clients", async () => {
    const clients = [await suite.connect("/msg/echo"), await suite.connect("/msg/echo")];
    const numbers = Array.from({ length: 200 }, (_, n) => `${n}`);
    for (const n of numbers) for (const [index, client] of clients.entries()) client.sendText(`${index}:${n}`);
    for (const [index, client] of clients.entries()) {
      expect(await nextTexts(client, 200)).toEqual(numbers.map((n) => `${index}:${n}`));
    }
  });

  suite.it("loses none of 10 messages sent in the handshake's own packet", async () => {
    const numbers = Array.from({ length: 10 }, (_, n) => `${n}`);
    for (const path of ["/msg/echo", "/slow/msg"]) {
      const client = await suite.connect(path, { early: Buffer.concat(numbers.map(text)) });
      expect(await nextTexts(client, 10)).toEqual(numbers);
    }
  });
  suite.route("/slow/msg", { message: (connection, message) => void connection.send(message) });

  const authorizing = new Channel<string>();
  suite.route(
    "/msg/early",
    { message: (connection, message) => void connection.send(message) },
    {
      authorize: async () => {
        authorizing.push("begun");
        await delay(50);
      },
    },
  );
  suite.it("loses none of 10 messages sent before and during an async authorize", async () => {
    const numbers = Array.from({ length: 10 }, (_, n) => `${n}`);
    const client = await suite.open("/msg/early", { early: Buffer.concat(numbers.slice(0, 5).map(text)) });
    await authorizing.next();
    for (const n of numbers.slice(5)) client.sendText(n);
    expect((await client.answered).status).toBe(101);
    expect(await nextTexts(client, 10)).toEqual(numbers);
  });

  suite.route("/msg/async-open", {
    async open(connection) {
      await delay(50);
      connection.send("open is done");
    },
    message: (connection, message) => void connection.send(message),
  });
  suite.it("holds messages back until an async open is done", async () => {
    const client = await suite.connect("/msg/async-open", { early: Buffer.concat([text("1"), text("2")]) });
    expect(await nextTexts(client, 3)).toEqual(["open is done", "1", "2"]);
  });

  const pulled = new Channel<string>();
  suite.route("/msg/pull", {
    open(connection) {
      void (async () => {
        for await (const message of connection) {
          await delay(1);
          if (message.text() === "leave") break;
          connection.send(message);
        }
        pulled.push(connection.state);
      })();
    },
  });
  suite.it("lets a handler pull messages with for await; leaving the loop closes with 1000", async () => {
    const numbers = Array.from({ length: 20 }, (_, n) => `${n}`);
    const client = await suite.connect("/msg/pull", { early: Buffer.concat(numbers.map(text)) });
    expect(await nextTexts(client, 20)).toEqual(numbers);
    client.sendText("leave");
    expect((await client.closed).code).toBe(1000);
    expect(await pulled.next()).not.toBe("open");
  });

  suite.route("/msg/writer", {
    async message(connection) {
      const writer = connection.createWriter("text");
      writer.write("one large ");
      writer.end("message");
      connection.send("and the next");
      await once(writer, "finish");
    },
  });
  suite.it("streams one large message in fragments, and the next behind it", async () => {
    const client = await suite.connect("/msg/writer");
    client.sendText("go");
    expect(await nextTexts(client, 2)).toEqual(["one large message", "and the next"]);
  });

  const compressible = "compress me, ".repeat(1000);
  suite.route("/msg/deflate", { message: (connection, message) => void connection.send(message) }, { compression: true });
  suite.it("compresses in both directions where it is switched on and agreed", async () => {
    const headers = { "Sec-WebSocket-Extensions": "x-unknown, permessage-deflate; client_max_window_bits" };
    const client = await suite.connect("/msg/deflate", { headers });
    expect(client.answer.header("sec-websocket-extensions")).toMatch(/^permessage-deflate/);
    for (let round = 0; round < 3; round++) {
      client.sendCompressed(compressible);
      const echo = await client.nextMessage();
      expect([echo.wasCompressed, echo.text === compressible]).toEqual([true, true]);
    }
    client.sendText("plain");
    expect((await client.nextMessage()).text).toBe("plain");
  });

  suite.it("sends plain frames to a client that offers no compression", async () => {
    const client = await suite.connect("/msg/deflate");
    expect(client.answer.header("sec-websocket-extensions")).toBeUndefined();
    client.sendText(compressible);
    const echo = await client.nextMessage();
    expect([echo.wasCompressed, echo.text === compressible]).toEqual([false, true]);
  });
}
