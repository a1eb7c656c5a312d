import { Message } from "../wire/message.ts";
import { PreparedMessage, type MessageData } from "../wire/prepared-message.ts";

/** What can be sent at once. */
export type Broadcastable = MessageData | Message | PreparedMessage;

/** Anything that can be sent. A Blob is read first, and later messages wait for it. */
export type Sendable = Broadcastable | Blob;

export interface SendOptions<Recipient = never> {
  /** What the message is the latest state of. Only `slowConsumer: "keep-latest"` looks at it. */
  readonly key?: string | undefined;
  /**
   * Called once for each connection that will not get the message: its queue refuses it now, or throws it away later, because a
   * slow-consumer policy takes it back, because the client was too slow, or because the connection ended before the socket
   * was given it. What the socket was given may have arrived or not: nothing tells. Called behind the `send` or broadcast,
   * never in the middle of it; for what is taken back later in a later turn of the event loop. What it throws, or its promise
   * is rejected with, goes to `onError`. Such a message counts 64 bytes more in the queue.
   */
  readonly missed?: ((connection: Recipient) => void) | undefined;
  /**
   * No policy may refuse the message for good, drop it, replace it or take it back: a client whose queue has no room for it is
   * ended with `ERR_SLOW_CONSUMER` (1013). @default false
   */
  readonly mustArrive?: boolean | undefined;
}

/** The message that `data` is. @throws TypeError for what cannot be sent. */
export function prepare(data: Broadcastable): PreparedMessage {
  if (data instanceof PreparedMessage) return data;
  if (data instanceof Message) return new PreparedMessage(data.bytes, { isBinary: data.isBinary });
  return new PreparedMessage(data);
}

/** @throws TypeError for a `missed` that cannot be called. */
export function checkMissed(options: SendOptions): void {
  const { missed } = options;
  if (missed !== undefined && typeof missed !== "function") throw new TypeError("missed: give a function that takes a connection");
}
