import { afterEach, describe, expect, it, vi } from "vitest";
import { Fixture } from "../helpers/fixture.ts";
import { FakePage } from "../helpers/page.ts";

const INTERVAL_MS = 20_000;

afterEach(() => void vi.unstubAllGlobals());

async function connected(): Promise<Fixture> {
  const fixture = new Fixture();
  await fixture.open({ pingIntervalMs: INTERVAL_MS });
  return fixture;
}

const pings = ({ socket }: Fixture): Record<string, unknown>[] => socket.frames("upwire.ping");

describe("a silent connection", () => {
  it("is asked after the interval, and given up 10 s later", async () => {
    const fixture = await connected();
    await fixture.clock.advance(INTERVAL_MS - 1);
    expect(pings(fixture).length).toBe(0);
    await fixture.clock.advance(1);
    expect(pings(fixture).length).toBe(1);
    await fixture.clock.advance(9999);
    expect(fixture.client.status.state).toBe("open");
    await fixture.clock.advance(1);
    expect(fixture.client.status).toEqual({ state: "waiting", retryAt: fixture.clock.now() + 250 });
    expect(fixture.socket.closedWith).toEqual([undefined, undefined]);
  });

  it.each<readonly [string, (fixture: Fixture) => object]>([
    ["the answer to the ping", (fixture) => ({ re: pings(fixture).at(-1)?.["id"] })],
    ["any message", () => ({ type: "news" })],
  ])("lives on with %s", async (_, message) => {
    const fixture = await connected();
    for (let count = 1; count <= 5; count++) {
      await fixture.clock.advance(INTERVAL_MS + 5000);
      fixture.socket.message(message(fixture));
    }
    expect([fixture.client.status.state, fixture.errors]).toEqual(["open", []]);
  });

  it("is not asked while messages come", async () => {
    const fixture = await connected();
    for (let count = 0; count < 50; count++) {
      await fixture.clock.advance(INTERVAL_MS - 1000);
      fixture.socket.message({ type: "news" });
    }
    expect(pings(fixture).length).toBe(0);
  });

  it("that says no hello is given up", async () => {
    const fixture = new Fixture();
    (await fixture.network.dialled()).accept();
    await fixture.clock.advance(20_000);
    expect(fixture.client.status.state).toBe("waiting");
  });
});

describe("a page that was frozen", () => {
  it("does not give up a live connection: what has come is read before a late timer judges", async () => {
    for (const frozenMs of [2000, 60_000, 3_600_000]) {
      const fixture = await connected();
      await fixture.clock.advance(INTERVAL_MS + 1000);
      expect(pings(fixture).length).toBe(1);
      fixture.clock.pause(frozenMs + 9000);
      await fixture.clock.advance(0);
      // The timer came first, late; now the messages of the time in between are read.
      fixture.socket.message({ re: pings(fixture)[0]?.["id"] });
      await fixture.clock.advance(10_000);
      expect(fixture.client.status.state).toBe("open");
      fixture.socket.message({ type: "news" });
      await fixture.clock.advance(INTERVAL_MS - 1);
      expect(fixture.client.status.state).toBe("open");
    }
  });

  it("finds a dead one all the same, once its timers are in time", async () => {
    const fixture = await connected();
    for (let count = 0; count < 5; count++) {
      fixture.clock.pause(60_000);
      await fixture.clock.advance(0);
    }
    expect(fixture.client.status.state).toBe("open");
    await fixture.clock.advance(10_000);
    expect(fixture.client.status.state).toBe("waiting");
  });
});

describe("a page that wakes up", () => {
  it("asks at once whether the connection lives", async () => {
    const page = new FakePage();
    const fixture = await connected();
    page.fire("online");
    expect(pings(fixture).length).toBe(1);
    await fixture.clock.advance(10_000);
    expect(fixture.client.status.state).toBe("waiting");
    page.fire("pageshow");
    await fixture.clock.advance(0);
    expect(fixture.client.status.state).toBe("connecting");
  });
});

describe("an interval that cannot be meant", () => {
  it.each([1e12, Infinity, "soon", {}, -1, 0, null])("does not make the client busy: %j", async (pingIntervalMs) => {
    const fixture = new Fixture();
    let timers = 0;
    const after = fixture.clock.after.bind(fixture.clock);
    fixture.clock.after = (ms, run) => {
      timers++;
      expect(ms >= 0 && ms < 2 ** 31).toBe(true);
      return after(ms, run);
    };
    await fixture.open({ pingIntervalMs });
    timers = 0;
    for (let seconds = 0; seconds < 9; seconds++) await fixture.clock.advance(1000);
    expect(timers).toBeLessThan(3);
  });
});
