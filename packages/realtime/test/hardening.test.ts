import { createRealtime } from "@upwire/realtime";
import { describe, expect, it } from "vitest";
import { MemoryRoute } from "./helpers/memory-clients.ts";

describe("add", () => {
  it("of a connection that is closed, or taken out before the answer, does nothing and rejects nothing", async () => {
    const realtime = createRealtime({ topics: { "room:{room}": { canSubscribe: () => true } } });
    const client = await new MemoryRoute(realtime).client();
    const tea = realtime.topic("room:{room}", { room: "tea" });
    const added = tea.add(client.connection);
    expect(tea.delete(client.connection)).toBe(true);
    await expect(added).resolves.toBeUndefined();
    client.connection.close(1000);
    await expect(tea.add(client.connection)).resolves.toBeUndefined();
    expect(tea.size).toBe(0);
  });
});
