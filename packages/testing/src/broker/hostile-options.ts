import type { Broker } from "@upwire/cluster/broker";
import type { Clock } from "@upwire/core";

/** How often a hostile broker does what: from 0, never, to 1, always. */
export interface HostileOdds {
  /** A publication is delivered up to `lateMs` late, and so out of order. @default 0.4 */
  readonly deliverLate: number;
  /** It is delivered twice. @default 0.15 */
  readonly deliverTwice: number;
  /** It is not delivered; `top` or `gap` shows it up to a second later. @default 0.1 */
  readonly lose: number;
  /** A publish takes effect late; those of one topic stay in order. @default 0.2 */
  readonly publishLate: number;
  /** A publish rejects and has no effect. @default 0.04 */
  readonly publishFails: number;
  /** A publish or a tell takes effect, and rejects. @default 0.04 */
  readonly replyLost: number;
  /** An answer of any kind comes late. @default 0.3 */
  readonly answerLate: number;
  /** A subscribe or unsubscribe rejects; every other one of them has taken effect. @default 0.04 */
  readonly subscribeFails: number;
  /** A call of `history` begins a time of `outageMs` in which each one rejects. @default 0.05 */
  readonly historyFails: number;
  /** A page is shorter than it could be. @default 0.3 */
  readonly shortPage: number;
  /** A publish does not say how many other nodes it was handed to. @default 0.2 */
  readonly othersUnknown: number;
  /** What a node tells another, or a change of the nodes, comes up to `lateMs` late; all of one sender in order. @default 0.3 */
  readonly tellLate: number;
  /** What is not to be kept does not arrive. @default 0.05 */
  readonly tellLost: number;
  /** A tell rejects and has no effect. @default 0.04 */
  readonly tellFails: number;
}

export interface HostileOptions {
  readonly clock: Clock;
  /** Two brokers with the same seed, asked the same at the same times, do the same. @default 1 */
  readonly seed?: number;
  readonly odds?: Partial<HostileOdds>;
  /** How late, at most. Milliseconds. @default 200 */
  readonly lateMs?: number;
  /** How long `history` fails in one go. Milliseconds. @default 1000 */
  readonly outageMs?: number;
  /** So many calls of `history` are never answered: the tenth one, the twentieth and so on. @default 1 */
  readonly neverAnswered?: number;
}

/** What a hostile broker did so far. */
export interface HostileCounts {
  readonly late: number;
  readonly twice: number;
  readonly lost: number;
  readonly failed: number;
  readonly replyLost: number;
  readonly neverAnswered: number;
  readonly tellsLost: number;
}

export interface HostileBroker extends Broker {
  readonly counts: HostileCounts;
  /** From now on it does as the broker inside does. What is on its way still comes late. */
  heal(): void;
}

export const hostileOdds: HostileOdds = {
  deliverLate: 0.4,
  deliverTwice: 0.15,
  lose: 0.1,
  publishLate: 0.2,
  publishFails: 0.04,
  replyLost: 0.04,
  answerLate: 0.3,
  subscribeFails: 0.04,
  historyFails: 0.05,
  shortPage: 0.3,
  othersUnknown: 0.2,
  tellLate: 0.3,
  tellLost: 0.05,
  tellFails: 0.04,
};
