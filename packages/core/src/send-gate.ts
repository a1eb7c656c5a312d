import { promiseOf } from "./guard.ts";
import { Backlog } from "./backlog.ts";
import { PreparedMessage } from "./prepared-message.ts";

/** What a Blob takes beside its bytes: without it, many empty ones would count for nothing. */
const BLOB_BYTES = 512;

/**
 * Keeps messages in their order while one of them is not complete: a Blob that is being read, or a streamed message whose
 * last fragment is still to come (RFC 6455 §5.4: fragments of two messages may not mix).
 */
export class SendGate {
  readonly #held: (Backlog | Blob)[] = [];
  #bytes = 0;
  #blobs = 0;
  #messages = 0;

  /** Held messages in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What they count for in a queue. */
  get cost(): number {
    return this.#bytes + this.#blobs * BLOB_BYTES;
  }

  /** How many are held. */
  get size(): number {
    return this.#messages + this.#blobs;
  }

  hold(message: PreparedMessage | Blob): void {
    if (message instanceof Blob) {
      this.#held.push(message);
      this.#bytes += message.size;
      this.#blobs++;
      return;
    }
    let last = this.#held.at(-1);
    if (!(last instanceof Backlog)) this.#held.push((last = new Backlog()));
    last.push(message, undefined);
    this.#bytes += message.frameBytes;
    this.#messages++;
  }

  /**
   * Gives everything that is held, also what is added meanwhile, to `send` in order, then calls `opened` before anything
   * else can be held. Rejects when a Blob cannot be read.
   */
  async release(send: (message: PreparedMessage) => void, opened: () => void): Promise<void> {
    for (let next = this.#held[0]; next !== undefined; next = this.#held[0]) {
      if (next instanceof Blob) {
        const message = await readBlob(next);
        this.#held.shift();
        this.#bytes -= next.size;
        this.#blobs--;
        send(message);
        continue;
      }
      for (let message = next.shift(); message !== undefined; message = next.shift()) {
        this.#bytes -= message.frameBytes;
        this.#messages--;
        send(message);
      }
      this.#held.shift();
    }
    opened();
  }
}

/** @throws TypeError when one of a class of the application gives no bytes. */
async function readBlob(blob: Blob): Promise<PreparedMessage> {
  const given: unknown = blob.arrayBuffer();
  const bytes: unknown = await (promiseOf(given) ?? given);
  if (!(bytes instanceof ArrayBuffer) && !ArrayBuffer.isView(bytes)) throw new TypeError("A Blob gave no ArrayBuffer");
  return new PreparedMessage(bytes);
}
