import type { Connection } from "./connection.ts";
import { guard } from "./guard.ts";
import { channels } from "./telemetry.ts";
import type { PreparedMessage } from "./prepared-message.ts";
import type { SendOptions } from "./sendable.ts";

/** A message for a member whose queue has to be asked whether it takes it. */
interface Question<Context> {
  readonly connection: Connection<Context>;
  readonly message: PreparedMessage;
}

/**
 * One broadcast while it is under way. A slow client may have hooks, close listeners and subscribers told, and these may
 * broadcast: if that happened in the middle, half of the members would get the second message before the first. So what may
 * run code of the application is only noted here, and comes in `finish`, behind the last member.
 */
export class Delivery<Context> {
  /** How many queues took it. */
  taken = 0;
  readonly #options: DeliveryOptions<Context> | undefined;
  #questions: Question<Context>[] | undefined;

  constructor(options: DeliveryOptions<Context> | undefined) {
    this.#options = options;
  }

  /** The queue of this member cannot say at once that it takes the message. */
  ask(connection: Connection<Context>, message: PreparedMessage): void {
    this.#questions ??= [];
    this.#questions.push({ connection, message });
  }

  /** @returns how many queues took it. */
  finish(): number {
    const { taken } = this;
    return this.#questions === undefined ? taken : taken + this.#answer(this.#questions);
  }

  #answer(questions: readonly Question<Context>[]): number {
    const missed: Connection<Context>[] = [];
    for (const { connection, message } of questions) if (!connection.send(message, this.#options)) missed.push(connection);
    const tell = this.#options?.missed;
    if (tell !== undefined) for (const connection of missed) guard(() => tell(connection), (error) => channels.error.publish({ error, connection }));
    return questions.length - missed.length;
  }
}

export interface DeliveryOptions<Context> extends SendOptions {
  readonly missed?: ((connection: Connection<Context>) => void) | undefined;
}
