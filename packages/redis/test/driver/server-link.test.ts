import { FakeClock } from "@upwire/testing";
import { expect, it } from "vitest";
import type { RedisReply } from "../../src/driver/driver.ts";
import type { Line } from "../../src/driver/line.ts";
import { ServerLink } from "../../src/driver/server-link.ts";

/** Lets promises settle. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Connections whose answers are late by as many as the test says. */
async function linked() {
  const clock = new FakeClock();
  const states: string[] = [];
  let late: RedisReply[] = [];
  const line = (): Line => ({
    connect: () => Promise.resolve(),
    call: () => Promise.resolve(1),
    many: async (calls) => {
      late.push(...calls.map(([name, word]) => (name === "PING" ? Buffer.from(String(word)) : 1)));
      return late.splice(0, calls.length);
    },
    subscribe: () => Promise.resolve(),
    unsubscribe: () => Promise.resolve(),
    close: () => void (late = []),
  });
  const link = new ServerLink({
    source: { line },
    clock,
    isSharded: false,
    probeChannel: "probe",
    admit: () => Promise.resolve("run"),
    groups: (channels) => [channels],
    events: {
      message: () => {},
      foreign: () => {},
      up: () => states.push("up"),
      down: ({ message }) => states.push(message),
      failed: () => states.push("failed"),
    },
  });
  await turn();
  return { link, states, after: async (ms: number) => (clock.advance(ms), turn()), answerOnceMore: () => void late.unshift(1) };
}

it("connects anew when an answer was left out, or came twice", async () => {
  const { link, states, after, answerOnceMore } = await linked();
  for (let at = 0; at < 2; at++) await after(1000);
  expect(states).toEqual(["up"]);
  answerOnceMore();
  await after(1000);
  expect(states).toEqual(["up", "Redis left out the answer of a command, or gave one twice"]);
  await after(1000);
  expect(states.at(-1)).toBe("up");
  link.close();
});
