import type { TestContext } from "vitest";
import type { Program } from "./program.ts";

/** Ends a test whose program said, when it ended, that another one is not installed: skipped with that reason, but in CI nothing is skipped. */
export async function skipWithout(run: Program, { skip }: Pick<TestContext, "skip">): Promise<void> {
  const { code } = await run.exited;
  const [missing] = /There is no .* on this machine: .*/.exec(run.output) ?? [];
  if (code === 0 || missing === undefined) return;
  if (process.env["CI"] !== undefined) throw new Error(missing);
  skip(missing);
}
