import type { RedisServer } from "@upwire/testing/redis";
import type { Figure } from "./judge/verdict.ts";
import type { Engine } from "./node/api.ts";
import type { Random } from "./random.ts";
import type { Stage } from "./stage.ts";
import type { Pace, TopicKind } from "./traffic.ts";

/** Figures and the most that each may be, for the topics of one kind. What is not named is told and not judged. */
export type Bounds = Readonly<Partial<Record<Figure, number>>>;

/** Times of one round. Milliseconds; undefined where there is nothing to measure. */
export interface Times {
  /** From the fault to the state `down` on the node that was last to say so. */
  readonly downMs?: number | undefined;
  /** From the end of the fault to the state `up` on the node that was last. */
  readonly upMs?: number | undefined;
}

export interface Round extends Times {
  /** Faults in words that no figure shows: each is a failure. */
  readonly faults?: readonly string[];
}

export interface Place {
  readonly stage: Stage;
  readonly random: Random;
  /** Where the scenario has one. */
  readonly redis: RedisServer;
}

export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** How the Redis server is started that the nodes share; none when they need none. */
  readonly redis?: { readonly appendonly: "no" | "everysec" | "always"; readonly args?: readonly string[] };
  /** For each node, how it reaches the others. `url` is that of the Redis server, `folder` a new one. */
  engines(how: { readonly url: string; readonly folder: string; readonly random: Random }): Promise<readonly Engine[]> | readonly Engine[];
  readonly pace?: Pace;
  readonly bounds: Readonly<Record<TopicKind, Bounds>>;
  /** At most. Milliseconds. */
  readonly times?: Times;
  /** Others, measured beside ours: told and not judged. */
  readonly isControl?: true;
  /** Does the harm and undoes it, while all publishers go on. Calls `stage.heal()` when it is undone. */
  play(place: Place): Promise<Round | void>;
  /** After the round: ends what `engines` started. */
  clear?(): Promise<void>;
}

/** Nothing that was acknowledged is lost, and nothing is told that is not so. */
export const UNHARMED: Bounds = { lost: 0, untold: 0, doubled: 0, repeated: 0, inverted: 0, contradictions: 0, misplaced: 0, needless: 0, overstated: 0 };

/** Something may be lost, and all of it is told within 5 s; nothing else is. */
export const TOLD: Bounds = { untold: 0, doubled: 0, inverted: 0, contradictions: 0, misplaced: 0, needless: 0, overstated: 0, toldLateMs: 5000 };

/** As `TOLD`, where the topic itself may begin anew: listeners are told so, whether they lack something or not. */
export const BEGUN_ANEW: Bounds = { untold: 0, doubled: 0, inverted: 0, contradictions: 0, toldLateMs: 5000 };
