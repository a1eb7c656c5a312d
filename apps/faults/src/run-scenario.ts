import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRedis } from "@upwire/testing/redis";
import { judge } from "./judge/judge.ts";
import type { Evidence } from "./judge/log.ts";
import { together, type Figure, type Verdict } from "./judge/verdict.ts";
import { Random } from "./random.ts";
import type { Bounds, Round, Scenario } from "./scenario.ts";
import { Stage } from "./stage.ts";
import type { Pace, TopicKind } from "./traffic.ts";

/** Three nodes publish about 100 messages a second in each of four topics. */
const PACE: Pace = { everyMs: 10, perTurn: 1, window: 400 };
/** A round whose messages are not acknowledged by then is judged as it is. Milliseconds. */
const ACKNOWLEDGED_WITHIN_MS = 60_000;

export interface RunSettings {
  readonly rounds: number;
  /** Acknowledged ones in each round, of all topics. */
  readonly messages: number;
  readonly seed: number;
  readonly onRound?: (round: number, faults: readonly string[]) => void;
}

/** All rounds of one scenario. */
export interface Outcome {
  readonly scenario: Scenario;
  readonly rounds: number;
  readonly verdicts: Readonly<Record<TopicKind, Verdict>>;
  /** Of the slowest round. */
  readonly downMs: number | undefined;
  readonly upMs: number | undefined;
  readonly uncaught: readonly string[];
  readonly exits: readonly string[];
  /** Everything that is not as it should be, in words. */
  readonly faults: readonly string[];
  readonly reasons: ReadonlyMap<string, number>;
}

interface RoundOutcome extends Round {
  readonly verdicts: Readonly<Record<TopicKind, Verdict>>;
  readonly uncaught: readonly string[];
  readonly exits: readonly string[];
  readonly faults: readonly string[];
  readonly reasons: ReadonlyMap<string, number>;
}

/** Plays every round with servers, nodes and clients of its own, and judges it. */
export async function runScenario(scenario: Scenario, { rounds, messages, seed, onRound }: RunSettings): Promise<Outcome> {
  const outcomes: RoundOutcome[] = [];
  for (let round = 1; round <= rounds; round++) {
    const outcome = await playRound(scenario, new Random(seed, round), messages);
    outcomes.push({ ...outcome, faults: outcome.faults.map((fault) => `round ${round}: ${fault}`) });
    onRound?.(round, outcome.faults);
  }
  const reasons = new Map<string, number>();
  for (const outcome of outcomes) for (const [why, count] of outcome.reasons) reasons.set(why, (reasons.get(why) ?? 0) + count);
  return {
    scenario,
    rounds,
    verdicts: { log: together(outcomes.map(({ verdicts }) => verdicts.log)), live: together(outcomes.map(({ verdicts }) => verdicts.live)) },
    downMs: longest(outcomes.map(({ downMs }) => downMs)),
    upMs: longest(outcomes.map(({ upMs }) => upMs)),
    uncaught: outcomes.flatMap(({ uncaught }) => uncaught),
    exits: outcomes.flatMap(({ exits }) => exits),
    faults: outcomes.flatMap(({ faults }) => faults),
    reasons,
  };
}

async function playRound(scenario: Scenario, random: Random, messages: number): Promise<RoundOutcome> {
  const folder = mkdtempSync(join(tmpdir(), "upwire-faults-"));
  const redis = scenario.redis === undefined ? undefined : await startRedis(scenario.redis);
  let stage: Stage | undefined;
  try {
    const engines = await scenario.engines({ url: redis?.url ?? "", folder, random });
    stage = await Stage.start({ engines, perServer: 1, speakers: 2, pace: scenario.pace ?? PACE });
    await stage.publish();
    // A scenario without a server does not look at it.
    const round = (await scenario.play({ stage, random, redis: redis as NonNullable<typeof redis> })) ?? {};
    await stage.untilAcknowledged(messages, ACKNOWLEDGED_WITHIN_MS);
    return judged(scenario, { stage, round, evidence: await stage.evidence() });
  } catch (error) {
    throw new Error(`${scenario.name}: ${stage?.reported.slice(-3).join("; ") ?? ""}`, { cause: error });
  } finally {
    await stage?.close();
    await scenario.clear?.();
    await redis?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function judged(scenario: Scenario, { stage, round, evidence }: { readonly stage: Stage; readonly round: Round; readonly evidence: Evidence }): RoundOutcome {
  const verdicts = { log: judge(ofKind(evidence, "log")), live: judge(ofKind(evidence, "live")) };
  const { uncaught, exits } = stage;
  const faults = [
    ...beyond("log", verdicts.log, scenario.bounds.log),
    ...beyond("live", verdicts.live, scenario.bounds.live),
    ...tooLong("down after", round.downMs, scenario.times?.downMs),
    ...tooLong("up again after", round.upMs, scenario.times?.upMs),
    ...(round.faults ?? []),
    ...uncaught.map((what) => `uncaught in ${what}`),
    ...exits,
  ];
  return { ...round, verdicts, uncaught, exits, faults: scenario.isControl ? [] : faults, reasons: stage.ledger.reasons };
}

function ofKind({ published, listeners, ...when }: Evidence, kind: TopicKind): Evidence {
  const isOfKind = ({ topic }: { readonly topic: string }): boolean => topic.startsWith(`${kind}:`);
  return { published: published.filter(isOfKind), listeners: listeners.filter(isOfKind), ...when };
}

function beyond(kind: TopicKind, verdict: Verdict, bounds: Bounds): string[] {
  return (Object.entries(bounds) as [Figure, number][]).flatMap(([figure, most]) =>
    verdict[figure] > most ? [`${kind} topics: ${figure} ${Math.round(verdict[figure])}, at most ${most}`] : [],
  );
}

function tooLong(what: string, ms: number | undefined, mostMs: number | undefined): string[] {
  return ms !== undefined && mostMs !== undefined && ms > mostMs ? [`${what} ${Math.round(ms)} ms, at most ${mostMs}`] : [];
}

function longest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
