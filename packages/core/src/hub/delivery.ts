import { queueOf, type Connection } from "../connection/connection.ts";
import { channels } from "../base/channels.ts";
import { guard } from "../base/guard.ts";
import type { PreparedMessage } from "../wire/prepared-message.ts";
import type { SendOptions } from "../send/sendable.ts";
import type { SendQueue } from "../send/send-queue.ts";
import type { Broadcast } from "../send/shared-history.ts";
import type { Offered } from "../send/slow-consumer.ts";

/** A queue that did not take the message, and why. */
interface Untaken {
  readonly queue: SendQueue;
  readonly offered: Offered;
}

/** A message for what only looks like a connection: a stand-in in a test, or one of another copy of core. */
interface Foreign<Context> {
  readonly connection: Connection<Context>;
  readonly message: PreparedMessage;
}

/**
 * One broadcast while it is under way. A slow client may have hooks, close listeners and subscribers told, and these may
 * broadcast: if that happened in the middle, half of the members would get the second message before the first. So what may
 * run code of the application is only noted here, and runs in `finish`, after the last member.
 */
export class Delivery<Context> {
  /** How many queues took it. */
  taken = 0;
  readonly options: SendOptions<Connection<Context>> | undefined;
  #untaken: Untaken[] | undefined;
  #foreign: Foreign<Context>[] | undefined;

  constructor(options: SendOptions<Connection<Context>> | undefined) {
    this.options = options;
  }

  /** Offers the message of an audience to one member. @returns its queue, if that took it. */
  offer(connection: Connection<Context>, broadcast: Broadcast): SendQueue | undefined {
    const queue = queueOf(connection);
    if (queue === undefined) return this.#noteForeign(connection, broadcast.message);
    return this.#note(queue, queue.offerToMany(broadcast, this.options));
  }

  /** Offers a message to one member as if it were for no other. */
  offerAlone(connection: Connection<Context>, message: PreparedMessage): void {
    const queue = queueOf(connection);
    if (queue === undefined) this.#noteForeign(connection, message);
    else this.#note(queue, queue.offer(message, this.options));
  }

  /** @returns how many queues took it. */
  finish(): number {
    for (const { connection, message } of this.#foreign ?? []) this.#sendForeign(connection, message);
    for (const { queue, offered } of this.#untaken ?? []) queue.notTaken(offered, this.options?.missed);
    return this.taken;
  }

  /** Its code is the application's, or another copy's: what it throws keeps no other member from its message, or from being told. */
  #sendForeign(connection: Connection<Context>, message: PreparedMessage): void {
    guard(
      () => {
        const sent: unknown = connection.send(message, this.options);
        if (sent === true) this.taken++;
        return sent;
      },
      (error) => channels.error.publish({ error, connection }),
    );
  }

  #note(queue: SendQueue, offered: Offered): SendQueue | undefined {
    if (offered === "taken") {
      this.taken++;
      return queue;
    }
    this.#untaken ??= [];
    this.#untaken.push({ queue, offered });
    return undefined;
  }

  #noteForeign(connection: Connection<Context>, message: PreparedMessage): undefined {
    this.#foreign ??= [];
    this.#foreign.push({ connection, message });
  }
}
