import { logEvents } from "@upwire/core";
import { expect, onTestFinished } from "vitest";
import { Channel } from "../channel.ts";
import { Opcode } from "../client-frame.ts";
import type { Suite } from "./suite.ts";

/** CR, LF, ESC, DEL, NEL, U+2028, a bidi override. */
const HOSTILE = "a\r\nb\u001b[31mc\u007f\u0085\u2028\u202ez";
const ACTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
const SECRET = "T0K3N";

/** What `logEvents` writes about clients of every kind: one line each, no secrets, nothing that a terminal acts on. */
export function logs(suite: Suite): void {
  function logged(): Channel<string> {
    const lines = new Channel<string>();
    // Clients of behaviours before this one may still be leaving.
    const write = (line: string): void => void (line.includes("/log/") && lines.push(line));
    onTestFinished(logEvents({ write, connections: true }));
    return lines;
  }

  /** The next lines, `count` of them and no more. */
  async function parsed(lines: Channel<string>, count: number): Promise<unknown[]> {
    const texts: string[] = [];
    while (texts.length < count) texts.push(await lines.next());
    expect(lines.size).toBe(0);
    for (const text of texts) {
      expect(text).not.toMatch(ACTIVE);
      expect(text).not.toContain(SECRET);
    }
    return texts.map((text) => JSON.parse(text) as unknown);
  }

  const credentials = { Cookie: `sid=${SECRET}`, Authorization: `Bearer ${SECRET}` };
  suite.route("/log/echo", { message: (connection, message) => void connection.send(message) });

  suite.it("has one line for a refusal, without tokens, cookies and credentials", async () => {
    const lines = logged();
    const headers = { ...credentials, Origin: `https://ann:${SECRET}@evil.example`, "Sec-WebSocket-Protocol": SECRET };
    expect((await suite.connect(`/log/echo?token=${SECRET}`, { headers })).status).toBe(403);
    const [line] = await parsed(lines, 1);
    expect(line).toMatchObject({
      event: "refused",
      code: "ERR_ORIGIN",
      status: 403,
      method: "GET",
      path: "/log/echo?token=***",
      origin: "https://***@evil.example",
      host: `127.0.0.1:${suite.port}`,
    });
    expect(line).not.toHaveProperty("ifYours");
    expect(line).toHaveProperty("address", expect.stringMatching(/^127\.0\.0\.1:\d+$/));
  });

  suite.it("says with which host the origin was compared, and what to add", async () => {
    const lines = logged();
    const page = `http://localhost:${suite.port}`;
    expect((await suite.connect("/log/echo", { headers: { Origin: page } })).status).toBe(403);
    expect(await parsed(lines, 1)).toMatchObject([
      { code: "ERR_ORIGIN", origin: page, host: `127.0.0.1:${suite.port}`, ifYours: `origin: ["same-origin", "${page}"]` },
    ]);
  });

  suite.route("/log/hosts", {}, { allowedHosts: ["app.example"] });
  suite.it("says which host is not allowed", async () => {
    const lines = logged();
    expect((await suite.connect("/log/hosts", { headers: { Host: "dev.example:8080" } })).status).toBe(403);
    expect(await parsed(lines, 1)).toMatchObject([{ code: "ERR_HOST_NOT_ALLOWED", host: "dev.example:8080", ifYours: 'allowedHosts: ["dev.example"]' }]);
  });

  suite.it("has one line for an origin that holds control characters", async () => {
    const lines = logged();
    // Node reads header bytes as Latin-1: C1 controls are what can come through.
    const { status } = await suite.connect("/log/echo", { headers: { Origin: "http://a\u0085\u009b31m.example" } });
    expect(status).toBe(403);
    expect(await parsed(lines, 1)).toMatchObject([{ code: "ERR_ORIGIN", origin: "http://a\u0085\u009b31m.example" }]);
  });

  suite.it("has one line for a close, whatever reason the client gives, and never the token of the URL", async () => {
    const lines = logged();
    const client = await suite.connect(`/log/echo?token=${SECRET}`, { headers: credentials });
    client.sendText(SECRET);
    expect((await client.nextMessage()).text).toBe(SECRET);
    await client.close(4000, HOSTILE);
    expect(await parsed(lines, 2)).toMatchObject([
      { event: "open", path: "/log/echo?token=***" },
      { event: "close", code: 4000, reason: HOSTILE, wasClean: true, path: "/log/echo?token=***" },
    ]);
  });

  suite.it("has one line for a connection that upwire ends", async () => {
    const lines = logged();
    const client = await suite.connect(`/log/echo?token=${SECRET}`);
    client.sendFrame({ opcode: Opcode.text, payload: SECRET, mask: false });
    expect((await client.closed).code).toBe(1002);
    expect(await parsed(lines, 3)).toMatchObject([{ event: "open" }, { event: "closure", code: "ERR_PROTOCOL", closeCode: 1002 }, { event: "close" }]);
  });

  suite.route("/log/bug", { message: (_connection, message) => void JSON.parse(message.text()) });
  suite.it("has one line for an error of the handler, without the payload", async () => {
    const lines = logged();
    const client = await suite.connect(`/log/bug?${SECRET}`);
    client.sendText(SECRET);
    expect((await client.closed).code).toBe(1011);
    const events = await parsed(lines, 4);
    expect(events).toMatchObject([{ event: "open" }, { event: "error", error: "SyntaxError" }, { event: "closure", code: "ERR_HANDLER" }, { event: "close" }]);
  });
}
