import { expect } from "vitest";
import { rawRequest } from "../raw-request.ts";
import type { Suite } from "./suite.ts";

/** The framework's own middleware runs before the upgrade, and what it does counts. */
export function middleware(suite: Suite): void {
  const echo = { message: (connection: { send(data: string): boolean }, message: { text(): string }) => void connection.send(message.text()) };

  suite.route("/mw/headers", {}, { headers: { "x-option": "2", "set-cookie": ["c=3", "d=4"] } });
  suite.it("puts the headers and both cookies of middleware on the 101", async () => {
    const { status, answer } = await suite.connect("/alive");
    expect([status, answer.header("x-middleware")]).toEqual([101, "1"]);
    expect(answer.cookies).toEqual(expect.arrayContaining(["a=1", "b=2"]));
    expect(answer.cookies).toHaveLength(2);
  });

  suite.it("adds the headers of the headers option", async () => {
    const { status, answer } = await suite.connect("/mw/headers");
    expect([status, answer.header("x-option")]).toEqual([101, "2"]);
    expect(answer.cookies).toEqual(expect.arrayContaining(["a=1", "b=2", "c=3", "d=4"]));
  });

  suite.route("/session", { open: (connection, request) => void connection.send(`n=${String(request.headers["x-session-n"])}`) });
  suite.itIf("sessionOn101", "saves the session and sets its cookie on the 101", async () => {
    const first = await suite.connect("/session");
    expect(first.status).toBe(101);
    expect((await first.nextMessage()).text).toBe("n=1");
    const Cookie = first.answer.cookies.join("; ");
    const second = await suite.connect("/session", { headers: { Cookie } });
    expect((await second.nextMessage()).text).toBe("n=2");
    const stranger = await suite.connect("/session");
    expect((await stranger.nextMessage()).text).toBe("n=1");
  });

  suite.route("/private/door", echo);
  suite.it("lets middleware refuse, and ends the connection", async () => {
    const client = await suite.connect("/private/door");
    expect(client.status).toBe(401);
    await client.closed;
  });

  suite.itIf("fullRefusals", "gives the client the body and header of that refusal", async () => {
    const client = await suite.connect("/private/door");
    expect([client.status, client.body, client.answer.header("x-refused")]).toEqual([401, "no entry", "1"]);
  });

  suite.route("/throws", echo);
  suite.it("answers 500 when middleware throws, ends the connection and serves on", async () => {
    const client = await suite.connect("/throws");
    expect(client.status).toBe(500);
    await client.closed;
    await suite.expectAlive();
  });

  suite.itIf("fullRefusals", "lets that 500 be the framework's own", async () => {
    const plain = await suite.connect("/throws", { key: null, version: null, headers: { Upgrade: null, Connection: "close" } });
    const upgrade = await suite.connect("/throws");
    expect([upgrade.status, upgrade.body]).toEqual([plain.status, plain.body]);
  });

  suite.route("/slow/echo", echo);
  suite.it("waits for async middleware", async () => {
    const client = await suite.connect("/slow/echo");
    expect(client.status).toBe(101);
    client.sendText("hello");
    expect((await client.nextMessage()).text).toBe("hello");
  });

  suite.it("sets every header once on a refusal of its own", async () => {
    const { status, answer } = await suite.connect("/alive", { version: "12" });
    expect(status).toBe(426);
    const names = answer.headers.map(([name]) => name.toLowerCase()).filter((name) => name !== "set-cookie");
    expect(names).toEqual([...new Set(names)]);
  });

  suite.it("serves pages beside the WebSocket routes", async () => {
    const page = await rawRequest(suite.port, "GET /http HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(page).toMatch(/^HTTP\/1\.1 200 [^]*http/);
    expect(page.toLowerCase()).toContain("x-middleware: 1");
  });
}
