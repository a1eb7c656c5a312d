/** What `send` of a `WebSocket` takes. */
export type SocketData = string | ArrayBuffer | ArrayBufferView<ArrayBuffer> | Blob;

/** Messages that wait for a connection. */
export class SendQueue {
  readonly #most: number;
  #waiting: SocketData[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** As `send` promises, what the caller does with its buffer afterwards changes nothing. */
  add(data: SocketData): void {
    if (this.#waiting.length >= this.#most) throw new RangeError(`${this.#most} messages wait for a connection already; raise maxQueue, or send fewer`);
    this.#waiting.push(structuredClone(data));
  }

  get bytes(): number {
    return new Blob(this.#waiting).size;
  }

  take(): SocketData[] {
    return this.#waiting.splice(0);
  }
}
