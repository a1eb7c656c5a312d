import { unavailable } from "@upwire/cluster/broker";
import type { RealtimeError } from "@upwire/protocol";
import type { Random } from "../fuzz/random.ts";
import type { HostileCounts, HostileOdds } from "./hostile-options.ts";

interface MoodSetup {
  readonly random: Random;
  readonly odds: HostileOdds;
  /** Milliseconds. */
  readonly lateMs: number;
  readonly counts: { -readonly [Name in keyof HostileCounts]: number };
}

/** Decides what a hostile broker does, until it is healed. */
export class Mood {
  readonly random: Random;
  readonly counts: MoodSetup["counts"];
  isHealed = false;
  readonly #odds: HostileOdds;
  readonly #lateMs: number;

  constructor({ random, odds, lateMs, counts }: MoodSetup) {
    this.random = random;
    this.counts = counts;
    this.#odds = odds;
    this.#lateMs = lateMs;
  }

  does(what: keyof HostileOdds): boolean {
    return !this.isHealed && this.random.below(1000) < this.#odds[what] * 1000;
  }

  /** How late it comes: 0 if not at all. Milliseconds. */
  late(what: "deliverLate" | "publishLate" | "answerLate" | "tellLate"): number {
    if (!this.does(what)) return 0;
    this.counts.late++;
    return 1 + this.random.below(this.#lateMs);
  }

  fails(message: string): RealtimeError {
    this.counts.failed++;
    return unavailable(message);
  }

  replyLost(what: string): RealtimeError {
    this.counts.replyLost++;
    return unavailable(`${what}: took effect, and its reply was lost`);
  }
}
