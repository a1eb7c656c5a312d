import { eventually, type Stage } from "./stage.ts";
import type { Times } from "./scenario.ts";

/** Nodes that are not `up` again by then will not be. Milliseconds. */
const UP_WITHIN_MS = 10_000;

/**
 * Waits until every node that has seen its broker fail says `up` again.
 * @param from When the fault began. @param to When it was over.
 */
export async function timesOf(
  stage: Stage,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<Times & { readonly faults: readonly string[] }> {
  const isUp = await eventually(() => stage.nodes.every(({ name }) => lastState(stage, name) === "up"), UP_WITHIN_MS);
  const names = stage.nodes.map(({ name }) => name);
  const changes = stage.states.filter(({ node }) => names.includes(node));
  const downs = names.flatMap((name) => changes.find(({ node, state, at }) => node === name && state === "down" && at >= from)?.at ?? []);
  const ups = names.flatMap((name) => changes.findLast(({ node, state, at }) => node === name && state === "up" && at >= to)?.at ?? []);
  return {
    downMs: downs.length === 0 ? undefined : Math.max(...downs) - from,
    upMs: ups.length === 0 ? undefined : Math.max(...ups) - to,
    faults: isUp ? [] : stage.nodes.map(({ name }) => `${name} says ${lastState(stage, name)} ${UP_WITHIN_MS} ms after the fault`),
  };
}

function lastState(stage: Stage, name: string): string {
  return stage.states.findLast(({ node }) => node === name)?.state ?? "up";
}
