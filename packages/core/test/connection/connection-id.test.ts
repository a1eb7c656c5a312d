import { Upgrader } from "@upwire/core";
import { openInMemory } from "@upwire/testing";
import { describe, expect, it } from "vitest";

const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";

describe("connectionIdPrefix", () => {
  it.each([
    ["", undefined],
    ["eu-1.", "eu-1."],
    ["n".repeat(64), "n".repeat(64)],
  ])("makes ids of %j and a UUID", async (start, connectionIdPrefix) => {
    const upgrader = new Upgrader(connectionIdPrefix === undefined ? {} : { connectionIdPrefix });
    const ids = new Set<string>();
    for (let i = 0; i < 3; i++) {
      const { connection, peer } = await openInMemory(upgrader);
      ids.add(connection.id);
      peer.destroy();
    }
    expect(ids.size).toBe(3);
    for (const id of ids) expect(id).toMatch(new RegExp(`^${start.replace(".", "\\.")}${UUID}$`));
  });

  it.each(["", "a b", "a/b", "a:b", "a\n", "ä", "n".repeat(65), 5, null, ["a"], () => "a"])("is a TypeError when it is %j", (connectionIdPrefix) => {
    const make = (): unknown => new Upgrader({ connectionIdPrefix: connectionIdPrefix as string });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(/^Upgrader: connectionIdPrefix: .+ is not allowed; give 1 to 64 letters, digits, "_", "\." or "-"$/);
  });
});
