import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { closePayload, encodeClientFrame, Opcode, rawRequest, WireClient } from "../src/index.ts";

const servers: Server[] = [];
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = createHash("sha1").update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
const SWITCH = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`;

/** A server that sends these bytes to whoever sends a handshake. */
async function scripted(answer: (socket: Socket, request: Buffer) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (request: Buffer) => answer(socket, request));
  });
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

async function clientOf(...frames: readonly (string | readonly number[])[]): Promise<WireClient> {
  const bytes = Buffer.concat(frames.map((frame) => (typeof frame === "string" ? Buffer.from(frame) : Buffer.from(frame))));
  const port = await scripted((socket) => void socket.end(Buffer.concat([Buffer.from(SWITCH), bytes])));
  return WireClient.connect({ port, key: KEY });
}

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

describe("WireClient", () => {
  const breaches: readonly (readonly [string, readonly number[], string])[] = [
    ["a masked frame", [0x81, 0x81, 0, 0, 0, 0, 0x61], "masked"],
    ["a length of 1 in two bytes", [0x81, 126, 0, 1, 0x61], "a length of 1 in 2 bytes"],
    ["a length of 1 in eight bytes", [0x81, 127, 0, 0, 0, 0, 0, 0, 0, 1, 0x61], "a length of 1 in 8 bytes"],
    ["RSV1 without an extension", [0xc1, 0], "reserved bit"],
    ["RSV3", [0x91, 0], "reserved bit"],
    ["a reserved opcode", [0x83, 0], "reserved opcode"],
    ["a fragmented ping", [0x09, 0], "control frame"],
    ["a continuation of nothing", [0x80, 0], "continuation"],
    ["a message inside a message", [0x01, 0, 0x81, 0], "message inside"],
    ["a frame after the close frame", [0x88, 0, 0x81, 0], "after the close frame"],
  ];
  for (const [title, bytes, violation] of breaches) {
    it(`notes ${title}`, async () => {
      const client = await clientOf(bytes);
      await client.closed;
      expect(client.violations).toHaveLength(1);
      expect(client.violations[0]).toContain(violation);
    });
  }

  it("notes a wrong accept key", async () => {
    const port = await scripted((socket) => void socket.end(SWITCH));
    const client = await WireClient.connect({ port });
    expect(client.violations).toEqual(["a wrong Sec-WebSocket-Accept"]);
  });

  it("puts fragments together and passes over pings", async () => {
    const client = await clientOf([0x01, 2, 0x61, 0x62], [0x89, 0], [0x80, 1, 0x63], [0x82, 1, 0xff]);
    expect(await client.nextMessage()).toMatchObject({ text: "abc", isBinary: false, wasCompressed: false });
    expect(await client.nextMessage()).toMatchObject({ bytes: Buffer.of(0xff), isBinary: true });
    expect(client.violations).toEqual([]);
  });

  it("rejects nextMessage when the server closes, and reports its code and reason", async () => {
    const client = await clientOf([0x88, 5, 0x0f, 0xa1, 0x62, 0x79, 0x65]);
    await expect(client.nextMessage()).rejects.toThrow("closed with 0fa1627965");
    await expect(client.nextFrame()).rejects.toThrow("the connection ended");
    expect(await client.closed).toMatchObject({ code: 4001, reason: "bye" });
  });

  it("reports 1006 without a close frame, and 1005 for an empty one", async () => {
    expect((await (await clientOf()).closed).code).toBe(1006);
    expect((await (await clientOf([0x88, 0])).closed).code).toBe(1005);
  });

  it("says in time that nothing came", async () => {
    const port = await scripted((socket) => void socket.write(SWITCH));
    const client = await WireClient.connect({ port, key: KEY });
    await expect(client.nextFrame(10)).rejects.toThrow("nothing came within 10 ms");
    client.reset();
    expect((await client.closed).code).toBe(1006);
  });

  it("reads bodies with a length, in chunks and to the end of the connection", async () => {
    const answers = ["Content-Length: 3\r\n\r\nabcdef", "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "\r\nabc"];
    for (const answer of answers) {
      const port = await scripted((socket) => void socket.end(`HTTP/1.1 400 Bad Request\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\n${answer}`));
      const client = await WireClient.connect({ port });
      expect([client.status, client.body, client.answer.cookies]).toEqual([400, "abc", ["a=1", "b=2"]]);
    }
  });

  it("rejects when the server ends without an answer", async () => {
    const port = await scripted((socket) => void socket.end("nonsense"));
    await expect(WireClient.connect({ port })).rejects.toThrow(/without an answer; got "nonsense"/);
  });

  it("sends the handshake as it is told, with early bytes behind it", async () => {
    const port = await scripted((socket, request) => void socket.end(`HTTP/1.1 400 Echo\r\n\r\n${request.toString("latin1")}`));
    const init = { path: "/ws?x=1", method: "PUT", key: null, version: ["8", "13"], headers: { HOST: "h", Upgrade: null, "X-Two": ["a", "b"] } };
    const { body } = await WireClient.connect({ ...init, port, early: Buffer.from("early") });
    expect(body).toBe(
      "PUT /ws?x=1 HTTP/1.1\r\nHOST: h\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Version: 13\r\nX-Two: a\r\nX-Two: b\r\n\r\nearly",
    );
  });
});

describe("encodeClientFrame", () => {
  it("masks, and can leave it", () => {
    const masked = encodeClientFrame({ opcode: Opcode.text, payload: "hi" });
    const plain = [...masked.subarray(6)].map((byte, index) => byte ^ (masked[2 + index] ?? 0));
    expect([masked[0], masked[1], Buffer.from(plain).toString()]).toEqual([0x81, 0x82, "hi"]);
    expect([...encodeClientFrame({ opcode: Opcode.close, payload: closePayload(1000), mask: false })]).toEqual([0x88, 2, 3, 0xe8]);
    expect([...encodeClientFrame({ opcode: 3, fin: false, rsv: 7, mask: false })]).toEqual([0x73, 0]);
  });

  it("uses the shortest length", () => {
    const lengthOf = (size: number): number => (encodeClientFrame({ opcode: 2, payload: Buffer.alloc(size) })[1] ?? 0) & 0x7f;
    expect([125, 126, 65_535, 65_536].map(lengthOf)).toEqual([125, 126, 126, 127]);
  });
});

describe("rawRequest", () => {
  it("returns all up to the end, or the head of a 101", async () => {
    expect(await rawRequest(await scripted((socket) => void socket.end("anything")), "x")).toBe("anything");
    expect(await rawRequest(await scripted((socket) => void socket.write(SWITCH)), "x")).toBe(SWITCH);
  });

  it("rejects when the server leaves the connection open", async () => {
    const port = await scripted((socket) => void socket.write("HTTP/1.1 200 OK\r\n"));
    await expect(rawRequest(port, "x", 50)).rejects.toThrow(/kept the connection open/);
  });
});
