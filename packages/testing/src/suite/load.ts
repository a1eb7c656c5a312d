import { setImmediate } from "node:timers/promises";
import { createHub, type CloseInfo, type Connection } from "@upwire/core";
import { expect } from "vitest";
import { Channel } from "../channel.ts";
import { flood, type FloodKind } from "../faults/clients.ts";
import type { Suite } from "./suite.ts";

const KIBIBYTE = 1024;

/** Clients that take nothing, or give too much. */
export function loadFaults(suite: Suite): void {
  const hub = createHub();
  const opens = new Channel<Connection>();
  const closes = new Channel<CloseInfo>();
  suite.route(
    "/load/room",
    {
      open(connection) {
        hub.add(connection);
        opens.push(connection);
      },
      close: (_connection, info) => closes.push(info),
    },
    { maxQueueBytes: 256 * KIBIBYTE },
  );
  suite.fault("closes the one who never reads with 1013, and the others get every broadcast in order", async () => {
    const deaf = await suite.connect("/load/room");
    const slow = await opens.next();
    deaf.pause();
    const good = [await suite.connect("/load/room"), await suite.connect("/load/room")];
    const payload = "x".repeat(64 * KIBIBYTE);
    let sent = 0;
    // Until the kernel takes no more for it either.
    for (; slow.state === "open" && sent < 2000; sent++) {
      hub.broadcast(`${sent} ${payload}`);
      for (const client of good) expect((await client.nextMessage()).text.startsWith(`${sent} x`)).toBe(true);
      await setImmediate();
    }
    expect(await closes.next()).toMatchObject({ code: 1013 });
    expect(hub.size).toBe(2);
  });

  suite.route("/load/echo", {
    message: (connection, message) => void connection.send(message),
    close: (_connection, info) => closes.push(info),
  });
  const floods: readonly (readonly [kind: FloodKind, what: string])[] = [
    ["messages", "small messages"],
    ["pings", "pings"],
    ["fragments", "fragments of one byte"],
  ];
  for (const [kind, what] of floods) {
    suite.fault(`serves others while a client floods it with ${what}`, async () => {
      while (closes.size > 0) await closes.next();
      const attacker = await suite.connect("/load/echo");
      const flooded = flood(attacker, kind, { maxBytes: 2 * KIBIBYTE * KIBIBYTE, stallMs: 8000 });
      const other = await suite.connect("/load/echo");
      for (let round = 0; round < 5; round++) {
        other.sendText(`${round}`);
        expect((await other.nextMessage(8000)).text).toBe(`${round}`);
      }
      const { end } = await flooded;
      // A message that never ends is refused; nobody limits how many there are.
      if (kind === "fragments") {
        expect(await closes.next(8000)).toMatchObject({ code: 1008 });
        return;
      }
      expect(end).toBe("took all");
      attacker.reset();
      await closes.next(8000);
    });
  }
}
