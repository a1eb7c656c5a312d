import { kinds, readOptions, type OptionKinds } from "../base/option-check.ts";
import { Message } from "../wire/message.ts";
import { PreparedMessage, type MessageData } from "../wire/prepared-message.ts";

/** What can be sent at once. */
export type Broadcastable = MessageData | Message | PreparedMessage;

/** Anything that can be sent. A Blob is read first, and later messages wait for it. */
export type Sendable = Broadcastable | Blob;

export interface SendOptions<Recipient = never> {
  /** What the message is the latest state of: a string. Only `slowConsumer: "keep-latest"` looks at it. */
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
  if (data instanceof Message) return new PreparedMessage(Message.payloadOf(data), { isBinary: data.isBinary });
  return new PreparedMessage(data);
}

/** What each way to send takes; an audience takes more. */
export const sendKinds: OptionKinds<SendOptions> = {
  key: kinds.text,
  missed: { right: "a function that takes a connection", fits: (value) => kinds.callback.fits(value) },
  mustArrive: kinds.flag,
};

/** The full check takes longer than a message, so it has the word only where something is wrong. */
function areRight(options: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(options);
  if (prototype !== Object.prototype && prototype !== null) return false;
  for (const name of Object.getOwnPropertyNames(options)) if (name !== "key" && name !== "missed" && name !== "mustArrive") return false;
  return true;
}

/** The options of one message, looked at before any queue is. @throws TypeError for what cannot be meant. */
export function readSendOptions(given: SendOptions): SendOptions {
  if (typeof given !== "object" || (given as object | null) === null || !areRight(given)) return readOptions<SendOptions>("send", given, sendKinds);
  const { key, missed, mustArrive } = given;
  const isRight =
    (key === undefined || typeof key === "string") &&
    (missed === undefined || typeof missed === "function") &&
    (mustArrive === undefined || typeof mustArrive === "boolean");
  return isRight ? { key, missed, mustArrive } : readOptions<SendOptions>("send", given, sendKinds);
}
