import { Message } from "./message.ts";
import { PreparedMessage, type MessageData } from "./prepared-message.ts";

/** What can be sent at once. */
export type Broadcastable = MessageData | Message | PreparedMessage;

/** Anything that can be sent. A Blob is read first, and later messages wait behind it. */
export type Sendable = Broadcastable | Blob;

export interface SendOptions {
  /** What the message is the latest state of. Only `slowConsumer: "keep-latest"` looks at it. */
  readonly key?: string | undefined;
}

/** The message that `data` is. @throws TypeError for what cannot be sent. */
export function prepare(data: Broadcastable): PreparedMessage {
  if (data instanceof PreparedMessage) return data;
  if (data instanceof Message) return new PreparedMessage(data.bytes, { isBinary: data.isBinary });
  return new PreparedMessage(data);
}
