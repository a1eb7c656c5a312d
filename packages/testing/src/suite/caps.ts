import { once } from "node:events";
import { connect } from "node:net";
import type { UpgraderOptions } from "@upwire/core";
import { expect, onTestFinished } from "vitest";
import { Channel } from "../channel.ts";
import type { Suite } from "./suite.ts";

const from = (ip: string): { readonly headers: Readonly<Record<string, string>> } => ({ headers: { "X-Forwarded-For": ip } });

/** How many may be there at once. */
export function caps(suite: Suite): void {
  const capped: readonly (readonly [option: string, options: UpgraderOptions, status: number])[] = [
    ["maxConnections", { maxConnections: 1 }, 503],
    ["maxConnectionsPerAddress", { maxConnectionsPerAddress: 1 }, 429],
  ];
  for (const [option, options, status] of capped) {
    suite.it(`answers ${status} over ${option}, and has room again when a client has left`, async () => {
      const gone = new Channel<number>();
      const server = await suite.serve("/capped", { close: (_connection, { code }) => gone.push(code) }, options);
      const first = await server.connect("/capped");
      expect([first.status, (await server.connect("/capped")).status]).toEqual([101, status]);
      await first.close(1000);
      await gone.next();
      expect((await server.connect("/capped")).status).toBe(101);
    });

    suite.it(`says with that ${status} when to come again`, async () => {
      const server = await suite.serve("/capped", {}, options);
      await server.connect("/capped");
      expect((await server.connect("/capped")).answer.header("retry-after")).toBe("5");
    });
  }

  suite.it("counts clients behind a trusted proxy by their own address", async () => {
    const server = await suite.serve("/capped", {}, { trustProxy: 1, maxConnectionsPerAddress: 1 });
    const statuses: number[] = [];
    for (const ip of ["1.1.1.1", "2.2.2.2", "1.1.1.1"]) statuses.push((await server.connect("/capped", from(ip))).status);
    expect(statuses).toEqual([101, 101, 429]);
  });

  suite.it("answers 503 with Retry-After over maxPendingHandshakes, and does not count what is decided", async () => {
    const asked = new Channel<() => void>();
    const authorize = (): Promise<void> => new Promise((resolve) => asked.push(resolve));
    const server = await suite.serve("/pending", {}, { authorize }, { maxPendingHandshakes: 1 });
    for (let round = 0; round < 3; round++) {
      const pending = server.connect("/pending");
      const decide = await asked.next();
      const refused = await server.connect("/pending");
      expect([refused.status, refused.answer.header("retry-after")]).toEqual([503, "5"]);
      await refused.closed;
      decide();
      expect((await pending).status).toBe(101);
    }
  });

  suite.it("ends the oldest connection that has sent no request over maxPendingHandshakes", async () => {
    const server = await suite.serve("/pending", {}, {}, { maxPendingHandshakes: 2 });
    const silent = [1, 2, 3].map(() => connect(server.port, "127.0.0.1"));
    onTestFinished(() => {
      for (const socket of silent) socket.destroy();
    });
    const [oldest, ...others] = silent;
    if (oldest !== undefined) await once(oldest.resume(), "close");
    expect(others.map(({ destroyed }) => destroyed)).toEqual([false, false]);
    expect((await server.connect("/pending")).status).toBe(101);
  });
}
