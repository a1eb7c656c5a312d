import { createRequire } from "node:module";
import type { FrameReader, FrameSink, ReaderSetup } from "../wire/frame-reader.ts";
import { Message } from "../wire/message.ts";
import { readFault, type WsError } from "./ws-faults.ts";

/** The frame reader of `ws` and its inflater: exported and documented there, but not in its published types. */
interface Receiver {
  write(chunk: Buffer, written: (error?: Error | null) => void): boolean;
  destroy(): void;
  on(event: "message", listener: (data: Buffer, isBinary: boolean) => void): this;
  on(event: "ping" | "pong", listener: (data: Buffer) => void): this;
  on(event: "conclude", listener: (code: number, reason: Buffer) => void): this;
  on(event: "error", listener: (error: WsError) => void): this;
}

interface PerMessageDeflate {
  accept(offers: readonly Readonly<Record<string, readonly (string | boolean)[]>>[]): unknown;
  cleanup(): void;
}

/** The part of `ws` that is used. */
export interface WsClasses {
  readonly Receiver: new (options: Readonly<Record<string, unknown>>) => Receiver;
  readonly PerMessageDeflate: new (options: Readonly<Record<string, unknown>>) => PerMessageDeflate;
}

/**
 * Only `wsReaders()` asks for it. An `import` would load it for every server, and a bundler would put it into every bundle,
 * where as a module it does not start. A bundle of a server that asks for it needs `ws` in `node_modules` beside it.
 * @throws Error when it is not there.
 */
export function loadWs(): WsClasses {
  // Modules have no `__filename`, and CommonJS bundles no `import.meta.url`.
  const load = createRequire(typeof __filename === "string" ? __filename : import.meta.url);
  return load("ws") as WsClasses;
}

type WsReaderSetup = Pick<ReaderSetup, "limits" | "inflates">;

/** The frame reader of `ws`, as the control for ours. It cannot stop inside a chunk or tell that a message is begun. */
export class WsReader implements FrameReader {
  readonly partialSince = 0;
  readonly #receiver: Receiver;
  readonly #inflate: PerMessageDeflate | undefined;
  readonly #sink: FrameSink;
  /** What came while it was inflating. */
  readonly #waiting: Buffer[] = [];
  #isBusy = false;
  /** `read` said no. */
  #isFull = false;

  constructor(sink: FrameSink, { limits, inflates }: WsReaderSetup, { Receiver, PerMessageDeflate }: WsClasses = loadWs()) {
    const { maxMessageBytes, maxFragments } = limits;
    this.#inflate = inflates ? new PerMessageDeflate({ isServer: true, maxPayload: maxMessageBytes }) : undefined;
    this.#inflate?.accept([{ server_no_context_takeover: [true], client_no_context_takeover: [true] }]);
    const receiver = new Receiver({
      isServer: true,
      extensions: this.#inflate ? { "permessage-deflate": this.#inflate } : {},
      maxPayload: maxMessageBytes,
      maxFragments,
      // Chunks of one unfinished frame: at 64 KiB a read this is far above any message that may pass.
      maxBufferedChunks: 262_144,
    });
    receiver.on("message", (data, isBinary) => sink.onMessage(new Message(data, isBinary)));
    receiver.on("ping", (data) => sink.onPing(data));
    receiver.on("pong", (data) => sink.onPong(data));
    receiver.on("conclude", (code, reason) => sink.onClose(code, reason.toString("utf8")));
    receiver.on("error", (error) => sink.onFault(readFault(error)));
    this.#receiver = receiver;
    this.#sink = sink;
  }

  read(chunk: Buffer): boolean {
    this.#isFull = this.#isBusy;
    if (this.#isBusy) this.#waiting.push(chunk);
    else this.#write(chunk);
    return !this.#isFull;
  }

  /**
   * One chunk after the other: with two in its queue, the Receiver of ws 8.23.0 reads the second although the first was
   * broken, and throws where no code can catch it.
   */
  #write(chunk: Buffer): void {
    this.#isBusy = true;
    this.#receiver.write(chunk, (error) => {
      this.#isBusy = false;
      if (error) return;
      const next = this.#waiting.shift();
      if (next !== undefined) return this.#write(next);
      if (!this.#isFull) return;
      this.#isFull = false;
      this.#sink.onReady();
    });
  }

  pause(): void {
    // It reads its chunk to the end.
  }

  resume(): void {
    // Nothing was held back.
  }

  release(): void {
    this.#waiting.length = 0;
    this.#inflate?.cleanup();
    this.#receiver.destroy();
  }
}
