/** One connection, as its client sees it. */
export interface Wire {
  /** The client reads. While false, what it is sent waits at the server. */
  isTaking: boolean;
  /** How often it has stopped reading. */
  readonly pauses: number;
  /** How the server ended it, once it did; 1006 without a close frame. */
  readonly closedWith: number | undefined;
  /** The network has broken it. */
  readonly isBroken: boolean;
  send(text: string): void;
  /** The messages that have come since the last call. Answers pings. */
  take(): string[];
  /** Takes one write of the server, while it takes none by itself. */
  takeOne(): void;
  /** Ends it without a word. With `inMidFrame` it first gets a part of what is on its way, which ends anywhere. @returns what came whole. */
  cut(options: { readonly inMidFrame: boolean; readonly below: (limit: number) => number }): string[];
}

/** Puts frames together to messages. */
export class MessageReader {
  #parts: Buffer[] = [];

  /** @returns the message that this frame ends. */
  push({ fin, payload }: { readonly fin: boolean; readonly payload: Buffer }): string | undefined {
    this.#parts.push(payload);
    if (!fin) return undefined;
    const text = Buffer.concat(this.#parts).toString();
    this.#parts = [];
    return text;
  }
}
