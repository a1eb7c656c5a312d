import type { Counters } from "../base/counters.ts";
import type { SlowConsumerPolicy } from "../base/limits.ts";

/** What becomes of a message that is offered to a queue: taken, refused, or refused because the client is too slow and must be ended. */
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
  /** Whether messages for a client that is behind wait outside the socket, where they can still be dropped or replaced. */
  readonly takesBack: boolean;
  /** Whether a message replaces the waiting one with the same key. */
  readonly replaces: boolean;
  /** Whether nothing is read from clients that are behind. */
  readonly pauses: boolean;
  /** Whether the policy has no say about messages for which there is room. */
  readonly isPlain: boolean;
  /** Takes back a waiting message to make room for another. @returns whether it could; then the queue checks again. */
  makeRoom(queue: SlowQueue): boolean;
  /** Counts a message for which there is no room. @returns what becomes of it. */
  noRoom(): Exclude<Offered, "taken">;
  /** A message was taken. */
  taken(queue: SlowQueue): void;
}

/** Whether the policy has no say about messages for which there is room: none is dropped later, so others may refer to it. */
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
