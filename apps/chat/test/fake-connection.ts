import { Message, PreparedMessage, type CloseInfo, type Connection, type ConnectionHandler, type UpgradeRequest } from "@upwire/core";

const going: CloseInfo = { code: 1001, reason: "", wasClean: true };

/** A client of a handler, without a socket: says things and remembers what it got. */
export class FakeClient {
  readonly received: (string | Buffer)[] = [];
  readonly connection: Connection;
  readonly #handler: ConnectionHandler;
  readonly #onClose: ((info: CloseInfo, connection: Connection) => void)[] = [];

  constructor(handler: ConnectionHandler, id: string) {
    this.#handler = handler;
    this.connection = {
      id,
      remoteAddress: `127.0.0.1:${id}`,
      state: "open",
      send: (data: string | Message | PreparedMessage) => this.received.push(contentOf(data)) > 0,
      onClose: (listener: (info: CloseInfo, connection: Connection) => void) => this.#onClose.push(listener),
    } as unknown as Connection;
    void handler.open?.(this.connection, {} as UpgradeRequest);
  }

  say(data: string | Buffer): void {
    void this.#handler.message?.(this.connection, new Message(Buffer.from(data), typeof data !== "string"));
  }

  command(type: string, payload?: unknown): void {
    this.say(JSON.stringify({ type, payload }));
  }

  leave(): void {
    for (const listener of this.#onClose) listener(going, this.connection);
    void this.#handler.close?.(this.connection, going);
  }

  /** What came since the last call; protocol messages parsed. */
  take(): unknown[] {
    return this.received.splice(0).map((data) => (typeof data === "string" && data.startsWith("{") ? JSON.parse(data) : data));
  }
}

function contentOf(data: string | Message | PreparedMessage): string | Buffer {
  if (typeof data === "string") return data;
  const bytes = data instanceof Message ? data.bytes : data.payload;
  return data.isBinary ? bytes : bytes.toString();
}
