import { encodeClientFrame, Opcode } from "../client-frame.ts";
import { WireClient, type WireClientOptions } from "../wire-client.ts";

/** Text messages of 32 bytes; pings of 32 bytes; fragments of one byte, of a message that never ends. */
export type FloodKind = "messages" | "pings" | "fragments";

export interface FloodOptions {
  /** Ends after so many bytes. @default 67108864 */
  readonly maxBytes?: number;
  /** The server has stopped reading when it took nothing for so long. Milliseconds. @default 500 */
  readonly stallMs?: number;
}

export interface FloodReport {
  /** Bytes that left this process before the end; some MiB of them may be with the kernel. */
  readonly tookBytes: number;
  /** Why it ended: the server closed the connection, did not read on, or took all. */
  readonly end: "closed" | "stalled" | "took all";
}

const BLOCK_BYTES = 64 * 1024;

function blockOf(kind: FloodKind): Buffer {
  const payload = "x".repeat(kind === "fragments" ? 1 : 32);
  const opcode = kind === "pings" ? Opcode.ping : kind === "messages" ? Opcode.text : Opcode.continuation;
  const frame = encodeClientFrame({ opcode, payload, fin: kind !== "fragments" });
  return Buffer.concat(Array<Buffer>(Math.floor(BLOCK_BYTES / frame.byteLength)).fill(frame));
}

/** Sends as fast as the server takes it, and tells how much that was. What comes back is read. */
export async function flood(client: WireClient, kind: FloodKind, options: FloodOptions = {}): Promise<FloodReport> {
  const { maxBytes = 64 * 1024 * 1024, stallMs = 500 } = options;
  const { socket } = client;
  const start = socket.bytesWritten;
  const block = blockOf(kind);
  if (kind === "fragments") client.sendFrame({ opcode: Opcode.text, payload: "x", fin: false });
  let end: FloodReport["end"] = "took all";
  for (let sent = 0; sent < maxBytes; sent += block.byteLength) {
    if (!socket.writable) {
      end = "closed";
      break;
    }
    if (!socket.write(block) && !(await drains(client, stallMs))) {
      end = socket.writable ? "stalled" : "closed";
      break;
    }
  }
  return { tookBytes: socket.bytesWritten - socket.writableLength - start, end };
}

/** False when the server takes nothing within `stallMs`, or is gone. */
function drains({ socket }: WireClient, stallMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const finish = (drained: boolean): void => {
      clearTimeout(timer);
      socket.off("drain", onDrain);
      socket.off("close", onClose);
      resolve(drained);
    };
    const onDrain = (): void => finish(true);
    const onClose = (): void => finish(false);
    const timer = setTimeout(() => finish(false), stallMs);
    socket.on("drain", onDrain);
    socket.on("close", onClose);
  });
}

/** A client that takes the answer to its handshake and then never reads again, until `resume`. */
export async function connectNeverReading(options: WireClientOptions): Promise<WireClient> {
  const client = await WireClient.connect(options);
  client.pause();
  return client;
}
