import type { Flusher } from "./flusher.ts";
import type { FrameRun } from "./frame-run.ts";
import type { ResolvedLimits } from "./limits.ts";
import type { Deflate, PreparedMessage } from "./prepared-message.ts";

/** What all outboxes of one Upgrader share. */
export interface OutboxSetup {
  readonly limits: Pick<ResolvedLimits, "maxQueueBytes" | "maxQueueMessages">;
  readonly flusher: Flusher;
  readonly now: () => number;
}

/**
 * Outboxes that wait for the same frames, until the next flush: a message to all of them is queued once, here, and not once
 * in each. One that gets anything else parts before.
 */
export class Cohort {
  /** How many outboxes have not parted. */
  size = 0;
  run: FrameRun;
  readonly #setup: OutboxSetup;
  readonly #deflate: Deflate | undefined;
  /** The most that the socket of any of them may hold. */
  #slack = 0;

  constructor(setup: OutboxSetup, deflate: Deflate | undefined, run: FrameRun) {
    this.#setup = setup;
    this.#deflate = deflate;
    this.run = run;
  }

  /** Takes an outbox that waits for `run`, if it would frame and count the next message as the others do. */
  admit(setup: OutboxSetup, deflate: Deflate | undefined, run: FrameRun, slack: number): boolean {
    if (run !== this.run || setup !== this.#setup || deflate?.key !== this.#deflate?.key) return false;
    this.#slack = Math.max(this.#slack, slack);
    this.size++;
    return true;
  }

  hasRoomFor({ frameBytes }: PreparedMessage): boolean {
    const { maxQueueBytes, maxQueueMessages } = this.#setup.limits;
    return this.run.bytes + this.#slack + frameBytes <= maxQueueBytes && this.run.frames < maxQueueMessages;
  }

  push(message: PreparedMessage): void {
    this.run = this.#setup.flusher.extend(this.run, message.frame(this.#deflate));
  }
}
