import { createServer, Server, type IncomingMessage } from "node:http";
import { attach } from "@upwire/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

type ShouldUpgrade = (req: IncomingMessage) => boolean;
type AskingServer = Server & { shouldUpgradeCallback: ShouldUpgrade };

const handshake = request({ upgrade: "websocket", connection: "Upgrade" });
const h2c = request({ upgrade: "h2c", connection: "Upgrade, HTTP2-Settings" });

function request(headers: Readonly<Record<string, string>>): IncomingMessage {
  return { headers } as unknown as IncomingMessage;
}

function ask(server: AskingServer): readonly boolean[] {
  return [handshake, h2c].map((req) => server.shouldUpgradeCallback(req));
}

// Node 22.21 and later ask the server, and `states.test.ts` shows what becomes of the answer. Here is what they are told, on each Node.
describe("a server that Node asks which requests are upgrades", () => {
  const isNative = "shouldUpgradeCallback" in createServer();
  const prototype = Server.prototype as Partial<AskingServer>;

  beforeAll(() => {
    // As Node has it: a server with a listener for upgrades takes them all.
    if (isNative) return;
    prototype.shouldUpgradeCallback = function (this: Server): boolean {
      return this.listenerCount("upgrade") > 0;
    };
  });

  afterAll(() => {
    if (!isNative) delete prototype.shouldUpgradeCallback;
  });

  it("takes handshakes alone, and is as before once it is detached", () => {
    const server = createServer() as AskingServer;
    const before = Object.getOwnPropertyDescriptor(server, "shouldUpgradeCallback");
    const attachment = attach(server);
    expect(ask(server)).toEqual([true, false]);
    attachment.detach();
    expect(Object.getOwnPropertyDescriptor(server, "shouldUpgradeCallback")).toEqual(before);
    expect(ask(server)).toEqual([false, false]);
  });

  it("takes them all while another library listens for upgrades too", () => {
    const server = createServer() as AskingServer;
    attach(server);
    const other = (): void => {};
    server.on("upgrade", other);
    expect(ask(server)).toEqual([true, true]);
    server.off("upgrade", other);
    expect(ask(server)).toEqual([true, false]);
  });

  it("takes beside another library what the application's own callback lets through", () => {
    const server = createServer() as AskingServer;
    const own: ShouldUpgrade = (req) => req.headers.upgrade === "other";
    server.shouldUpgradeCallback = own;
    server.on("upgrade", () => {});
    const attachment = attach(server);
    expect([...ask(server), server.shouldUpgradeCallback(request({ upgrade: "other", connection: "Upgrade" }))]).toEqual([true, false, true]);
    attachment.detach();
    expect(server.shouldUpgradeCallback).toBe(own);
  });

  it("keeps a callback that was put over ours", () => {
    const server = createServer() as AskingServer;
    const attachment = attach(server);
    const later: ShouldUpgrade = () => true;
    server.shouldUpgradeCallback = later;
    attachment.detach();
    expect(server.shouldUpgradeCallback).toBe(later);
  });
});
