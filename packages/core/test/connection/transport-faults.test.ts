import { Upgrader } from "@upwire/core";
import { closures, type TransportEvents } from "@upwire/core/adapter";
import { memoryRequest, memoryTransport } from "@upwire/testing";
import { expect, it } from "vitest";

/** What the handler of a connection is told when its transport, of another library, tells this fault. */
async function toldOf(code: string): Promise<unknown> {
  const upgrader = new Upgrader();
  const approval = await upgrader.decide(memoryRequest());
  if (!approval.ok) throw new Error(approval.code);
  const { transport } = memoryTransport();
  let events: TransportEvents | undefined;
  const start = transport.start.bind(transport);
  transport.start = (given) => {
    events = given;
    start(given);
  };
  const cause = new Error("of the other library");
  return new Promise((resolve) => {
    upgrader.open(transport, { ...approval, deflate: undefined }, { error: (_connection, error) => resolve(error) });
    setImmediate(() => events?.broken({ code, cause }));
  });
}

it.each(["ERR_UTF8", "ERR_MESSAGE_TOO_BIG", "ERR_SOCKET"] as const)("tells %s of a transport as its own", async (code) => {
  const { closeCode } = closures[code];
  expect(await toldOf(code)).toMatchObject({ code, closeCode, cause: { message: "of the other library" } });
});

it.each(["ERR_QUIC", "toString", ""])("takes %j, which core does not know, for a broken protocol", async (code) => {
  expect(await toldOf(code)).toMatchObject({ code: "ERR_PROTOCOL", closeCode: 1002 });
});
