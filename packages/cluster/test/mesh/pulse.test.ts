// Who is taken for dead, and that the process that stood still finds it out first.
import type { Clock } from "@upwire/core";
import { expect, it } from "vitest";
import { Pulse } from "../../src/mesh/pulse.ts";
import type { Peer } from "../../src/mesh/peer.ts";

/** A node of one peer whose ticks come when the test says so, as after a standstill. */
function onePulse() {
  let now = 1000;
  let tick = (): void => {};
  const log: string[] = [];
  const link = { missed: 0, beat: (): void => void log.push("beat") };
  const peer = { isAlive: true, link } as unknown as Peer;
  const clock: Clock = { now: () => now, after: () => ({ cancel: () => {} }), every: (_ms, run) => ((tick = run), { cancel: () => {} }) };
  const pulse = new Pulse({
    clock,
    peers: new Map([["peer", peer]]),
    late: () => void log.push("late"),
    tick: () => {},
    silent: () => void log.push("silent"),
  });
  pulse.start();
  return {
    pulse,
    link,
    log,
    tickAfter: (ms: number): void => {
      now += ms;
      tick();
    },
    pass: (ms: number) => void (now += ms),
    look: () => new Promise((resolve) => void setImmediate(resolve)),
  };
}

it("takes a peer for dead at the fourth tick without a byte, and only after it has looked once more", async () => {
  const { link, log, tickAfter, look } = onePulse();
  for (let ticks = 0; ticks < 3; ticks++) {
    tickAfter(1000);
    await look();
  }
  tickAfter(1000);
  expect(log).not.toContain("silent");
  // What lay there unread is read now.
  link.missed = 0;
  await look();
  expect(log).not.toContain("silent");
  for (let ticks = 0; ticks < 4; ticks++) {
    tickAfter(1000);
    await look();
  }
  expect(log.filter((each) => each === "silent")).toHaveLength(1);
});

it("counts no tick between which the sockets were not looked at, and says that this node lives with each", async () => {
  const { link, log, tickAfter, look } = onePulse();
  for (let ticks = 0; ticks < 6; ticks++) tickAfter(1000);
  expect(link.missed).toBe(1);
  await look();
  expect(log).toEqual(Array(6).fill("beat"));
});

it("is late 2.5 s after its last tick began, and says so at the next one", () => {
  const { pulse, log, tickAfter, pass } = onePulse();
  pass(2499);
  expect(pulse.isInTime).toBe(true);
  tickAfter(1);
  expect([log, pulse.isInTime]).toEqual([["beat", "late"], true]);
});

it("is late when it stands still within a tick, before the others hear of it", () => {
  const { link, log, tickAfter, pass } = onePulse();
  link.beat = () => {
    pass(2000);
    log.push("beat");
  };
  tickAfter(1000);
  expect(log).toEqual(["beat", "late"]);
});
