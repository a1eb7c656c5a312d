import { setImmediate, setTimeout as delay } from "node:timers/promises";
import type { Line } from "./line.ts";
import type { StoryPlan } from "./story.ts";

/** How long a client that does not read goes on so: the server has then filled its buffers. */
const UNREAD_MS = 5;

/** Sends a story, each portion after what it waits for. Answers are awaited for `patienceMs` at most. */
export async function tell(line: Line, { portions, isUnread }: StoryPlan, patienceMs: number): Promise<void> {
  if (isUnread) line.pause();
  for (const { bytes, turn, ms, answers } of portions) {
    if (turn === true) await setImmediate();
    if (ms !== undefined) await delay(ms);
    if (answers !== undefined) await line.until(() => line.judge.answers >= answers && line.judge.isAtBorder, patienceMs);
    await line.write([bytes]);
  }
  if (!isUnread) return;
  await delay(UNREAD_MS);
  line.resume();
}
