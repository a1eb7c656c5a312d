import { expect, it } from "vitest";
import { createChat } from "../src/index.ts";
import { MemoryClient } from "./memory-client.ts";

it("tells everyone the time every five seconds until stopped", async () => {
  const timers: { ms: number; run: () => void; cancelled: boolean }[] = [];
  const ticker = {
    every(ms: number, run: () => void) {
      const timer = { ms, run, cancelled: false };
      timers.push(timer);
      return { cancel: () => void (timer.cancelled = true) };
    },
  };
  const demo = createChat({ ticker });
  const client = await MemoryClient.open(demo.chat);
  expect(timers).toMatchObject([{ ms: 5_000, cancelled: false }]);
  timers[0]?.run();
  expect(await client.take()).toEqual([expect.stringMatching(/^Server broadcast: Current time is [0-2]\d:[0-5]\d:[0-5]\d$/)]);
  await demo.stop();
  expect(timers).toMatchObject([{ cancelled: true }]);
});
