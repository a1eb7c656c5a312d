import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingStream } from "@upwire/core";
import { expect } from "vitest";
import { Channel } from "../channel.ts";
import { encodeClientFrame, Opcode } from "../client-frame.ts";
import type { Suite } from "./suite.ts";
import type { WireClient } from "../wire-client.ts";

const MIB = 1024 * 1024;
/** Beyond all that the kernel keeps between two sockets. */
const FAR_TOO_MANY_BYTES = 64 * MIB;
const PIECE = Buffer.alloc(MIB);

async function textOf({ readable }: IncomingStream): Promise<string> {
  let text = "";
  for await (const chunk of readable) text += new TextDecoder("utf8", { fatal: true }).decode(chunk);
  return text;
}

async function sizeOf({ readable }: IncomingStream): Promise<number> {
  let bytes = 0;
  for await (const chunk of readable) bytes += chunk.byteLength;
  return bytes;
}

/** Messages that a handler reads while they come in. */
export function streams(suite: Suite): void {
  suite.route(
    "/streams/text",
    { stream: async (connection, message) => void connection.send(`${message.isBinary} ${await textOf(message)}`) },
    { compression: true },
  );

  suite.it("gives each message as a stream, in order, and answers pings between its fragments", async () => {
    const client = await suite.connect("/streams/text");
    const letter = Buffer.from("é");
    client.sendFrame({ opcode: Opcode.text, payload: Buffer.concat([Buffer.from("caf"), letter.subarray(0, 1)]), fin: false });
    client.ping("between");
    expect((await client.nextFrame()).payload.toString()).toBe("between");
    client.sendFrame({ opcode: Opcode.continuation, payload: letter.subarray(1), fin: false });
    client.sendFrame({ opcode: Opcode.continuation });
    client.sendText("");
    client.sendBinary(Buffer.from("bytes"));
    expect([(await client.nextMessage()).text, (await client.nextMessage()).text, (await client.nextMessage()).text]).toEqual([
      "false café",
      "false ",
      "true bytes",
    ]);
  });

  suite.it("inflates what comes compressed", async () => {
    const client = await suite.connect("/streams/text", { headers: { "Sec-WebSocket-Extensions": "permessage-deflate" } });
    const letters = "żółć ".repeat(100_000);
    client.sendCompressed(letters);
    expect((await client.nextMessage()).text === `false ${letters}`).toBe(true);
  });

  const parts = new Channel<string>();
  suite.route("/streams/parts", {
    async stream(_connection, { readable }) {
      for await (const chunk of readable) parts.push(Buffer.from(chunk).toString());
    },
  });
  suite.it("gives the beginning of a message before its end is sent", async () => {
    const client = await suite.connect("/streams/parts");
    for (const text of ["one", "two", "three"]) {
      client.sendFrame({ opcode: text === "one" ? Opcode.text : Opcode.continuation, payload: text, fin: false });
      expect(await parts.next()).toBe(text);
    }
  });

  const held = new Channel<IncomingStream>();
  suite.route("/streams/held", { stream: (_connection, message) => held.push(message) });
  suite.it("holds a client back whose message is not read, and loses nothing of it", async () => {
    const client = await suite.connect("/streams/held");
    client.sendFrame({ opcode: Opcode.binary, fin: false });
    for (let sent = 0; sent < FAR_TOO_MANY_BYTES; sent += MIB) client.sendFrame({ opcode: Opcode.continuation, fin: false, payload: PIECE });
    client.sendFrame({ opcode: Opcode.continuation });
    // Others are served meanwhile.
    await suite.expectAlive();
    const message = await held.next();
    expect(client.socket.writableLength).toBeGreaterThan(FAR_TOO_MANY_BYTES / 2);
    expect(await sizeOf(message)).toBe(FAR_TOO_MANY_BYTES);
    client.sendText("next");
    expect(await textOf(await held.next())).toBe("next");
  });

  suite.it("throws away the rest of a message that is cancelled, and goes on with the next", async () => {
    const client = await suite.connect("/streams/held");
    client.sendFrame({ opcode: Opcode.binary, fin: false, payload: PIECE });
    await (await held.next()).readable.cancel();
    for (let sent = 0; sent < 8; sent++) client.sendFrame({ opcode: Opcode.continuation, fin: false, payload: PIECE });
    client.sendFrame({ opcode: Opcode.continuation });
    client.sendText("next");
    expect(await textOf(await held.next())).toBe("next");
  });

  const MAX_BYTES = 100_000;
  const fates = new Channel<string>();
  suite.route(
    "/streams/fate",
    {
      async stream(_connection, message) {
        fates.push("begun");
        await sizeOf(message).then(
          (bytes) => fates.push(`${bytes} bytes`),
          (error: { readonly code: string }) => {
            fates.push(error.code);
            // As a hook that catches nothing: it is no fault of the application.
            throw error;
          },
        );
      },
    },
    { maxStreamBytes: MAX_BYTES, maxMessageBytes: 10, maxFragments: 2, streamTimeoutMs: 1000, compression: true },
  );
  const endings: readonly (readonly [string, (client: WireClient) => void, string, number])[] = [
    ["bytes that are no text", (client) => client.sendFrame({ opcode: 0, payload: Buffer.from([0xc3, 0x28]) }), "ERR_UTF8", 1007],
    ["an end within a character", (client) => client.sendFrame({ opcode: 0, payload: Buffer.from([0xc3]) }), "ERR_UTF8", 1007],
    // Only the header: its bytes are not waited for.
    [
      "a length over maxStreamBytes",
      (client) => client.sendRaw(encodeClientFrame({ opcode: 0, payload: Buffer.alloc(MAX_BYTES) }).subarray(0, 14)),
      "ERR_MESSAGE_TOO_BIG",
      1009,
    ],
    ["another message within it", (client) => client.sendText("two"), "ERR_PROTOCOL", 1002],
    ["nothing more for streamTimeoutMs", () => {}, "ERR_MESSAGE_TIMEOUT", 1008],
    ["a close frame", (client) => void client.close(1000), "ERR_MESSAGE_CUT", 1000],
    ["the end of its side", (client) => client.end(), "ERR_MESSAGE_CUT", 1006],
    ["a reset", (client) => client.reset(), "", 1006],
  ];
  for (const [what, send, code, closeCode] of endings) {
    suite.it(`fails the stream of a client that sends ${what}`, async () => {
      const client = await suite.connect("/streams/fate");
      client.sendFrame({ opcode: Opcode.text, fin: false, payload: "begun, and longer than maxMessageBytes" });
      expect(await fates.next()).toBe("begun");
      for (let fragment = 0; fragment < 5; fragment++) client.sendFrame({ opcode: 0, fin: false, payload: "." });
      send(client);
      expect((await client.closed).code).toBe(closeCode);
      expect(await fates.next()).toMatch(code === "" ? /^ERR_(?:SOCKET|MESSAGE_CUT)$/ : code);
      await suite.expectAlive();
      expect(suite.errors).toEqual([]);
    });
  }

  suite.it("ends one that inflates to more than maxStreamBytes", async () => {
    const client = await suite.connect("/streams/fate", { headers: { "Sec-WebSocket-Extensions": "permessage-deflate" } });
    client.sendCompressed("x".repeat(20 * MAX_BYTES));
    expect((await client.closed).code).toBe(1009);
    expect([await fates.next(), await fates.next()]).toEqual(["begun", "ERR_MESSAGE_TOO_BIG"]);
    await suite.expectAlive();
  });

  suite.it("does not let a stream that is not read hold up the end of the server", async () => {
    const kept = new Channel<IncomingStream>();
    const own = await suite.serve("/streams/end", { stream: (_connection, message) => kept.push(message) });
    const client = await own.connect("/streams/end");
    client.sendFrame({ opcode: Opcode.binary, fin: false, payload: randomBytes(MIB) });
    const message = await kept.next();
    await Promise.all([own.close(), client.closed]);
    await expect(sizeOf(message)).rejects.toMatchObject({ name: "AbortError", code: "ERR_MESSAGE_CUT" });
    if (!client.socket.closed) await once(client.socket, "close");
  });
}
