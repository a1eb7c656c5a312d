import type { Target } from "../target.ts";
import type { Fault } from "../verdict.ts";
import type { ConformanceCase } from "./case.ts";
import { runCase } from "./run-case.ts";
import { echoText, text } from "./write.ts";

/** A good client: what it says must come back, whatever another one did before. */
export const probe: ConformanceCase = {
  id: "alive",
  group: "alive",
  title: "a good client is served",
  level: "must",
  send: [{ frames: [text("alive")] }],
  expect: { messages: [echoText("alive")] },
};

/** @throws Error when there is no echo server. */
export async function probeFor(target: Target, timeoutMs: number): Promise<() => Promise<readonly Fault[]>> {
  const isServed = (): Promise<readonly Fault[]> => runCase(probe, target, timeoutMs);
  const [unfit] = await isServed();
  if (unfit !== undefined) throw new Error(`there is no echo for a good client: ${unfit.why}`);
  return isServed;
}
