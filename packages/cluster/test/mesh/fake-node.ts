import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { BatchReader } from "../../src/mesh/batch-reader.ts";
import { BatchWriter, FRAME_HEAD } from "../../src/mesh/batch-writer.ts";
import { FrameSplitter } from "../../src/mesh/frame-splitter.ts";
import { frames, messages } from "../../src/mesh/frames.ts";

/** A frame of any kind with any content. */
export function frameOf(kind: number, content: unknown): Buffer {
  const bytes = content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content));
  const frame = Buffer.alloc(FRAME_HEAD + bytes.length);
  frame.writeUInt32BE(frame.length - 4);
  frame[4] = kind;
  frame.set(bytes, FRAME_HEAD);
  return frame;
}

export const hello: Readonly<Record<string, unknown>> = {
  magic: "upwire-mesh",
  version: 1,
  oldest: 1,
  app: "app",
  node: "--------fake-node",
  rank: 9e15,
  received: null,
  size: 1,
};

/** A node that a test plays byte by byte. It connects to a broker, and says what the test says. */
export class FakeNode {
  readonly received: { kind: number; frame: Buffer }[] = [];
  /** Messages of all batches: kind, and the rest of the message. */
  readonly messages: { kind: number; bytes: Buffer }[] = [];
  readonly writer: BatchWriter = new BatchWriter(frames.batch);
  /** What this node writes to, and reads from. */
  output: Socket;
  input: Socket | undefined;
  isClosed = false;
  /** Batches that have come. */
  batches = 0;
  readonly #path: string;
  /** Accepts connections and does not answer, as a process that is stopped. */
  #server: Server | undefined;

  private constructor(path: string) {
    this.#path = path;
    this.output = connect(path);
    this.output.on("error", () => {});
    this.output.on("close", () => void (this.isClosed = true));
    this.#read(this.output);
  }

  /** Connects, and says nothing. */
  static async connect(folder: string, node: string): Promise<FakeNode> {
    const fake = new FakeNode(join(folder, `${node}.sock`));
    await once(fake.output, "connect");
    return fake;
  }

  /** Connects, and does the handshake. */
  static async join(
    folder: string,
    node: string,
    said: Readonly<Record<string, unknown>> = {},
    begin: Readonly<Record<string, unknown>> = { restart: true, next: 1 },
  ): Promise<FakeNode> {
    const fake = await FakeNode.connect(folder, node);
    if (said["received"] === undefined) await fake.listen(folder, String(said["node"] ?? hello["node"]));
    fake.output.write(frameOf(frames.hello, { ...hello, ...said }));
    const welcome = await fake.next(frames.welcome);
    const { token } = JSON.parse(welcome.toString("utf8", FRAME_HEAD)) as { token: number };
    fake.input = connect(fake.#path);
    fake.input.on("error", () => {});
    fake.#read(fake.input);
    fake.input.write(frameOf(frames.back, { magic: "upwire-mesh", node: said["node"] ?? hello["node"], token }));
    fake.output.write(frameOf(frames.begin, begin));
    return fake;
  }

  /** Waits for a frame of a kind. */
  async next(kind: number): Promise<Buffer> {
    for (;;) {
      const found = this.received.findIndex((frame) => frame.kind === kind);
      if (found !== -1) return this.received.splice(found, 1)[0]?.frame ?? Buffer.alloc(0);
      if (this.isClosed) throw new Error(`the connection has ended before a frame of the kind ${kind}`);
      await new Promise((resolve) => void setImmediate(resolve));
    }
  }

  /** Is found in the folder from now on: thus the broker does not take it for ended when its connections are. */
  async listen(folder: string, node: string = String(hello["node"])): Promise<this> {
    const path = join(folder, `${node}.sock`);
    await rm(path, { force: true });
    this.#server = createServer((socket) => {
      socket.on("error", () => {});
      onTestFinished(() => void socket.destroy());
    });
    await new Promise<void>((resolve) => void this.#server?.listen(path, resolve));
    onTestFinished(() => void this.#server?.close());
    return this;
  }

  want(number: number, topic: string): this {
    this.writer.begin(messages.want).number(number).text(topic).end();
    return this;
  }

  send(): void {
    this.output.write(this.writer.take());
  }

  close(): void {
    this.output.destroy();
    this.input?.destroy();
  }

  #read(socket: Socket): void {
    const splitter = new FrameSplitter(2 ** 30, (kind, frame) => {
      this.received.push({ kind, frame });
      if (kind !== frames.batch) return;
      this.batches++;
      const reader = new BatchReader(frame, FRAME_HEAD);
      for (let message = reader.next(); message !== undefined; message = reader.next())
        this.messages.push({ kind: message, bytes: Buffer.from(reader.rawBytes()) });
    });
    socket.on("data", (chunk: Buffer) => splitter.feed(chunk));
  }
}
