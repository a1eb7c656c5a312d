import { PreparedMessage } from "./prepared-message.ts";

/**
 * Keeps messages in their order while one of them is not complete: a Blob that is being read, or a streamed message whose
 * last fragment is still to come (RFC 6455 §5.4: fragments of two messages may not mix).
 */
export class SendGate {
  readonly #held: (PreparedMessage | Blob)[] = [];
  #bytes = 0;

  /** Held messages in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many are held. */
  get size(): number {
    return this.#held.length;
  }

  hold(message: PreparedMessage | Blob): void {
    this.#held.push(message);
    this.#bytes += sizeOf(message);
  }

  /**
   * Gives everything that is held, also what is added meanwhile, to `send` in order, then calls `opened` before anything
   * else can be held. Rejects when a Blob cannot be read.
   */
  async release(send: (message: PreparedMessage) => void, opened: () => void): Promise<void> {
    for (let next = this.#held[0]; next !== undefined; next = this.#held[0]) {
      const message = next instanceof Blob ? await readBlob(next) : next;
      this.#held.shift();
      this.#bytes -= sizeOf(next);
      send(message);
    }
    opened();
  }
}

/** @throws TypeError when one of a class of the application gives no bytes. */
async function readBlob(blob: Blob): Promise<PreparedMessage> {
  const bytes: unknown = await blob.arrayBuffer();
  if (!(bytes instanceof ArrayBuffer) && !ArrayBuffer.isView(bytes)) throw new TypeError("A Blob gave no ArrayBuffer");
  return new PreparedMessage(bytes);
}

function sizeOf(message: PreparedMessage | Blob): number {
  return message instanceof Blob ? message.size : message.frameBytes;
}
