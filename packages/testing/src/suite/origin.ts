import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import type { HeaderInit } from "../handshake-request.ts";
import type { Suite } from "./suite.ts";

type Case = readonly [title: string, headers: Readonly<Record<string, HeaderInit>>];

const SITE = "app.example";

const allowed: readonly Case[] = [
  ["no Origin, which is no browser", {}],
  ["the same origin", { Host: `${SITE}:8080`, Origin: `http://${SITE}:8080` }],
  ["the same origin in other letters", { Host: "App.Example", Origin: `http://${SITE}` }],
  ["the default port of http left out", { Host: `${SITE}:80`, Origin: `http://${SITE}` }],
  ["the default port of https written out", { Host: SITE, Origin: `https://${SITE}:443` }],
  ["an IPv6 address", { Host: "[::1]:8080", Origin: "http://[::1]:8080" }],
];

const refused: readonly Case[] = [
  ["a foreign host", { Host: SITE, Origin: "http://evil.example" }],
  ["a foreign port", { Host: SITE, Origin: `http://${SITE}:8080` }],
  ["a host that only begins alike", { Host: SITE, Origin: `http://${SITE}.evil.example` }],
  ["a host that only ends alike", { Host: SITE, Origin: `http://evil${SITE}` }],
  ["a user name before the host", { Host: SITE, Origin: `http://${SITE}@evil.example` }],
  ["another scheme", { Host: SITE, Origin: `file://${SITE}` }],
  ["null", { Host: SITE, Origin: "null" }],
  ["an empty Origin", { Host: SITE, Origin: "" }],
  ["two Origins, both ours", { Host: SITE, Origin: [`http://${SITE}`, `http://${SITE}`] }],
  ["a foreign host with the cookie of a session", { Host: SITE, Origin: "http://evil.example", Cookie: "session=valid" }],
  ["our host only in X-Forwarded-Host", { Host: "inside", Origin: `http://${SITE}`, "X-Forwarded-Host": SITE }],
  ["no Origin, but a browser's word that it is cross-site", { "Sec-Fetch-Site": "cross-site" }],
];

/** The defence against cross-site WebSocket hijacking, on by default. */
export function origins(suite: Suite): void {
  const status = async (path: string, headers: Case[1]): Promise<number> => (await suite.connect(path, { headers })).status;

  suite.route("/origin/default", {});
  for (const [title, headers] of allowed) {
    suite.it(`allows ${title}`, async () => expect(await status("/origin/default", headers)).toBe(101));
  }
  for (const [title, headers] of refused) {
    suite.it(`refuses ${title}`, async () => expect(await status("/origin/default", headers)).toBe(403));
  }

  suite.route("/origin/listed", {}, { origin: ["https://a.example", "https://*.b.example", "http://localhost:*"] });
  suite.it("allows the origins of a list and its patterns, and no others", async () => {
    for (const origin of ["https://a.example", "https://x.b.example", "https://y.x.b.example", "http://localhost:3000"]) {
      expect([origin, await status("/origin/listed", { Origin: origin })]).toEqual([origin, 101]);
    }
    const own = `http://127.0.0.1:${suite.port}`;
    for (const origin of ["http://a.example", "https://b.example", "https://xb.example", "https://a.example.evil", "null", own]) {
      expect([origin, await status("/origin/listed", { Origin: origin })]).toEqual([origin, 403]);
    }
  });

  suite.route(
    "/origin/asked",
    {},
    {
      origin: async (origin, request) => {
        await delay(1);
        return origin === `https://${request.query.get("tenant")}.example`;
      },
    },
  );
  suite.it("asks an async function", async () => {
    expect(await status("/origin/asked?tenant=one", { Origin: "https://one.example" })).toBe(101);
    expect(await status("/origin/asked?tenant=two", { Origin: "https://one.example" })).toBe(403);
    expect(await status("/origin/asked?tenant=two", {})).toBe(403);
  });

  suite.route(
    "/origin/bug",
    {},
    {
      origin: () => {
        throw new Error("a bug in origin");
      },
    },
  );
  suite.it("answers 500 when that function throws, and reports it", async () => {
    expect(await status("/origin/bug", { Origin: "https://one.example" })).toBe(500);
    expect(suite.errors).toMatchObject([{ message: "a bug in origin" }]);
  });

  suite.route("/origin/required", {}, { requireOrigin: true });
  suite.it("refuses a missing Origin where one is required", async () => {
    expect(await status("/origin/required", {})).toBe(403);
    expect(await status("/origin/required", { Origin: `http://127.0.0.1:${suite.port}` })).toBe(101);
  });

  suite.route("/origin/unsafe", {}, { unsafeAllowAnyOrigin: true });
  suite.it("allows every origin with unsafeAllowAnyOrigin", async () => {
    for (const origin of ["http://evil.example", "null", ""]) {
      expect([origin, await status("/origin/unsafe", { Origin: origin })]).toEqual([origin, 101]);
    }
  });

  suite.route("/origin/hosts", {}, { allowedHosts: ["app.example", "localhost"], origin: ["same-origin", "https://other.example"] });
  suite.it("refuses a page whose name was made to lead here (DNS rebinding), before it looks at the origin", async () => {
    const rebound = { Host: "rebind.evil.example:8080", Origin: "http://rebind.evil.example:8080" };
    const client = await suite.connect("/origin/hosts", { headers: rebound });
    expect([client.status, client.body]).toEqual([403, "This server does not go by that host name.\n"]);
    expect(await status("/origin/hosts", { Host: "rebind.evil.example", Origin: "https://other.example" })).toBe(403);
    expect(await status("/origin/hosts", { Host: "app.example", Origin: "https://other.example" })).toBe(101);
    expect(await status("/origin/hosts", { Host: "localhost:9", Origin: "http://localhost:9" })).toBe(101);
  });

  suite.route("/origin/hosts-unsafe", {}, { allowedHosts: ["app.example"], unsafeAllowAnyOrigin: true });
  suite.it("checks the host also where every origin is allowed, and where there is none", async () => {
    expect(await status("/origin/hosts-unsafe", { Host: "rebind.example", Origin: "http://rebind.example" })).toBe(403);
    expect(await status("/origin/hosts-unsafe", { Host: "rebind.example" })).toBe(403);
    expect(await status("/origin/hosts-unsafe", { Host: "app.example", Origin: "http://x.example" })).toBe(101);
  });

  suite.route("/origin/apps", {}, { origin: ["null", "file://", "chrome-extension://*", "moz-extension://*"] });
  suite.it("allows apps and extensions that a list names", async () => {
    for (const origin of ["null", "file://", "chrome-extension://abcdef", "moz-extension://1-2-3"]) {
      expect([origin, await status("/origin/apps", { Origin: origin })]).toEqual([origin, 101]);
    }
    for (const origin of ["", "safari-web-extension://1", "file://x", "https://chrome-extension"]) {
      expect([origin, await status("/origin/apps", { Origin: origin })]).toEqual([origin, 403]);
    }
  });

  let authorized = 0;
  suite.route("/origin/first", {}, { authorize: () => ++authorized });
  suite.it("checks the origin before it asks authorize", async () => {
    expect(await status("/origin/first", { Origin: "http://evil.example" })).toBe(403);
    expect(authorized).toBe(0);
  });
}
