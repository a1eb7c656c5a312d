import type { Fetch } from "@upwire/client";
import { describe, expect, it, vi } from "vitest";
import { settle } from "../helpers/fake-clock.ts";
import { Fixture } from "../helpers/fixture.ts";

const answering = (verdict: unknown) => vi.fn<Fetch>(async () => ({ json: async () => verdict }));

async function refused(fetch: Fetch, options: object = {}): Promise<Fixture> {
  const fixture = new Fixture({ fetch, ...options });
  (await fixture.network.dialled()).refuse();
  await settle();
  return fixture;
}

describe("a handshake that failed", () => {
  it("is asked about by GET, once per try, with the token", async () => {
    const fetch = answering({ ok: true });
    const { clock, network } = await refused(fetch, { token: "secret" });
    const [address, init] = fetch.mock.calls[0] ?? [];
    expect([address, init?.headers]).toEqual(["http://server.test/ws", { accept: "application/vnd.upwire.check+json", authorization: "Bearer secret" }]);
    // What a handshake sends: the cookies of any host, and the page's origin.
    expect(init).toMatchObject({ credentials: "include", referrerPolicy: "origin" });
    await clock.advance(250);
    network.socket.refuse();
    await settle();
    expect(fetch.mock.calls.length).toBe(2);
  });

  it("is not tried again when the server says no, and the status says why", async () => {
    const verdict = { ok: false, status: 403, code: "ERR_ORIGIN_NOT_ALLOWED", retry: "no" };
    const { client, clock, network } = await refused(answering(verdict));
    expect(client.status).toEqual({ state: "closed", code: 1006, reason: "ERR_ORIGIN_NOT_ALLOWED", error: verdict });
    await clock.advance(60_000);
    expect([network.sockets.length, clock.pending]).toEqual([1, 0]);
  });

  it("is tried again later, or as usual, when the server says so", async () => {
    for (const [retry, waitMs, retryAfterMs] of [
      ["later", 5000, undefined],
      ["later", 7000, 7000],
      ["yes", 250, undefined],
    ] as const) {
      const { client, network, clock } = await refused(answering({ ok: false, status: 503, code: "ERR_SHUTTING_DOWN", retry, retryAfterMs }));
      expect(client.status).toEqual({ state: "waiting", retryAt: clock.now() + waitMs });
      await clock.advance(waitMs - 1);
      expect(network.sockets.length).toBe(1);
      await clock.advance(1);
      expect(network.sockets.length).toBe(2);
    }
  });

  it.each<readonly [string, Fetch]>([
    ["no such server", () => Promise.reject(new TypeError("fetch failed"))],
    ["a page in place of an answer", async () => ({ json: () => Promise.reject(new SyntaxError("<!doctype")) })],
    ["null", answering(null)],
    ["something else", answering({ retry: "no" })],
    [
      "a fetch that throws",
      () => {
        throw new Error("none");
      },
    ],
  ])("is tried again with %s", async (_, fetch) => {
    const { client, clock, network, errors } = await refused(fetch);
    expect([client.status.state, errors]).toEqual(["waiting", []]);
    await clock.advance(250);
    expect(network.sockets.length).toBe(2);
  });

  it("is tried again whatever is said when the next try is under way", async () => {
    let answer = (given: { json(): Promise<unknown> }): void => void given;
    const { client, clock } = await refused(() => new Promise((resolve) => (answer = resolve)));
    await clock.advance(250);
    answer({ json: async () => ({ ok: false, status: 403, code: "ERR_X", retry: "no" }) });
    await settle();
    expect(client.status.state).toBe("connecting");
  });

  it("is tried no more when the application closes the client meanwhile", async () => {
    const fixture = new Fixture({ fetch: answering({ ok: false, status: 503, code: "ERR_SHUTTING_DOWN", retry: "later" }) });
    const { client, clock, network } = fixture;
    client.onStatus(({ state }) => state === "waiting" && client.close());
    (await network.dialled()).refuse();
    await settle();
    await clock.advance(60_000);
    expect([client.status.state, network.sockets.length, clock.pending]).toEqual(["closed", 1, 0]);
  });

  it("is none when the connection had opened", async () => {
    const fetch = answering({ ok: false, status: 403, code: "ERR_X", retry: "no" });
    const fixture = new Fixture({ fetch });
    (await fixture.open()).end(1006);
    await settle();
    expect([fetch.mock.calls.length, fixture.client.status.state]).toEqual([0, "waiting"]);
  });
});
