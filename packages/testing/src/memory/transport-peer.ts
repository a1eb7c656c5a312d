import { Opcode } from "../client-frame.ts";
import { ServerFrames } from "../server-frames.ts";

/** The client at the other end of a transport. What it sends comes in order; the server gets it at once, or in a later turn. */
export interface TransportPeer {
  /** What it took: whole frames of the server, an entry for each write. */
  readonly written: Buffer[];
  /** Whether it takes what it is sent. While false, that waits at the server; set to true, it takes everything. */
  isTaking: boolean;
  /** The server reads nothing at the moment. */
  readonly isPaused: boolean;
  /** The server has ended its side, and the client has taken everything before that. */
  readonly isEnded: boolean;
  /** Takes one write, while it takes none by itself. */
  release(): void;
  text(data: string): void;
  binary(data: Uint8Array): void;
  /** @param data At most 125 bytes. */
  ping(data: string): void;
  pong(data: string): void;
  /** Sends a close frame, an empty one without a code. */
  close(code?: number, reason?: string): void;
  /** Ends its side without a close frame. */
  end(): void;
  /** Sends what no client may send: the server answers with 1002. */
  breakRule(): void;
  /** Is gone without a word. */
  destroy(): void;
}

/** What a peer was sent, message by message: `text hi`, `binary 0a0b`, `ping x`, `pong x`, `close 1000 bye`. Throws for what no server may send. */
export function sentTo({ written }: Pick<TransportPeer, "written">): string[] {
  const frames = new ServerFrames();
  const all = written.flatMap((bytes) => frames.push(bytes));
  if (frames.violations.length > 0) throw new Error(frames.violations.join("\n"));
  const got: string[] = [];
  let parts: Buffer[] = [];
  let isBinary = false;
  for (const { opcode, fin, payload } of all) {
    if (opcode === Opcode.ping) got.push(`ping ${payload.toString()}`);
    else if (opcode === Opcode.pong) got.push(`pong ${payload.toString()}`);
    else if (opcode === Opcode.close) got.push(payload.byteLength < 2 ? "close" : `close ${payload.readUInt16BE(0)} ${payload.toString("utf8", 2)}`.trim());
    else {
      if (opcode !== Opcode.continuation) isBinary = opcode === Opcode.binary;
      parts.push(payload);
      if (!fin) continue;
      got.push(isBinary ? `binary ${Buffer.concat(parts).toString("hex")}` : `text ${Buffer.concat(parts).toString()}`);
      parts = [];
    }
  }
  return got;
}
