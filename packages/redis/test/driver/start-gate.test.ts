import { FakeClock } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import { RedisReplyError } from "../../src/driver/driver.ts";
import { StartGate } from "../../src/driver/start-gate.ts";

function gate(): { readonly gate: StartGate; readonly clock: FakeClock; readonly lines: string[] } {
  const clock = new FakeClock();
  const lines: string[] = [];
  return { gate: new StartGate(clock, { where: "host:1", withinMs: 1000, report: ({ message }) => lines.push(message) }), clock, lines };
}

const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
const nothing = "Redis at host:1: nothing listens there; is Redis running, and is the port right? (connect ECONNREFUSED)";

describe("the gate of a start", () => {
  it("tells each cause once while it tries again, and the last one when it gives up", async () => {
    const { gate: opening, clock, lines } = gate();
    opening.failed(refused);
    opening.failed(refused);
    opening.failed(new RedisReplyError("LOADING Redis is loading the dataset in memory"));
    opening.failed(refused);
    expect(lines).toEqual([`${nothing}; trying again`, expect.stringContaining("Redis still loads its data"), `${nothing}; trying again`]);
    clock.advance(1000);
    await expect(opening.opened).rejects.toThrow(`${nothing}; tried for 1000 ms`);
    expect(opening.isSettled).toBe(true);
  });

  it("says that nothing was heard at all", async () => {
    const { gate: opening, clock } = gate();
    clock.advance(1000);
    await expect(opening.opened).rejects.toThrow(/^Redis at host:1: it does not answer; .* tried for 1000 ms$/);
  });

  it("gives up at once on what does not get better by itself", async () => {
    const { gate: opening, clock, lines } = gate();
    opening.failed(new RedisReplyError("WRONGPASS invalid username-password pair"));
    await expect(opening.opened).rejects.toThrow("Redis at host:1: the user name or the password is wrong (WRONGPASS");
    expect([lines, clock.pending]).toEqual([[], 0]);
  });

  it("opens once, and keeps no timer", async () => {
    const { gate: opening, clock } = gate();
    opening.open();
    opening.close();
    await expect(opening.opened).resolves.toBeUndefined();
    expect(clock.pending).toBe(0);
  });
});
