import { messageCut, StreamedMessage } from "../wire/incoming-stream.ts";
import { Inbox } from "./inbox.ts";
import type { Message } from "../wire/message.ts";

/** The streamed messages of one connection: the one that is being taken, and the next ones. */
export class StreamInbox extends Inbox<Message | StreamedMessage> {
  readonly #onNext: () => void;
  #current: StreamedMessage | undefined;

  /** @param onNext A message that waits can be taken. */
  constructor(onNext: () => void) {
    super();
    this.#onNext = onNext;
  }

  /** The oldest that waits, if the one before it has been taken to its end. */
  override shift(): Message | StreamedMessage | undefined {
    if (this.isEmpty) return undefined;
    if (this.#current?.isTaken === false) {
      this.#current.onTaken = this.#onNext;
      return undefined;
    }
    const next = super.shift();
    if (next instanceof StreamedMessage) this.#current = next;
    return next;
  }

  override clear(): void {
    this.cut();
    super.clear();
  }

  override cut(error: unknown = messageCut()): void {
    this.#current?.fail(error);
    for (const message of this.messages) if (message instanceof StreamedMessage) message.fail(error);
    this.messages = this.messages.filter((message) => !(message instanceof StreamedMessage && message.isOver));
  }

  override end(): void {
    this.cut();
    super.end();
  }
}
