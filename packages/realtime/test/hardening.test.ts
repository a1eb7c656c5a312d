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

describe("a subscribe that fails", () => {
  it("leaves the subscription before it as it was, with what was published meanwhile", async () => {
    const states: ((state: unknown) => void)[] = [];
    const realtime = createRealtime({
      topics: { t: { canSubscribe: () => true, state: () => new Promise((resolve) => states.push(resolve)) } },
      options: { onError: () => {} },
    });
    const client = await new MemoryRoute(realtime).client();
    client.say({ type: "upwire.subscribe", id: 1, topic: "t" });
    await client.heard();
    states[0]?.({});
    await client.heard();
    const topic = realtime.topic("t");
    await topic.publish("m", 1);
    expect(await client.heard()).toEqual([{ topic: "t", offset: 1, type: "m", payload: 1 }]);
    client.say({ type: "upwire.subscribe", id: 2, topic: "t" });
    await client.heard();
    await topic.publish("m", 2);
    client.say({ type: "upwire.subscribe", id: 3, topic: "t" });
    await client.heard();
    // No JSON.
    for (const give of states) give(1n);
    expect(await client.heard()).toEqual([
      { re: 3, error: expect.objectContaining({ code: "internal" }) as unknown },
      { topic: "t", offset: 2, type: "m", payload: 2 },
    ]);
    await topic.publish("m", 3);
    expect(await client.heard()).toEqual([{ topic: "t", offset: 3, type: "m", payload: 3 }]);
    expect(topic.size).toBe(1);
  });
});
