import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { inspect } from "node:util";
import { logEvents, Upgrader, type ConnectionHandler } from "@upwire/core";
import { createRealtime, tokenOf } from "@upwire/realtime";
import { memoryRequest } from "@upwire/testing";
import { expect, it, onTestFinished } from "vitest";
import { MemoryRoute } from "./helpers/memory-clients.ts";

const encoded = (token: string): string => `upwire.auth.${Buffer.from(token).toString("base64url")}`;
const of = (authorization: string | undefined, ...subprotocols: string[]) => tokenOf({ headers: { authorization }, subprotocols });

it.each<[string, string | undefined, string | undefined]>([
  ["a bearer token", of("Bearer s3cret.token"), "s3cret.token"],
  ["one in another case", of("bearer  s3cret "), "s3cret"],
  ["an offered one", of(undefined, "upwire.v1", encoded("s3cret")), "s3cret"],
  ["one that is no ASCII", of(undefined, "upwire.v1", encoded("héhé \u{1f375}")), "héhé \u{1f375}"],
  ["both: the header", of("Bearer header", "upwire.v1", encoded("offer")), "header"],
  ["another scheme", of("Basic dTpw"), undefined],
  ["another scheme beside an offer", of("Basic dTpw", encoded("offer")), "offer"],
  ["a bearer without a token", of("Bearer "), undefined],
  ["an empty offer", of(undefined, "upwire.auth."), undefined],
  ["no base64url", of(undefined, "upwire.auth.a+b="), undefined],
  ["a lone last character", of(undefined, "upwire.auth.abcde"), undefined],
  ["bits that say nothing", of(undefined, "upwire.auth.YX"), undefined],
  ["no UTF-8", of(undefined, `upwire.auth.${Buffer.from([0xff]).toString("base64url")}`), undefined],
  ["nothing", of(undefined), undefined],
])("finds %s", (_, found, token) => {
  expect(found).toBe(token);
});

it("is never selected, and stands in no log and in no event but the request itself", async () => {
  const token = "s3cret-token";
  const offer = encoded(token);
  const lines: string[] = [];
  const events: string[] = [];
  const stop = logEvents({ write: (line) => void lines.push(line), connections: true });
  const names = ["open", "close", "closure", "refused", "dropped", "error"].map((name) => `upwire:${name}`);
  const listener = (event: unknown): void => {
    // What was sent stands in the headers of the request, as a cookie does; everything else is upwire's own.
    const { request, ...others } = event as { readonly request?: { readonly raw: unknown } };
    void request;
    events.push(inspect(others, { depth: 8, showHidden: true }));
  };
  for (const name of names) subscribe(name, listener);
  onTestFinished(() => {
    stop();
    for (const name of names) unsubscribe(name, listener);
  });
  const realtime = createRealtime({
    authorize: (request) => tokenOf(request) === token && { id: "ann" },
    events: {
      crash: () => {
        throw new Error("a fault of the application");
      },
    },
  });
  const route = new MemoryRoute(realtime);
  const client = await route.client({ "sec-websocket-protocol": `upwire.v1, ${offer}` });
  expect([client.connection.subprotocol, client.connection.context]).toEqual(["upwire.v1", { id: "ann" }]);
  await client.ask({ type: "crash" });
  for (let count = 0; count < 10; count++) client.peer.text("no JSON");
  await client.heard();
  client.peer.close(4400);
  await client.heard();
  const upgrader = Upgrader.forRoute(realtime as ConnectionHandler);
  for (const headers of [
    { "sec-websocket-protocol": `upwire.v1, ${encoded("wrong")}` },
    { "sec-websocket-protocol": `${offer}, ${offer}` },
    { "sec-websocket-protocol": offer, origin: "https://evil.example" },
  ]) {
    const refused = await upgrader.decide(memoryRequest({ headers }));
    expect(refused.ok).toBe(false);
    events.push(inspect(refused, { depth: 8 }));
  }
  expect(lines.length).toBeGreaterThan(3);
  expect(events.length).toBeGreaterThan(6);
  const all = [...lines, ...events].join("\n");
  for (const secret of [token, offer.slice("upwire.auth.".length), encoded("wrong").slice("upwire.auth.".length)]) expect(all).not.toContain(secret);
});
