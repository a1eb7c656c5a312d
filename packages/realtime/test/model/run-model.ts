import type { Plant } from "./client-setup.ts";
import { Dice } from "./dice.ts";
import type { Counts } from "./journal.ts";
import type { BrokerName } from "./process.ts";
import { KILL_EACH, RESTART_EACH, SETTLE_EACH, steps, type Step } from "./steps.ts";
import { MemoryVenue } from "./memory-venue.ts";
import { SocketVenue } from "./socket-venue.ts";
import { World } from "./world.ts";

export interface ModelOptions {
  readonly seed: number;
  readonly steps: number;
  readonly broker: BrokerName;
  readonly plant?: Plant;
  /** @default "memory" */
  readonly over?: "memory" | "sockets";
}

const allWeights = steps.reduce((sum, { weight }) => sum + weight, 0);

/**
 * Plays `steps` random steps, and checks after each what has come to whom.
 * @throws ModelFault for the first thing that is wrong.
 */
export async function runModel({ seed, steps: count, broker, plant = {}, over = "memory" }: ModelOptions): Promise<Counts> {
  const dice = new Dice(seed);
  const venue = over === "sockets" ? new SocketVenue((limit) => dice.below(limit)) : new MemoryVenue();
  const world = new World({ seed, broker, plant, dice, venue });
  const { journal } = world;
  await world.start();
  for (let step = 1; step <= count; step++) {
    journal.step = step;
    if (dice.once(RESTART_EACH)) await world.restart();
    else if (dice.once(KILL_EACH)) await world.kill();
    else await choose(dice.below(allWeights)).apply(world);
    await world.turn();
    if (step % SETTLE_EACH === 0 || step === count) await world.settle();
  }
  await world.end();
  return world.counts;
}

function choose(at: number): Step {
  let left = at;
  for (const step of steps) {
    if (left < step.weight) return step;
    left -= step.weight;
  }
  throw new RangeError(`no step at ${at}`);
}
