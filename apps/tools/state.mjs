// Where `npm start` keeps what its chat knows, from one run to the next: who comes back finds what was missed.
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "./run.mjs";

/**
 * One for each demo and port, among what is installed. `UPWIRE_STATE` is another file; when it is empty, there is none, nor for a
 * port that is never the same.
 */
export function stateFile({ UPWIRE_STATE }, { name = "all", port }) {
  if (UPWIRE_STATE !== undefined) return UPWIRE_STATE || undefined;
  return port === 0 ? undefined : join(root, `node_modules/.upwire-chat-${name}-${port}`);
}

/** What was kept. It goes on once: after a process that was killed there is nothing. */
export async function takeState(file) {
  if (file === undefined) return undefined;
  const state = await readFile(file).catch(() => undefined);
  await rm(file, { force: true });
  return state;
}

export async function keepState(file, state) {
  // What was said is for no other user of this machine.
  if (file !== undefined) await writeFile(file, state, { mode: 0o600 });
}
