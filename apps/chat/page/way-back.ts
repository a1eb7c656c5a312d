import type { MessageLog } from "./message-log.ts";

/** What the client says of a subscription that has been made, or made again. */
interface Subscribed {
  readonly resumed: boolean;
  /** Messages that follow because they came while we were away. */
  readonly missed: number;
}

/** The line that says what became of the messages that were missed, one for each time that the connection comes back. */
export class WayBack {
  readonly #log: MessageLog;
  #line: HTMLElement | undefined;
  #missed = 0;
  #isComplete = true;
  /** The subscription that has just been told as incomplete tells a gap too. */
  #expectsGap = false;

  constructor(log: MessageLog) {
    this.#log = log;
  }

  /** The connection is gone: what comes next is another return. */
  left(): void {
    this.#line = undefined;
    this.#missed = 0;
    this.#isComplete = true;
  }

  /** A topic that we were in before goes on. */
  resumed({ resumed, missed }: Subscribed): void {
    if (!resumed) this.#isComplete = false;
    this.#expectsGap = !resumed;
    this.#missed += missed;
    // At its place: what was missed comes behind it.
    this.#line ??= this.#log.add("notice", "", "").body;
    this.#line.textContent = this.#text();
  }

  /** Messages on a connection that lives will not come. */
  gap(): void {
    const isTold = this.#expectsGap;
    this.#expectsGap = false;
    if (!isTold) this.#log.add("notice", "", "some messages could not be kept");
  }

  #text(): string {
    const delivered = `${this.#missed} missed ${this.#missed === 1 ? "message" : "messages"} delivered`;
    if (this.#isComplete) return `back: ${this.#missed === 0 ? "nothing was missed" : delivered}`;
    return this.#missed === 0 ? "back: some messages could not be kept" : `back: ${delivered}, some could not be kept`;
  }
}
