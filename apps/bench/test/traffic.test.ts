import { beforeEach, describe, expect, it } from "vitest";
import { Histogram } from "../src/driver/histogram.ts";
import { Traffic } from "../src/driver/traffic.ts";

let traffic: Traffic;
let completed: number[];

/** Two groups: clients 0, 2, 4 hear publishers 0 and 1; clients 1, 3 hear publishers 2 and 3. */
beforeEach(() => {
  traffic = new Traffic({ clients: 5, groups: 2, publishersPerGroup: 2, outstanding: 4 });
  completed = [];
  traffic.onComplete = (publisher) => completed.push(publisher);
});

describe("Traffic", () => {
  it("gives every publisher a client of its own group", () => {
    expect([0, 1, 2, 3].map((publisher) => traffic.clientOf(publisher))).toEqual([0, 2, 1, 3]);
  });

  it("completes a message when its group has it", () => {
    const sequence = traffic.sending(2, 0);
    traffic.delivered(1, 2, sequence);
    expect(completed).toEqual([]);
    traffic.delivered(3, 2, sequence);
    expect(completed).toEqual([2]);
    expect(traffic).toMatchObject({ deliveries: 2, disorders: 0, lost: 0, outstanding: 0 });
  });

  it.each([
    ["a message twice", [0, 0]],
    ["a message that was skipped", [1]],
    ["one that nobody sent", [0, 1, 2]],
    ["a later one first", [1, 0]],
  ])("notices %s", (_what, sequences) => {
    traffic.sending(2, 0);
    traffic.sending(2, 0);
    for (const sequence of sequences) traffic.delivered(1, 2, sequence);
    expect(traffic.disorders).toBeGreaterThan(0);
  });

  it("notices a message of another group", () => {
    traffic.delivered(0, 2, traffic.sending(2, 0));
    expect(traffic.disorders).toBe(1);
  });

  it("counts what was skipped as lost, and waits for it no longer", () => {
    traffic.sending(2, 0);
    traffic.sending(2, 0);
    traffic.delivered(1, 2, 1);
    traffic.delivered(3, 2, 0);
    expect(completed).toEqual([2]);
    expect(traffic).toMatchObject({ lost: 1, outstanding: 1 });
  });

  it("waits no longer for a client that is gone", () => {
    traffic.delivered(1, 2, traffic.sending(2, 0));
    traffic.dropped(3);
    expect(completed).toEqual([2]);
    expect(traffic).toMatchObject({ goneClients: 1, lost: 1, outstanding: 0 });
    traffic.delivered(1, 2, traffic.sending(2, 0));
    expect(completed).toEqual([2, 2]);
  });

  it("counts latencies from the planned moment on, within the window", () => {
    traffic.now = performance.now() + 50;
    traffic.delivered(1, 2, traffic.sending(2, 0));
    traffic.openWindow();
    expect(traffic.latencies.quantile(0.5)).toBe(0);
    const planned = performance.now() + 10;
    traffic.now = planned + 40;
    traffic.delivered(3, 3, traffic.sending(3, planned));
    expect(traffic.latencies.quantile(0.5)).toBeCloseTo(40, 0);
  });
});

describe("Histogram", () => {
  it("knows quantiles to two percent", () => {
    const histogram = new Histogram();
    for (let ms = 1; ms <= 1000; ms++) histogram.add(ms);
    for (const share of [0.01, 0.5, 0.99, 0.999]) expect(Math.abs(histogram.quantile(share) / (share * 1000) - 1)).toBeLessThan(0.02);
    expect(new Histogram().quantile(0.5)).toBe(0);
  });
});
