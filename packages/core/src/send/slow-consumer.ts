import type { Counters } from "../base/counters.ts";
import type { SlowConsumerPolicy } from "../base/limits.ts";

/** What a queue says to a message: it has it, or has not, or cannot have it because the client is too slow to be kept. */
export type Offered = "taken" | "refused" | "slow";

/** A send queue, as a policy sees it. */
export interface SlowQueue {
  /** Throws away the oldest message that may be taken back. @returns whether there was one. */
  dropOldest(): boolean;
  /** Whether the socket is behind and more than half of the queue is full. */
  isHalfFull(): boolean;
  /** Nothing is read from this client until its socket takes data again. */
  pauseReading(): void;
}

/** What happens to a client that reads more slowly than it is written to: `SlowConsumerPolicy`. One object for each Upgrader. */
export interface SlowConsumer {
  /** Whether messages for a client that is behind are kept back from the socket, where they can still be dropped or replaced. */
  readonly takesBack: boolean;
  /** Whether a message takes the place of the waiting one with the same key. */
  readonly replaces: boolean;
  /** Whether clients that are behind are not read. */
  readonly pauses: boolean;
  /** Whether messages for which there is surely room need not be looked at. */
  readonly isPlain: boolean;
  /** Takes a message back for one that has no room. @returns whether it could; then the queue looks again. */
  makeRoom(queue: SlowQueue): boolean;
  /** Counts a message for which there is no room. @returns what becomes of it. */
  noRoom(): Exclude<Offered, "taken">;
  /** A message was taken. */
  taken(queue: SlowQueue): void;
}

/** Whether messages for which there is room get past the policy: then none of them is dropped later, and others may refer to it. */
export function isPlainPolicy(policy: SlowConsumerPolicy): boolean {
  return policy === "close" || policy === "drop-newest";
}

function closes(): SlowConsumer {
  return { takesBack: false, replaces: false, pauses: false, isPlain: true, makeRoom: () => false, noRoom: () => "slow", taken: () => {} };
}

function dropsNewest(counters: Counters): SlowConsumer {
  const noRoom = (): "refused" => {
    counters.dropped++;
    return "refused";
  };
  return { ...closes(), noRoom };
}

function dropsOldest(counters: Counters): SlowConsumer {
  const makeRoom = (queue: SlowQueue): boolean => {
    const isDropped = queue.dropOldest();
    if (isDropped) counters.dropped++;
    return isDropped;
  };
  return { ...dropsNewest(counters), takesBack: true, isPlain: false, makeRoom };
}

function keepsLatest(): SlowConsumer {
  return { ...closes(), takesBack: true, replaces: true, isPlain: false };
}

function pauses(counters: Counters): SlowConsumer {
  const taken = (queue: SlowQueue): void => {
    if (queue.isHalfFull()) queue.pauseReading();
  };
  return { ...dropsNewest(counters), pauses: true, isPlain: false, taken };
}

/** The policy of that name. */
export function slowConsumer(policy: SlowConsumerPolicy, counters: Counters): SlowConsumer {
  const makers: Readonly<Record<SlowConsumerPolicy, (counters: Counters) => SlowConsumer>> = {
    close: closes,
    "drop-newest": dropsNewest,
    "drop-oldest": dropsOldest,
    "keep-latest": keepsLatest,
    pause: pauses,
  };
  return makers[policy](counters);
}
