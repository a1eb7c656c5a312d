import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { attach, Upgrader, websocket, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import { WireClient } from "@upwire/testing";
import { describe, expect, it, onTestFinished } from "vitest";

const echo: ConnectionHandler = { message: (connection, message) => connection.send(message) };

/** The answer of a route to a handshake that offers two subprotocols. */
async function answer(brought: UpgraderOptions | undefined, own?: UpgraderOptions | Upgrader): Promise<readonly [number, string | undefined]> {
  const route = websocket(brought === undefined ? echo : { ...echo, options: brought }, own as never);
  const server = createServer((req, res) => void route(req, res));
  attach(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  const client = await WireClient.connect({ port: (server.address() as AddressInfo).port, path: "/", headers: { "Sec-WebSocket-Protocol": "a, b" } });
  onTestFinished(() => void client.socket.destroy());
  return [client.status, client.answer.header("sec-websocket-protocol")];
}

describe("the options of a handler", () => {
  const authorize = (): boolean => false;

  it("count where its route has none, and for each that the route leaves out or sets to undefined", async () => {
    expect(await answer({ subprotocols: ["b"] })).toEqual([101, "b"]);
    expect(await answer({ subprotocols: ["b"] }, { maxMessageBytes: 5 })).toEqual([101, "b"]);
    expect(await answer({ subprotocols: ["b"] }, { subprotocols: undefined as never })).toEqual([101, "b"]);
    expect(await answer({ subprotocols: ["b"], authorize }, { maxMessageBytes: 5 })).toEqual([403, undefined]);
  });

  it("give way to those of the route, one by one", async () => {
    expect(await answer({ subprotocols: ["b"], authorize }, { subprotocols: ["a"], authorize: () => true })).toEqual([101, "a"]);
    expect(await answer({ subprotocols: ["b"], authorize }, { subprotocols: ["a"] })).toEqual([403, undefined]);
  });

  it("count for nothing beside an Upgrader, which has its own", async () => {
    expect(await answer({ subprotocols: ["b"], authorize }, new Upgrader({ subprotocols: ["a"] }))).toEqual([101, "a"]);
  });

  it("are left as they were given", async () => {
    const brought = Object.freeze({ subprotocols: ["b"] });
    expect(await answer(brought, Object.freeze({ subprotocols: ["a"] }))).toEqual([101, "a"]);
    expect(brought).toEqual({ subprotocols: ["b"] });
  });

  it.each<[string, unknown, string]>([
    ["no object", 5, "websocket: the options of a handler are an object, and these are a number"],
    ["null", null, "websocket: the options of a handler are an object"],
    ["a list", [], "websocket: the options of a handler are an object"],
    ["a misspelled one", { maxMesageBytes: 5 }, 'write "maxMessageBytes"'],
    ["one of a wrong kind", { authorize: true }, "authorize: true is not allowed"],
    ["one out of range", { maxMessageBytes: 0 }, "maxMessageBytes: 0 is not allowed"],
  ])("are checked when the route is made: %s", (_name, options, text) => {
    const make = (): unknown => websocket({ ...echo, options: options as UpgraderOptions });
    expect(make).toThrow(text);
  });

  it.each([null, 5, "options", true])("do not hide that those of the route are %j", (own) => {
    expect(() => websocket({ ...echo, options: { maxMessageBytes: 5 } }, own as never)).toThrow(TypeError);
  });
});
